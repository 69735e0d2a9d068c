"""Images on their way to a host: once, whole, checked, from where they may come, and away again."""

import asyncio
import hashlib
import os
import shutil
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from common_compute_connector.jobs import State
from common_compute_connector.protocol import Accepted, Deferred, Refused

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("slurm"), pytest.mark.timeout(600)]

each_runtime = pytest.mark.parametrize("runtime", ["charliecloud", "podman", "bubblewrap", "docker"])


def counted(tool: str) -> str:
    """Write a stand-in for a tool that notes each pull and hands it on."""
    return (
        '#!/bin/sh\ncase " $* " in *" pull "*|*" copy "*docker://*) echo "$$" >>"${0%/*}/pulls" ;; esac\n'
        f'PATH=/usr/local/bin:/usr/bin:/bin\nexec {tool} "$@"\n'
    )


@pytest.mark.parametrize(
    ("runtime", "tool"), [("charliecloud", "ch-image"), ("bubblewrap", "skopeo"), ("podman", "podman")]
)
async def test_an_image_is_pulled_once(make_house, runtime, tool):
    """Two services' connectors and forty parts that want one image at once pull it once, and all of them run."""
    house = make_house(runtimes=[runtime])
    house.install(tool, counted(tool))
    other = house.reopen()
    first = house.opened[0]
    specs = [house.spec("sh", "-c", "echo $CC_JOB_ID", image="odd") for _ in range(40)]
    submissions = [house.submission(spec) for spec in specs]

    async def hand_over(connector, mine):
        answers = {}
        async with asyncio.timeout(200):
            while len(answers) < len(mine):
                waiting = [one for one in mine if one.part.key not in answers]
                told = await connector.submit(waiting)
                answers |= {answer.key: answer for answer in told if not isinstance(answer, Deferred)}
                await house.clock.sleep(0.05)
        return answers

    halves = await asyncio.gather(hand_over(first, submissions[::2]), hand_over(other, submissions[1::2]))
    assert 40 == sum(isinstance(answer, Accepted) for half in halves for answer in half.values())
    assert 1 == len((house.outside / "bin" / "pulls").read_text().split())
    assert [] == [path.name for path in house.kept.glob("incoming.*")]


@each_runtime
async def test_what_a_registry_does_not_have(with_runtime, runtime):
    """An unknown repository, tag or digest ends a job as unavailable, with the registry's words."""
    house = with_runtime(runtime)
    registry = house.facility["registry"]["address"]
    known = house.images["odd"].partition("@")
    for image in (f"{registry}/tests/none:1", f"{known[0]}:none", f"{known[0]}@sha256:{'0' * 64}"):
        code, detail = await house.refusal(image)
        assert "image-unavailable" == code
        assert [word for word in ("unknown", "not in registry", "not found") if word in detail], detail


@each_runtime
async def test_a_digest_is_of_one_repository(with_runtime, runtime):
    """That an image is there does not let it run under the name of a repository that has no such image."""
    house = with_runtime(runtime)
    await house.run("true", image="odd")
    digest = house.images["odd"].partition("@")[2]
    code, _ = await house.refusal(f"{house.facility['registry']['address']}/tests/none@{digest}")
    assert "image-unavailable" == code


@each_runtime
async def test_a_registry_that_nobody_trusts(with_runtime, runtime, tls_of_a_stranger):
    """A registry whose certificate nobody has vouched for gives no image."""
    house = with_runtime(runtime)
    code, detail = await house.refusal(f"{tls_of_a_stranger}/tests/odd:1")
    assert ("image-unavailable", True) == (code, "certificate" in detail.lower())


@pytest.mark.parametrize("runtime", ["charliecloud", "podman", "bubblewrap"])
async def test_an_authority_of_the_settings_is_trusted(
    with_runtime, runtime, tls_of_a_stranger, strangers_authority
):
    """With the registry's authority in `ca_file` its certificate is good, and those of others stay so."""
    house = with_runtime(runtime, ca_file=str(strangers_authority))
    _, detail = await house.refusal(f"{tls_of_a_stranger}/tests/odd:1")
    assert "certificate" not in detail.lower()
    run = await house.run("true", image="odd")
    assert State.SUCCEEDED == run.task.state


async def test_only_registries_of_the_settings(with_runtime, slurm_facility):
    """An image of another registry than those that are allowed is refused without being asked for."""
    house = with_runtime("bubblewrap", registries=[slurm_facility["registry"]["address"], "quay.io"])
    code, detail = await house.refusal("alpine:3.20")
    assert ("image-unavailable", True) == (code, "docker.io" in detail and "quay.io" in detail)


@each_runtime
async def test_a_tag_that_moves(with_runtime, runtime, moving_tag):
    """A tag is asked for anew after a while, and what it stood for then is what runs and is told."""
    house = with_runtime(runtime)
    image, move = moving_tag
    first = await house.run("true", image=image)
    move("odd")
    known = await house.run("true", image=image)
    assert first.task.resolved.image_digest == known.task.resolved.image_digest
    minutes_ago = int((house.clock.now() - timedelta(minutes=2)).timestamp())
    await house.as_user(f"cd {house.shelf_of_images}/answers && sed -i 's/^[0-9]*/{minutes_ago}/' *")
    moved = await house.run("sh", "-c", "echo $WHO", image=image)
    assert (b"image\n", house.images["odd"].partition("@")[2]) == (
        moved.stdout,
        moved.task.resolved.image_digest,
    )


