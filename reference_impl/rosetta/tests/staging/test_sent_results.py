"""Results with a destination: sent from the host once their task has ended, and told with where they are."""

import asyncio
import hashlib
import os
import signal
import subprocess

import pytest

from common_compute_connector.jobs import State
from common_compute_connector.plan import output_rules
from common_compute_connector.protocol import EndedTask
from common_compute_rosetta.mover import mover

pytestmark = [pytest.mark.real]


def output(path, url, **members):
    return {"path": path, "destination": {"url": url}, **members}


async def collected_once(house, run) -> list:
    """Ask once for what came of a job."""
    ended = [EndedTask(run.part, index, output_rules(run.spec, index)) for index in run.part.indices]
    return [item async for item in house.connector.collect(ended)]


async def test_a_result_is_at_its_destination(house, files):
    """CC-STAGE-005: the results carry `location` in place of bytes, and the bytes are there; what has no destination
    comes home as ever."""
    names = ("b c", "ü%2F?#", "-n", "{a,b}", "it's")
    make = 'mkdir -p out/deep && echo one >one && for each; do printf "%s" "$each" >"out/deep/$each"; done; : >out/none'
    outputs = [
        output("one", files.url("/files/given?sig=s3same")),
        output("out/**", files.url("/files/folder/?token=s3same#part")),
        {"path": "*"},
        {"path": "home"},
    ]
    run = await house.run("sh", "-c", f"{make}; echo home >home", "sh", *names, outputs=outputs)
    assert (State.SUCCEEDED, ()) == (run.task.state, tuple(run.lost[0]))
    assert {"home": b"home\n"} == {path: content for (_, path), content in run.results.items()}
    expected = {"one": b"one\n", "out/none": b""} | {f"out/deep/{name}": name.encode() for name in names}
    assert expected.keys() == {path for _, path in run.sent}
    for (_, path), sent in run.sent.items():
        assert (len(expected[path]), hashlib.sha256(expected[path]).hexdigest()) == (
            sent.size_bytes,
            sent.sha256,
        )
        assert expected[path] == files.put[sent.location.removeprefix(files.url("/files/"))]
    assert files.url("/files/given") == run.sent[0, "one"].location
    assert files.url("/files/folder/out/deep/b%20c") == run.sent[0, "out/deep/b c"].location
    assert {"token=s3same", "sig=s3same"} == {path.partition("?")[2] for _, path, _ in files.asked}


async def test_a_failed_job_sends_what_it_left(make_house, files):
    """Also of a command that failed the results are sent."""
    house = make_house()
    run = await house.run(
        "sh", "-c", "echo one >one; exit 3", outputs=[output("one", files.url("/files/one"))]
    )
    assert (State.FAILED, 3, b"one\n") == (run.task.state, run.task.exit_code, files.put["one"])


async def test_what_cannot_be_sent_is_lost(make_house, files, leading_to):
    """Where a destination does not take a file, the file is told as lost, with words and without secrets."""
    house = make_house()
    targets = {
        "a": files.url("/status/403/99/x?sig=s3same"),
        "b": "https://localhost/x?sig=s3same",
        "c": files.url(leading_to(f"{files.elsewhere}/files/x?sig=s3same")),
        "d": files.url("/files/good"),
    }
    outputs = [output(path, url) for path, url in targets.items()]
    run = await house.run("touch", *targets, outputs=outputs)
    assert [
        "a could not be sent: 127.0.0.1 answers with status 403",
        "b could not be sent: localhost is none of the hosts that are used here",
        "c could not be sent: a URL with http is not used here",
    ] == sorted(run.lost[0])
    assert [(0, "d")] == list(run.sent)


async def test_to_be_led_to_the_place_where_it_is_kept(make_house, files, leading_to):
    """A server may lead to another one that takes the bytes, as grid storages do; what passes is tried again."""
    house = make_house()
    files.content["x"] = b""
    outputs = [
        output("a", files.url(leading_to("/files/kept"))),
        output("b", files.url("/status/503/1/x")),
    ]
    run = await house.run("sh", "-c", "head -c 3000000 /dev/zero >a; echo b >b", outputs=outputs)
    assert ((), bytes(3_000_000), 2) == (run.lost[0], files.put["kept"], files.seen["/status/503/1/x"])
    assert {(0, "a"), (0, "b")} == set(run.sent)


