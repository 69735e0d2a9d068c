"""Inputs from URLs on a plain host: there before the command starts, whole, checked, and from where they may come."""

import asyncio
import hashlib
import os
import shutil
import signal
import socket

import pytest

from common_compute_connector.jobs import State
from common_compute_connector.protocol import Accepted, Deferred
from common_compute_rosetta.mover import mover

pytestmark = [pytest.mark.real]

BYTES = bytes(range(256)) * 5000


def url_input(path, url, **source):
    return {"path": path, "source": {"kind": "url", "url": url, **source}}


async def test_an_input_from_a_url_lies_where_it_was_wanted(house, files):
    """CC-STAGE-001: each input from a URL lies at its path with the URL's bytes, executable where asked."""
    files.content |= {"a%20b": BYTES, "tool": b"#!/bin/sh\nwc -c <data/x.bin\n", "empty": b""}
    spec = house.spec(
        "./bin/tool",
        inputs=[
            url_input("data/x.bin", files.url("/files/a%20b")),
            {**url_input("bin/tool", files.url("/files/tool")), "executable": True},
            url_input("none", files.url("/files/empty")),
            {"path": "own", "source": {"kind": "inline", "content_base64": "b3du"}},
        ],
        outputs=[{"path": "**"}],
    )
    run = await house.collect(await house.end(await house.submit(spec)))
    assert (State.SUCCEEDED, b"1280000\n") == (run.task.state, run.stdout.strip(b" "))
    assert {"data/x.bin": BYTES, "bin/tool": files.content["tool"], "none": b"", "own": b"own"} == {
        path: content for (_, path), content in run.results.items()
    }


async def test_bytes_are_checked(make_house, files):
    """CC-STAGE-002: bytes with another sha256 end the job as failed, with the sha256 that they have; the right one
    counts in either case of its letters."""
    house = make_house()
    files.content["x"] = BYTES
    digest = hashlib.sha256(BYTES).hexdigest()
    spec = house.spec("true", inputs=[url_input("x", files.url("/files/x"), sha256="0" * 64)])
    code, detail = await house.refusal(spec)
    assert ("input-unavailable", f"x: it is another file: its sha256 is {digest}") == (code, detail)
    spec = house.spec("true", inputs=[url_input("x", files.url("/files/x"), sha256=digest.upper())])
    assert State.SUCCEEDED == (await house.end(await house.submit(spec))).task.state


async def test_what_cannot_be_read(make_house, files):
    """CC-STAGE-002: a file that is not there, and a server that is not there, end the job with words for it."""
    house = make_house()
    code, detail = await house.refusal(house.fetching(files.url("/files/none")))
    assert ("input-unavailable", "in.0: 127.0.0.1 answers with status 404") == (code, detail)
    code, detail = await house.refusal(house.fetching(files.url("/status/401/9/x")))
    assert ("input-unavailable", "in.0: 127.0.0.1 answers with status 401") == (code, detail)


async def test_what_passes_by_itself_is_tried_again(make_house, files):
    """A server that is busy for a moment, and a connection that breaks off, are no failures."""
    house = make_house()
    files.content["x"] = BYTES
    urls = [files.url("/status/503/1/x"), files.url("/cut/x")]
    run = await house.end(await house.submit(house.fetching(*urls, command="cmp in.0 in.1")))
    assert State.SUCCEEDED == run.task.state
    assert [2, 2] == [files.seen["/status/503/1/x"], files.seen["/cut/x"]]


async def test_what_breaks_off_goes_on(make_house, files, leading_to):
    """A connection that breaks off again and again is gone on with, so that no byte comes twice: of the very same file,
    also behind a redirection, and however often the server is busy in between."""
    house = make_house()
    files.content["x"] = os.urandom(1_000_000)
    spec = house.fetching(files.url(leading_to("/parts/x")), command="cat in.0")
    run = await house.collect(await house.end(await house.submit(spec)))
    assert (State.SUCCEEDED, files.content["x"]) == (run.task.state, run.stdout)
    assert 1_000_000 == files.sent