@pytest.mark.parametrize(
    ("runtime", "image_format"),
    [
        *(
            (name, form)
            for name in ("charliecloud", "bubblewrap", "podman")
            for form in ("docker-archive", "oci-archive")
        ),
        ("docker", "docker-archive"),
    ],
)
async def test_an_image_of_an_archive(with_runtime, archives, runtime, image_format):
    """An archive is fetched, checked and turned into what the runtime takes; its sha256 is told as the digest."""
    house = with_runtime(runtime)
    archive = archives[image_format]
    run = await house.run("sh", "-c", "echo $FACILITY_IMAGE; pwd", image={"image_archive": archive})
    assert (b"busybox\n/cc/work\n", b"") == (run.stdout, run.stderr)
    assert f"sha256:{archive['sha256']}" == run.task.resolved.image_digest


async def test_an_archive_that_is_another_file(with_runtime, archives):
    """Bytes that do not have the sha256 that was asked for are no image, and nothing of them is kept."""
    house = with_runtime("bubblewrap")
    archive = {**archives["oci-archive"], "sha256": "0" * 64}
    code, detail = await house.refusal({"image_archive": archive})
    assert ("image-unavailable", True) == (code, archives["oci-archive"]["sha256"] in detail)


async def test_an_archive_that_is_no_image(with_runtime, served):
    """A file that is what was asked for, and no image, is told so."""
    directory, address = served
    (directory / "junk.tar").write_bytes(b"junk" * 1000)
    archive = {
        "url": f"{address}/junk.tar",
        "sha256": hashlib.sha256(b"junk" * 1000).hexdigest(),
        "format": "docker-archive",
    }
    for runtime in ("bubblewrap", "podman"):
        code, detail = await with_runtime(runtime).refusal({"image_archive": archive})
        assert ("image-unavailable", True) == (code, detail != "")


async def test_where_archives_come_from(with_runtime, served, archives):
    """Only over HTTPS, also after being led elsewhere; a way that leads to the file by HTTPS is gone."""
    house = with_runtime("bubblewrap")
    _, address = served
    known = archives["docker-archive"]
    code, detail = await house.refusal({"image_archive": {**known, "url": "http://127.0.0.1/x.tar"}})
    assert ("image-unavailable", True) == (code, "https" in detail)
    for elsewhere in ("http://127.0.0.1:1/x", "file:///etc/passwd", "ftp://127.0.0.1/x"):
        code, detail = await house.refusal(
            {
                "image_archive": {
                    **known,
                    "url": f"{address}/to/{elsewhere}",
                    "sha256": hashlib.sha256(elsewhere.encode()).hexdigest(),
                }
            }
        )
        assert ("image-unavailable", True) == (code, "is not used here" in detail), detail
    led = {**known, "url": f"{address}/to/{known['url']}"}
    run = await house.run("true", image={"image_archive": led})
    assert State.SUCCEEDED == run.task.state


@pytest.mark.parametrize("named", [["*"], ["*.example.org", "data.example.com"]])
async def test_hosts_that_archives_do_not_come_from(with_runtime, archives, named):
    """A host that is inside, or none of those that are named, is not asked for an archive."""
    house = with_runtime("bubblewrap", archive_hosts=named)
    known = archives["oci-archive"]
    elsewhere = {**known, "url": f"{known['url']}?{len(named)}"}  # what is there already is not fetched again
    code, detail = await house.refusal({"image_archive": elsewhere})
    assert ("image-unavailable", True) == (code, "hosts that are used here" in detail), detail


async def test_an_archive_that_is_too_large(with_runtime, archives, served):
    """More bytes than the settings allow are not fetched to their end, told beforehand or not."""
    house = with_runtime("bubblewrap", max_archive_bytes=100_000)
    for url, sha256 in ((archives["oci-archive"]["url"], "1" * 64), (f"{served[1]}/endless", "2" * 64)):
        archive = {"url": url, "sha256": sha256, "format": "oci-archive"}
        code, detail = await house.refusal({"image_archive": archive})
        assert ("image-unavailable", True) == (code, "larger than 100000 bytes" in detail), detail


async def test_what_is_secret_in_an_address_is_told_nowhere(with_runtime, served):
    """The query of an archive's address is in no words, in no list of processes, and in no file that stays."""
    house = with_runtime("bubblewrap")
    _, address = served
    tool = (
        '#!/bin/sh\ntr "\\0" "\\n" </proc/$$/cmdline >>"${0%/*}/argv"\nPATH=/usr/bin:/bin\nexec curl "$@"\n'
    )
    house.install("curl", tool)
    url = f'{address}/none.tar?token=s3cr3t"\\t[1-2]'
    _, detail = await house.refusal(
        {"image_archive": {"url": url, "sha256": "2" * 64, "format": "oci-archive"}}
    )
    assert ("404" in detail, "s3cr3t" in detail) == (True, False)
    assert "s3cr3t" not in (house.outside / "bin" / "argv").read_text()
    assert "" == await house.as_user(
        f"grep -r -l s3cr3t {house.shelf_of_images} {house.there}/facility 2>/dev/null"
    )


