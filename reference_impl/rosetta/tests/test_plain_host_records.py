"""What a plain host's lines mean, and that a broken answer means nothing."""

import io
import tarfile
from datetime import UTC, datetime

import pytest

from common_compute_connector.jobs import Reason, State
from common_compute_connector.plan import plan_task
from common_compute_connector.protocol import PartKey
from common_compute_rosetta.archive import ArchiveStream, BrokenStream
from common_compute_rosetta.collect import read_list
from common_compute_rosetta.process import MAX_STRING_BYTES, quote, too_long
from common_compute_rosetta.records import Garbled, Lost, read_keys, read_machine, read_sighting

KEY = PartKey("job-1", 0)
START = "41 77 1700000000.25 ."


def seen(line: str):
    answer = f"boot b\npart job-1.0\n{line}\nlanes 1 0\n.\n".encode()
    (task,) = read_sighting(answer, "host").seen[KEY]
    return task


@pytest.mark.parametrize(
    ("record", "state", "exit_code", "signal", "code"),
    [
        ("exit 0 1700000001.5 command - ", State.SUCCEEDED, 0, None, None),
        ("exit 3 1700000001.5 command - ", State.FAILED, 3, None, "exit-nonzero"),
        ("exit 137 1700000001.5 command - ", State.FAILED, 137, None, "exit-nonzero"),
        ("signal 9 1700000001.5 command - ", State.FAILED, None, 9, "signal"),
        ("exit 127 1700000001.5 missing - ", State.FAILED, 127, None, "command-not-found"),
        ("exit 127 1700000001.5 command - ", State.FAILED, 127, None, "exit-nonzero"),
        ("exit 1 1700000001.5 inputs - cp: no space", State.FAILED, None, None, "input-unavailable"),
        ("exit 1 1700000001.5 setup - no licence", State.FAILED, None, None, "software-unavailable"),
        ("exit 0 1700000001.5 command wall-time ", State.FAILED, 0, None, "wall-time-exceeded"),
        ("signal 15 1700000001.5 command wall-time ", State.FAILED, None, 15, "wall-time-exceeded"),
        ("signal 9 1700000001.5 command memory 7 bytes", State.FAILED, None, 9, "out-of-memory"),
        ("exit 0 1700000001.5 command cancel ", State.CANCELLED, 0, None, "cancelled-by-user"),
        ("exit 0 1700000001.5 starting cancel ", State.CANCELLED, None, None, "cancelled-by-user"),
        ("none 0 1700000001.5 command lost ", State.FAILED, None, None, "lost"),
        ("none 0 1700000001.5 command reboot ", State.FAILED, None, None, "node-failure"),
        ("none 0 1700000001.5 command - ", State.FAILED, None, None, "lost"),
    ],
)
def test_how_a_task_ended(record, state, exit_code, signal, code):
    """Each kind of last record has one meaning, with an exit code or a signal, never both."""
    task = seen(f"0 ended {START};{record}")
    found = task.reason.code if task.reason else None
    assert (state, exit_code, signal, code) == (task.state, task.exit_code, task.signal, found)
    assert datetime.fromtimestamp(1700000000.25, UTC) == task.started_at
    assert datetime.fromtimestamp(1700000001.5, UTC) == task.finished_at


def test_words_of_the_host_are_told():
    """What cp or a setup complained of stands in the reason's detail, semicolons and all."""
    task = seen(f"0 ended {START};exit 1 1700000001 inputs - cp: a; b: full")
    assert Reason("input-unavailable", "cp: a; b: full") == task.reason


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("0 waiting", State.QUEUED),
        ("0 running ;b", State.QUEUED),
        (f"0 running {START};b", State.RUNNING),
        ("0 running 41 77 1700000000.25;b", State.QUEUED),
        ("0 never", State.CANCELLED),
    ],
)
def test_where_a_task_is(line, state):
    """A task runs from its complete record of having begun; before that it is queued."""
    assert state == seen(line).state