async def test_the_rest_of_another_file_is_not_taken(make_house, files):
    """Where a file has changed since the connection broke off, the new one is taken from its beginning."""
    house = make_house()
    files.content |= {"changed": b"a" * 100_000, "other": b"b" * 90_000}
    spec = house.fetching(files.url("/parts/changed"), command="cat in.0")
    run = await house.collect(await house.end(await house.submit(spec)))
    assert b"b" * 90_000 == run.stdout


async def test_nobody_waits_for_it(make_house, files, is_alive):
    """A fetch ends when nobody has asked for it for a quarter of an hour, with all that belongs to it."""
    house = make_house()
    files.content["x"] = BYTES
    await house.connector.submit([house.submission(house.spec("true"))])
    program = house.base / "mover"
    program.write_bytes(mover().replace(b"sleep 60", b"sleep 0.1"))
    here = house.base / "staged" / "job.0"
    for directory in (here / "files", here / "failed", house.base / "staged" / "moving"):
        directory.mkdir(parents=True)
    (here / "requests").write_text(f"https http\n127.0.0.1\n\n9999999\n60\n0\n-\n{files.elsewhere}/held/x\n")
    (here / "asked").touch()
    process = await asyncio.create_subprocess_exec(
        "setsid", "sh", program, house.base, "fetch", "job.0", stdin=asyncio.subprocess.DEVNULL
    )
    await until_asked(house, files)
    await house.clock.sleep(0.5)
    assert process.returncode is None
    long_ago = house.clock.now().timestamp() - 1000
    os.utime(here / "asked", (long_ago, long_ago))
    async with asyncio.timeout(20):
        await process.wait()
    assert [[], []] == [list((house.base / "staged" / "moving").iterdir()), list((here / "files").iterdir())]