async def test_links_of_an_image_lead_nowhere(with_runtime):
    """An image with a link where something must be mounted is refused, and what the link names stays as it is."""
    house = with_runtime("bubblewrap")
    code, detail = await house.refusal("linked")
    assert ("image-unavailable", True) == (code, "/tmp" in detail)


def kill_puller(directory: str) -> None:
    """Kill what pulls images below a directory."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if directory.encode() in words and b"puller" in words:
            os.kill(int(process.name), signal.SIGKILL)


async def test_a_pull_that_is_killed_leaves_no_half_image(make_house):
    """Whoever pulls may be killed at any time: what came of it is not used, and the next one begins anew."""
    house = make_house(runtimes=["bubblewrap"])
    slow = (
        '#!/bin/sh\nPATH=/usr/bin:/bin\numoci "$@" || exit\necho here >>"${0%/*}/unpacked"\n'
        '[ -e "${0%/*}/fast" ] || sleep 100\n'
    )
    house.install("umoci", slow)
    submission = house.submission(house.spec("true", image="odd"))
    (answer,) = await house.connector.submit([submission])
    assert isinstance(answer, Deferred)
    mark = house.outside / "bin" / "unpacked"
    async with asyncio.timeout(60):
        while not mark.exists():
            await house.clock.sleep(0.05)
    (answer,) = await house.connector.submit([submission])
    assert isinstance(answer, Deferred)
    kill_puller(house.there)
    mark.with_name("fast").touch()
    assert [] == list((house.kept / "tree").iterdir())
    run = await house.run("true", image="odd")
    assert State.SUCCEEDED == run.task.state
    assert ["here", "here"] == mark.read_text().split()


@pytest.mark.parametrize(("runtime", "store"), [("bubblewrap", "tree"), ("podman", "podman-images")])
async def test_images_that_nobody_uses_are_removed(make_house, runtime, store):
    """After so many days without a request an image goes, unless a part still runs in it."""
    house = make_house(runtimes=[runtime], keep_days=2)
    done = await house.run("true", image="odd")
    await house.connector.release([done.part])
    kept = house.kept / store
    names = {name: house.images[name].partition("@")[2].replace(":", "-") for name in ("odd", "busybox")}
    running = await house.submit(house.spec("sleep", "200", image="busybox"))
    old = (house.clock.now() - timedelta(days=3)).timestamp()
    for name in names.values():
        os.utime(kept / name / "used", (old, old))
    os.utime(house.kept / "swept", (old, old))
    await house.connector.submit([house.submission(house.spec("true", image="bare"))])
    async with asyncio.timeout(60):
        while (kept / names["odd"]).exists():
            await house.clock.sleep(0.1)
    assert (kept / names["busybox"] / "digest").exists()
    if runtime == "podman":
        told = (
            f"export XDG_RUNTIME_DIR=/tmp/common-compute-{house.user_id} STORAGE_DRIVER=overlay;"
            f" podman --root={house.there}/facility/test-service/images/podman images --digests"
            " --format '{{.Digest}}'"
        )
        odd, busybox = (house.images[name].partition("@")[2] for name in ("odd", "busybox"))
        async with asyncio.timeout(60):
            while odd in (digests := await house.as_user(told)):
                await house.clock.sleep(0.2)
        assert busybox in digests
    await house.connector.cancel([running.live])
    await house.end(running)


async def test_a_place_that_is_somebody_elses(make_house):
    """Images are not kept where another user could have put others in their place."""
    house = make_house(runtimes=["bubblewrap"], images="/srv/trap")
    trap = Path(house.facility["hosts"]["plain"]["room"]) / "srv" / "trap" / "alice" / "test-service"
    trap.mkdir(parents=True, mode=0o777)
    try:
        trap.chmod(0o777)
        code, detail = await house.refusal("odd")
        assert ("image-unavailable", True) == (code, "cannot be used for images" in detail)
        assert [] == list(trap.iterdir())
    finally:
        shutil.rmtree(trap.parents[1])


async def test_parts_without_containers_do_not_wait(make_house):
    """In one batch a part without a container goes its way while another one's image is pulled."""
    house = make_house(runtimes=["bubblewrap"])
    plain = house.submission(
        {"facility_id": "here", "software": {"kind": "installed", "name": "posix-shell"}, "command": ["true"]}
    )
    boxed = house.submission(house.spec("true", image="odd"))
    refused = house.submission(
        house.spec(
            "true", image={"image_archive": {"url": "https://x/y", "sha256": "0" * 64, "format": "sif"}}
        )
    )
    answers = {answer.key: type(answer) for answer in await house.connector.submit([boxed, refused, plain])}
    assert {plain.part.key: Accepted, boxed.part.key: Deferred, refused.part.key: Refused} == answers