def test_a_lost_task_says_whether_the_machine_was_started_anew():
    """The boot of a dead lane is compared with the present one."""
    answer = b"boot b\npart job-1.0\n0 lost 1 2 3 .;b\n1 lost ;a\ngone job-2.1\nlanes 0 2\n.\n"
    sighting = read_sighting(answer, "host")
    assert [Lost(KEY, 0, rebooted=False), Lost(KEY, 1, rebooted=True)] == sighting.lost
    assert ([PartKey("job-2", 1)], 2) == (sighting.gone, sighting.waiting)


@pytest.mark.parametrize(
    "answer", [b"", b"boot b\n", b"0 waiting\n.\n", b"part j.0\n0 dancing\n.\n", b"part j.0\n0 waiting\n"]
)
def test_a_broken_observation_tells_nothing(answer):
    """Without its closing line, or with a word that nobody knows, an answer is none."""
    with pytest.raises(Garbled):
        read_sighting(answer, "host")


def test_other_broken_answers():
    """Neither a list, nor a look, nor a probe that breaks off is believed."""
    for read, answer in (
        (read_list, b"=j.0 0\0./a\0"),
        (read_keys, b"gone j.0\n"),
        (read_machine, b"cores\t2\n.\n"),
    ):
        with pytest.raises(Garbled):
            read(answer)


def test_a_fraction_of_a_second_may_be_missing():
    """A machine whose date knows no fraction gives whole seconds."""
    assert 0 == seen("0 running 41 77 1700000000 .;b").started_at.microsecond
    assert 0 == seen("0 running 41 77 1700000000.%N .;b").started_at.microsecond


@pytest.mark.parametrize(
    ("text", "quoted"), [("", b"''"), ("a'b", b"'a'\\''b'"), ("é\n", b"'\xc3\xa9\n'"), (b"\xff$", b"'\xff$'")]
)
def test_quoting(text, quoted):
    """A word stands in single quotes, with each of its own outside of them."""
    assert quoted == quote(text)


def test_what_no_process_can_be_given():
    """The longest argument is a byte shorter than what Linux counts, and the sum has an end, too."""
    spec = {"command": ["x" * MAX_STRING_BYTES]}
    assert too_long(plan_task(spec, "job", 0)) is None
    assert "argument" in too_long(plan_task({"command": ["é" * (MAX_STRING_BYTES // 2 + 1)]}, "job", 0))
    assert "together" in too_long(plan_task({"command": ["x" * 100_000] * 20}, "job", 0))


async def stream_of(data: bytes, size: int):
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize("size", [1, 7, 512, 4096, 1 << 20])
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
async def test_archives_between_lines(size, form):
    """Archives of all three forms are read whatever the size of the pieces, and so are the lines around them."""
    names = {"a": b"1" * 1000, "d/" * 60 + "n" * 90: b"", "e": b"\0" * 512}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, content in names.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "a"
        tar.addfile(link)
    reader = ArchiveStream(stream_of(b"tar 1\n" + buffer.getvalue() + b"status 0\n.\n", size))
    assert "tar 1" == await reader.line()
    found, others = {}, []
    while (member := await reader.member()) is not None:
        if member.regular:
            found[member.name.decode()] = b"".join([piece async for piece in reader.content()])
        else:
            others.append(member.name)
    assert (names, [b"link"]) == (found, others)
    assert ["status 0", "."] == [await reader.line(), await reader.line()]


@pytest.mark.parametrize("data", [b"", b"no line", b"x" * 10_000])
async def test_a_stream_without_its_line(data):
    """What breaks off, or is no line, is an error and not an empty answer."""
    with pytest.raises(BrokenStream):
        await ArchiveStream(stream_of(data, 100)).line()


async def test_a_stream_that_breaks_off_within_a_file():
    """Half a file is an error."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("a")
        member.size = 5000
        tar.addfile(member, io.BytesIO(b"x" * 5000))
    reader = ArchiveStream(stream_of(buffer.getvalue()[:2000], 100))
    await reader.member()
    with pytest.raises(BrokenStream):
        _ = [piece async for piece in reader.content()]