async def test_a_server_that_is_gone_or_a_stranger(make_house, files):
    """Where nobody listens, that nobody knows, or for whose certificate nobody stands, there is nothing to be had."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"https://127.0.0.1:{free.getsockname()[1]}/x"
    house, wary = make_house(), make_house(ca_file=str(files.ca.with_name("stranger.pem")))
    unknowing = make_house(hosts=["host.invalid"])
    told = await asyncio.gather(
        house.refusal(house.fetching(nowhere)),
        unknowing.refusal(unknowing.fetching("https://host.invalid/x")),
        wary.refusal(wary.fetching(files.url("/files/x"))),
    )
    assert [
        ("input-unavailable", "in.0: 127.0.0.1 does not answer"),
        ("input-unavailable", "in.0: the name service does not know host.invalid"),
        ("input-unavailable", "in.0: the certificate of 127.0.0.1 is not one that is trusted here"),
    ] == told


async def test_a_file_that_is_too_large(make_house, files):
    """More bytes than the settings allow are not taken, whether their number is told, told falsely, or not told."""
    house = make_house(max_input_bytes=100_000)
    files.content |= {"fits": b"x" * 100_000, "over": b"x" * 100_001}
    for path in ("/endless/x", "/huge/x", "/files/over", "/unsaid/over"):
        code, detail = await house.refusal(house.fetching(files.url(path)))
        assert ("input-unavailable", "in.0: it is larger than 100000 bytes") == (code, detail), path
    run = await house.end(await house.submit(house.fetching(files.url("/unsaid/fits"))))
    assert State.SUCCEEDED == run.task.state


async def test_a_transfer_that_takes_too_long(make_house, files):
    """A server that does not come to its end is given up after the time of the settings."""
    files.content["x"] = BYTES
    house = make_house(max_transfer_seconds=2)
    code, detail = await house.refusal(house.fetching(files.url("/held/x")))
    assert ("input-unavailable", "in.0: it takes longer than 2 s") == (code, detail)


async def test_to_be_led_elsewhere(make_house, files, leading_to):
    """Being led to another file of an allowed host is followed; to another scheme or another host it is not."""
    house = make_house()
    files.content["x"] = BYTES
    run = await house.end(await house.submit(house.fetching(files.url(leading_to("/files/x")))))
    assert State.SUCCEEDED == run.task.state
    port = files.address.rpartition(":")[2]
    words = {
        f"{files.elsewhere}/files/x": "a URL with http is not used here",
        "file:///etc/passwd": "a URL with file is not used here",
        f"https://localhost:{port}/files/x": "localhost is none of the hosts that are used here",
        f"https://127.0.0.1:{port}@169.254.169.254/latest": "169.254.169.254 is none of the hosts that are used here",
    }
    for url, said in words.items():
        code, detail = await house.refusal(house.fetching(files.url(leading_to(url))))
        assert ("input-unavailable", f"in.0: {said}") == (code, detail)
    _, detail = await house.refusal(house.fetching(files.url("/round/x")))
    assert "in.0: 127.0.0.1 leads from place to place without an end" == detail
    assert 1 == files.seen["/files/x"]


async def test_plain_http_only_where_it_is_named(make_house, files):
    """A scheme that the settings name is used, and no other."""
    files.content["x"] = BYTES
    house = make_house()
    code, detail = await house.refusal(house.fetching(f"{files.elsewhere}/files/x"))
    assert ("input-unavailable", "in.0: a URL with http is not used here") == (code, detail)
    house = make_house(schemes=["https", "http"])
    run = await house.end(
        await house.submit(house.fetching(f"{files.elsewhere}/files/x".replace("http", "HTTP")))
    )
    assert State.SUCCEEDED == run.task.state


async def test_no_host_of_the_inside_unless_it_is_named(make_house, files):
    """Where every public host may be asked, this machine and its like may not, whatever they are called."""
    files.content["x"] = BYTES
    house = make_house(hosts=["*"])
    port = files.address.rpartition(":")[2]
    closed = "has an address that is not public"
    not_understood = "its URL is none that is understood here"
    for host, words in {
        "127.0.0.1": closed,
        "localhost": closed,
        "[::1]": closed,
        "[::ffff:127.0.0.1]": closed,
        "10.1.2.3": closed,
        "2130706433": not_understood,
        "0x7f.1": not_understood,
        "127.1": not_understood,
        "0177.0.0.1": not_understood,
        r"data.example.org\@127.0.0.1": not_understood,
    }.items():
        code, detail = await house.refusal(house.fetching(f"https://{host}:{port}/files/x"))
        assert ("input-unavailable", True) == (code, words in detail), (host, detail)
    assert [] == files.asked


async def test_each_task_of_an_array_has_its_own(house, files):
    """What all tasks want is fetched once; a task whose own file is not there fails alone."""
    files.content |= {"all": b"all", "of-0": b"0", "of-2": b"2"}
    inputs = [
        url_input("all", files.url("/files/all")),
        url_input("own", files.url("/files/of-{{CC_TASK_INDEX}}")),
    ]
    run = await house.submit(house.spec("sh", "-c", "cat all own", inputs=inputs, array={"count": 3}), 3)
    await house.collect(await house.end(run))
    assert [State.SUCCEEDED, State.FAILED, State.SUCCEEDED] == [run.seen[index].state for index in range(3)]
    assert ("input-unavailable", "own: 127.0.0.1 answers with status 404") == (
        run.seen[1].reason.code,
        run.seen[1].reason.detail,
    )
    assert [b"all0", b"all2"] == [run.logs[index, "stdout"] for index in (0, 2)]
    assert 1 == files.seen["/files/all"]


async def test_what_is_fetched_is_no_part_of_the_wall_time(make_house, files):
    """A job with a second of wall time waits longer than that for its input, and then runs."""
    house = make_house()
    files.content["x"] = BYTES
    spec = house.fetching(files.url("/held/x"), command="wc -c <in.0", resources={"wall_time_seconds": 1})
    submission = house.submission(spec)
    (answer,) = await house.connector.submit([submission])
    assert isinstance(answer, Deferred)
    await house.clock.sleep(1.5)
    files.held.set()
    assert isinstance(await house.answer(submission), Accepted)


async def test_nobody_else_waits(make_house, files):
    """Of a batch, what needs nothing is handed over while another part's input is under way."""
    house = make_house()
    files.content["x"] = BYTES
    batch = [
        house.submission(house.fetching(files.url("/held/x"))),
        house.submission(house.spec("true")),
    ]
    answers = {answer.key: answer for answer in await house.connector.submit(batch)}
    assert [Deferred, Accepted] == [type(answers[one.part.key]) for one in batch]


