"""Results that change while they are brought home: whole, or lost in words, and never something between."""

import asyncio
import hashlib
import os
import random
import threading
from contextlib import aclosing

import pytest

from common_compute_connector.dispatching.collecting import collect_tasks
from common_compute_connector.plan import output_rules
from common_compute_connector.protocol import EndedTask
from common_compute_connector.store.content import Content

pytestmark = pytest.mark.real

SIZE = 30_000_000


def sum_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


SMALL = sum_of(b"small\n")


async def ended_with_file(house, name: str = "big"):
    """Run a job that leaves one large file and a small one beside it."""
    script = f"head -c {SIZE} /dev/zero | tr '\\0' a >{name}; echo small >small"
    run = await house.submit(house.spec("sh", "-c", script, outputs=[{"path": "*"}]))
    await house.end(run)
    return run, house.task_directory(run) / "work" / name


async def kept(house, run, tmp_path):
    """Collect as the dispatcher does, and give the sums of what was kept beside the whole harvest."""
    content, harvests = Content(tmp_path / "content"), []
    task = EndedTask(run.part, 0, output_rules(run.spec, 0))
    await collect_tasks(house.connector, content, [task], harvests)
    (harvest,) = harvests
    told = {}
    for result in harvest.results:
        data = content.path(result.job_id, result.content_name).read_bytes()
        assert (len(data), sum_of(data)) == (result.size_bytes, result.sha256)
        told[result.path] = result.sha256
    return told, harvest


class Meddler:
    """Does something to a file while the first of its bytes are on their way, as often as it is told."""

    def __init__(self, house, monkeypatch, deed, times: int) -> None:
        self.left = times
        transport = house.connector._transport
        original = transport.stream

        async def stream(argv, stdin=b"", *, idle_seconds):
            got = 0
            async with aclosing(original(argv, stdin, idle_seconds=idle_seconds)) as chunks:
                async for chunk in chunks:
                    yield chunk
                    got += len(chunk)
                    if got > 1_000_000 and self.left > 0:
                        self.left -= 1
                        got = -(10**12)
                        deed()

        monkeypatch.setattr(transport, "stream", stream)


def shrink(path):
    os.truncate(path, 5_000_000)


def grow(path):
    with path.open("ab") as file:
        file.write(b"b" * 1000)


def rewrite(path):
    with path.open("r+b") as file:
        file.seek(SIZE - 1000)
        file.write(b"c" * 1000)


@pytest.mark.parametrize(
    ("deed", "expected"),
    [
        (shrink, b"a" * 5_000_000),
        (grow, b"a" * SIZE + b"b" * 1000),
        (rewrite, b"a" * (SIZE - 1000) + b"c" * 1000),
    ],
    ids=["shrink", "grow", "rewrite"],
)
async def test_what_changes_once_comes_home_as_it_is_then(house, monkeypatch, tmp_path, deed, expected):
    """A file that changes under the reading is read anew, and its neighbour is none the worse."""
    run, path = await ended_with_file(house)
    meddler = Meddler(house, monkeypatch, lambda: deed(path), 1)
    told, harvest = await kept(house, run, tmp_path)
    assert 0 == meddler.left
    assert {"big": sum_of(expected), "small": SMALL} == told
    assert () == harvest.lost


async def test_what_never_rests_is_lost_in_words(house, monkeypatch, tmp_path):
    """A file that changes whenever it is read is told as lost, and required it is missing; its neighbour is not."""
    run, path = await ended_with_file(house)
    over = threading.Event()

    def write_on():
        with path.open("r+b") as file:
            while not over.wait(0.001):
                file.seek(random.randrange(SIZE))
                file.write(b"x")
                file.flush()

    writer = threading.Thread(target=write_on)
    writer.start()
    run.spec = {**run.spec, "outputs": [{"path": "big"}, {"path": "small"}]}
    try:
        told, harvest = await kept(house, run, tmp_path)
    finally:
        over.set()
        writer.join()
    assert {"small": SMALL} == told
    assert ("big: it changed whenever it was read",) == harvest.lost
    assert ["big"] == list(harvest.missing)


def replace_by_file(path):
    aside = path.with_name(".aside")
    aside.write_bytes(b"other")
    aside.rename(path)


def replace_by_link(path):
    path.unlink()
    path.symlink_to("/etc/passwd")


def remove(path):
    path.unlink()


@pytest.mark.parametrize("deed", [replace_by_file, replace_by_link, remove])
async def test_what_is_replaced_while_read_is_one_or_the_other(house, monkeypatch, tmp_path, deed):
    """A file whose name is given to something else meanwhile comes home as a whole file, or is told as lost."""
    run, path = await ended_with_file(house)
    meddler = Meddler(house, monkeypatch, lambda: deed(path), 1)
    told, harvest = await kept(house, run, tmp_path)
    assert 0 == meddler.left
    assert SMALL == told.pop("small")
    assert told.get("big") in (None, sum_of(b"a" * SIZE), sum_of(b"other"))
    assert ("big" in told) == (harvest.lost == ())


@pytest.mark.parametrize("deed", [replace_by_link, remove])
async def test_what_is_gone_before_it_is_read_is_lost(house, monkeypatch, tmp_path, deed):
    """Between the list and the reading a file may go, or become a link: it is lost, and nothing else comes in its place."""
    run, path = await ended_with_file(house)
    original = house.connector._run

    async def meddling(call, **options):
        finished = await original(call, **options)
        deed(path)
        return finished

    monkeypatch.setattr(house.connector, "_run", meddling)
    told, harvest = await kept(house, run, tmp_path)
    assert ({"small": SMALL}, ("big",)) == (told, harvest.lost)


async def test_a_working_directory_that_a_job_removed(house):
    """A job may remove where it works: its end is told as it was, and what it should have left is missing."""
    run = await house.run("sh", "-c", 'echo x >f; rm -rf "$PWD"; exit 4', outputs=[{"path": "f"}])
    assert (4, {}) == (run.task.exit_code, run.results)
    assert b"" == run.stdout


async def test_a_job_that_removed_all_of_its_directory_is_lost_in_words(house):
    """Who removes also what is recorded of it has failed, and does not wait or run for ever."""
    run = await house.submit(house.spec("sh", "-c", 'rm -rf "${PWD%/*}" 2>/dev/null; sleep 0.2; exit 4'))
    async with asyncio.timeout(20):
        await house.end(run)
    assert ("failed", "lost") == (run.task.state, run.task.reason.code)
    assert "directory" in run.task.reason.detail