async def test_nothing_is_said_before_it_has_arrived(house, files, processes):
    """While a result is on its way its task is not told as collected, and others are; neither a restart nor the end
    of the mover loses it; and its URL is in no list of processes."""
    # Words that no other test has, which may be at work on this machine as well.
    password, signature = house.clock.new_id(), house.clock.new_id()
    url = files.url("/held/x").replace("://", f"://u:{password}@") + f"?sig={signature}"
    files.content["x"] = b"taken"
    run = await house.end(
        await house.submit(house.spec("sh", "-c", "echo it >it", outputs=[output("it", url)]))
    )
    other = await house.end(await house.submit(house.spec("true")))
    assert [] == await collected_once(house, run)
    async with asyncio.timeout(20):
        while not files.asked:
            await house.clock.sleep(0.02)
    assert [] == [each for each in processes() if signature in each or password in each]
    house.reopen()
    assert [] == await collected_once(house, run)
    assert 0 < len(await collected_once(house, other))
    (moving,) = (house.base / "staged" / "moving").glob("[!.]*")
    os.killpg(int(moving.read_text().split()[1]), signal.SIGKILL)
    files.held.set()
    await house.collect(run)
    assert ({(0, "it")}, 2) == (set(run.sent), files.seen["/held/x"])
    left = [file for file in house.task_directory(run).rglob("*") if file.is_file()]
    assert [] == [file for file in left if signature.encode() in file.read_bytes()]


async def test_links_are_not_sent(make_house, files, tmp_path):
    """Neither a link nor what lies behind a linked directory is sent; of one file with two names each is."""
    (tmp_path / "secret").write_text("secret")
    house = make_house()
    make = f"ln -s {tmp_path}/secret link; ln -s {tmp_path} folder; echo two >two; ln two three"
    await house.run("sh", "-c", make, outputs=[output("**", files.url("/files/all/"))])
    assert {"all/two": b"two\n", "all/three": b"two\n"} == files.put


async def test_tasks_do_not_take_each_other_s_place(make_house, files):
    """In a job of many tasks each one's files lie below its index in the folder."""
    house = make_house()
    script = "echo $CC_TASK_INDEX >it"
    outputs = [output("it", files.url("/files/all"))]
    spec = house.spec("sh", "-c", script, outputs=outputs, array={"count": 2})
    code, detail = await house.refusal(spec, 2)
    assert ("submission-rejected", True) == (code, "let it end with /" in detail)
    outputs = [output("it", files.url("/files/all/"))]
    run = await house.run("sh", "-c", script, outputs=outputs, array={"count": 2}, count=2)
    assert {"all/0/it": b"0\n", "all/1/it": b"1\n"} == files.put
    assert files.url("/files/all/1/it") == run.sent[1, "it"].location


async def test_a_required_output_that_is_not_there(make_house, files):
    """Where nothing matches, nothing is sent, and the task comes home at once."""
    house = make_house()
    run = await house.run("true", outputs=[output("it", files.url("/files/it"))])
    assert ({}, {}, ()) == (files.put, run.sent, run.lost[0])


async def test_without_settings_nothing_is_sent(make_house, files):
    """Jobs that were accepted before the settings changed come home, and what should have been sent is lost."""
    house = make_house()
    run = await house.end(
        await house.submit(house.spec("touch", "it", outputs=[output("it", files.url("/files/it"))]))
    )
    house.settings.pop("staging")
    house.reopen()
    await house.collect(run)
    assert ("it could not be sent: results are not sent anywhere from here any more",) == tuple(run.lost[0])


def test_a_link_in_the_place_of_a_result(tmp_path):
    """A result in whose place somebody puts a link before it is sent is not followed to where that leads."""
    task = tmp_path / "parts" / "j.0" / "tasks" / "0" / "sending"
    for directory in (task / "files", task / "sent", task / "unsent", tmp_path / "staged" / "moving"):
        directory.mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (task / "files" / "a").symlink_to(tmp_path / "secret")
    (task / "requests").write_text(
        "https\n127.0.0.1\n\n0\n10\na\nhttps://127.0.0.1:1/\nb\nhttps://127.0.0.1:1/\n"
    )
    program = tmp_path / "mover"
    program.write_bytes(mover())
    subprocess.run(["sh", program, tmp_path, "send", "j.0", "0"], check=True, stdin=subprocess.DEVNULL)
    assert {"a", "b"} == {path.name for path in (task / "unsent").iterdir()}
    assert {"it cannot be read, or is no regular file any more\n"} == {
        path.read_text() for path in (task / "unsent").iterdir()
    }
    assert ["complete", "sent", "unsent"] == sorted(path.name for path in task.iterdir())