async def test_what_is_secret_in_a_url_is_told_nowhere(house, files, processes):
    """CC-STAGE-006: neither a password nor a query is in any list of processes, in words, or in a file that others
    can read; and when all is done it is in no file at all."""
    files.content["x"] = BYTES
    # Words that no other test has, which may be at work on this machine as well.
    secrets = password, token, signature = [f"s3same{house.clock.new_id()}" for _ in range(3)]
    url = files.url("/held/x").replace("://", f"://user:{password}@") + f"?token={token}&sig={signature}"
    submission = house.submission(house.fetching(url))
    await house.connector.submit([submission])
    await until_asked(house, files)
    words = processes()
    assert any("curl" in each and str(house.base) in each for each in words)
    assert [] == [each for each in words if any(secret in each for secret in secrets)]
    holding = [
        file for file in house.base.rglob("*") if file.is_file() and token.encode() in file.read_bytes()
    ]
    assert [("requests", 0o600)] == [(file.name, file.stat().st_mode & 0o777) for file in holding]
    files.held.set()
    answer = await house.answer(submission)
    assert isinstance(answer, Accepted)
    assert f"/held/x?token={token}&sig={signature}" == files.asked[0][1]
    told = [house.base / "parts", house.base / "staged"]
    left = [file for place in told for file in place.rglob("*") if file.is_file()]
    assert [] == [f for f in left if any(secret.encode() in f.read_bytes() for secret in secrets)]
    failing = files.url(f"/files/none?{token}").replace("://", f"://u:{password}@")
    _, detail = await house.refusal(house.fetching(failing))
    assert "in.0: 127.0.0.1 answers with status 404" == detail


async def test_a_password_of_odd_signs(make_house, files):
    """The user part of a URL reaches the server as it is meant."""
    house = make_house()
    files.content["x"] = BYTES
    url = files.url("/private/x").replace("://", "://us%20er:pa$$:w%5Crd%22@")
    run = await house.end(await house.submit(house.fetching(url)))
    assert State.SUCCEEDED == run.task.state


async def test_a_password_is_for_one_server(make_house, files, leading_to):
    """Who is led to another server does not take the password there."""
    house = make_house(schemes=["https", "http"])
    files.content["x"] = BYTES
    led = files.url(leading_to(f"{files.elsewhere}/files/x")).replace("://", "://u:pa55@")
    run = await house.end(await house.submit(house.fetching(led)))
    assert State.SUCCEEDED == run.task.state
    assert [True, False] == ["Authorization" in headers for _, _, headers in files.asked]


async def test_a_fetch_outlives_who_asked_for_it(house, files):
    """A connector that is made anew finds what the first one began; a mover that is killed is followed by another."""
    files.content["x"] = BYTES
    spec = house.fetching(files.url("/held/x"), command="wc -c <in.0")
    submission = house.submission(spec)
    await house.connector.submit([submission])
    house.reopen()
    assert isinstance((await house.connector.submit([submission]))[0], Deferred)
    await until_asked(house, files)
    assert 1 == files.seen["/held/x"]
    os.killpg(mover_of(house, submission), signal.SIGKILL)
    files.held.set()
    answer = await house.answer(submission)
    assert isinstance(answer, Accepted)
    assert 2 == files.seen["/held/x"]
    assert BYTES == (house.staged(submission) / "files" / "0").read_bytes()


async def until_asked(house, files):
    async with asyncio.timeout(20):
        while not files.seen["/held/x"]:
            await house.clock.sleep(0.02)


def mover_of(house, submission) -> int:
    name = house.staged(submission).name
    return int((house.base / "staged" / "moving" / name).read_text().split()[1])


async def test_so_many_at_a_time(make_house, files):
    """No more movers are at work at once than the settings allow, and in the end everybody has been served."""
    files.content["x"] = BYTES
    house = make_house(transfers_at_once=2)
    batch = [house.submission(house.fetching(files.url(f"/held/x?{n}"))) for n in range(5)]
    async with asyncio.timeout(20):
        while len(files.asked) < 2:
            assert {Deferred} == {type(answer) for answer in await house.connector.submit(batch)}
    assert {Deferred} == {type(answer) for answer in await house.connector.submit(batch)}
    await house.clock.sleep(0.5)
    assert 2 == len(files.asked)
    files.held.set()
    answers = [await house.answer(one) for one in batch]
    assert {Accepted} == set(map(type, answers))
    assert 5 == len(files.asked)


async def test_what_was_fetched_goes_with_its_part(house, files, is_alive):
    """A release removes a part's inputs, and ends a fetch that is still under way."""
    files.content["x"] = BYTES
    run = await house.end(await house.submit(house.fetching(files.url("/files/x"))))
    assert house.staged(run).is_dir()
    submission = house.submission(house.fetching(files.url("/held/x")))
    await house.connector.submit([submission])
    await until_asked(house, files)
    mover = mover_of(house, submission)
    parts = [run.part, submission.part]
    assert {part.key for part in parts} == set(await house.connector.release(parts))
    assert [False, False] == [house.staged(run).exists(), house.staged(submission).exists()]
    async with asyncio.timeout(20):
        while is_alive(mover):
            await house.clock.sleep(0.02)
    assert [] == list((house.base / "staged" / "moving").iterdir())


async def test_inputs_of_parts_that_never_were(make_house, files):
    """What a job left that was cancelled before it was handed over goes after two days; nothing else does."""
    house = make_house()
    files.content["x"] = BYTES
    run = await house.end(await house.submit(house.fetching(files.url("/files/x"))))
    never, young = house.base / "staged" / "never-was.0", house.base / "staged" / "young.0"
    shutil.copytree(house.staged(run), never)
    shutil.copytree(house.staged(run), young)
    for old in (never, house.staged(run)):
        os.utime(old, (0, 0))
    (house.base / "staged" / "swept").unlink()
    await house.submit(house.fetching(files.url("/files/x")))
    async with asyncio.timeout(20):
        while never.exists():
            await house.clock.sleep(0.02)
    assert [True, True] == [young.exists(), house.staged(run).exists()]


async def test_without_settings_nothing_is_fetched(make_house, files):
    """Jobs that were accepted before the settings changed end with words, and do not wait for ever."""
    house = make_house()
    house.settings.pop("staging")
    house.reopen()
    code, detail = await house.refusal(house.fetching(files.url("/files/x")))
    assert ("input-unavailable", "the facility does not fetch files from URLs any more") == (code, detail)
    assert "staging" not in (await house.connector.describe())["conforms_to"]


async def test_the_class_is_claimed_where_it_can_be_done(house):
    """With settings and programs the class is claimed, and the schemes are those of the settings."""
    document = await house.connector.describe()
    assert (True, ["https"]) == ("staging" in document["conforms_to"], document["input_url_schemes"])
