"""Logs and results of ended tasks, brought home in two calls: what is there, then its bytes as one stream.

The globs are matched here, on the list. A name that is no UTF-8 becomes a result's path with each of its
undecodable bytes as `%XX`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from common_compute_connector.protocol import (
    Collected,
    EndedTask,
    LogBytes,
    PartKey,
    ResultBytes,
    ResultSent,
    Stream,
)
from common_compute_rosetta.archive import ArchiveStream, BrokenStream
from common_compute_rosetta.calls import Argument
from common_compute_rosetta.destinations import Delivery, Sent, deliver
from common_compute_rosetta.records import Garbled
from common_compute_rosetta.sandbox import directory_name, key_of
from common_compute_rosetta.submission import is_of_array

_WORDS_PER_CALL = 64 * 1024
"""The bytes of names in one command line of tar; the rest goes into further ones."""

_UNDECODABLE = re.compile("[\udc80-\udcff]")

TaskId = tuple[PartKey, int]
Lines = list[Sequence[Argument]]

Outcomes = Mapping[str, Sent | str]
"""What came of a task's deliveries, by their labels: what was sent, or words why it was not."""

NOT_SENT = "results are not sent anywhere from here any more"


@dataclass(frozen=True, slots=True)
class Listed:
    """The regular files of a working directory; `linked` are those that have further names."""

    single: dict[bytes, None] = field(default_factory=dict)
    linked: dict[bytes, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of one task: archives by number (directory and paths by base name), and what is lost.

    Archive 0 holds the logs; `deliveries` are the files that go elsewhere; `withdrawn` are paths of which
    there may have been bytes that count for nothing.
    """

    task: EndedTask
    archives: Sequence[Mapping[bytes, str]]
    lines: Lines
    lost: Sequence[str] = ()
    deliveries: Sequence[Delivery] = ()
    withdrawn: Sequence[str] = ()


def list_lines(ended: Sequence[EndedTask]) -> Lines:
    """Give the lines of the call that lists; tasks without outputs need none."""
    return [("part", directory_name(task.part.key), task.index) for task in ended if task.outputs]


def read_list(stdout: bytes) -> dict[TaskId, Listed]:
    """Read the answer of `sh/list.sh`."""
    names = stdout.split(b"\0")
    if names[-2:] != [b".", b""]:
        raise Garbled("the list breaks off")
    found: dict[TaskId, Listed] = {}
    group: dict[bytes, None] = {}
    listed = Listed()
    for name in names[:-2]:
        if name.startswith(b"="):
            part, index = name[1:].decode().split(" ")
            listed = found.setdefault((key_of(part), int(index)), Listed())
            group = listed.single
        elif name == b"+":
            group = listed.linked
        elif name.startswith(b"./"):
            # A second pass over an unreadable directory repeats names.
            group[name[2:]] = None
        else:
            raise Garbled("the list holds something else")
    return found


def choose(task: EndedTask, listed: Listed) -> Wanted:
    """Match a task's files, and write the lines that ask for its logs and results."""
    paths, lost = _paths(task, (*listed.single, *listed.linked))
    index = task.index if is_of_array(task.part.handle) else None
    deliveries = [
        delivery
        for name, path in paths.items()
        if (delivery := deliver(name, path, task.outputs, index)) is not None
    ]
    for delivery in deliveries:
        del paths[delivery.name]
    groups = [*_groups([name for name in paths if name not in set(listed.linked)])]
    # Of several names of one file tar gives the bytes once only: each goes into an archive of its own.
    groups += [(_directory(name), [name]) for name in listed.linked if name in paths]
    lines: Lines = [("task", directory_name(task.part.key), task.index)]
    archives: list[dict[bytes, str]] = [{}]
    for directory, names in groups:
        bases = {name[len(directory) :].lstrip(b"/"): paths[name] for name in names}
        lines.append(("results", len(archives), directory, *(b"./" + base for base in bases)))
        archives.append(bases)
    return Wanted(task, archives, lines, lost, deliveries)


def _paths(task: EndedTask, names: Sequence[bytes]) -> tuple[dict[bytes, str], list[str]]:
    """Give the paths of the results, and words for each file that cannot have one."""
    paths: dict[bytes, str] = {}
    taken: set[str] = set()
    lost = []
    # Names that need no escape come first: they are entitled to their path.
    for name in sorted(names, key=lambda name: (not _decodable(name), name)):
        text = name.decode(errors="surrogateescape")
        if not any(rule.matches(text) for rule in task.outputs):
            continue
        path = _UNDECODABLE.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", text)
        if path in taken:
            lost.append(f"a second file whose name is written {path!r}")
            continue
        taken.add(path)
        paths[name] = path
    return paths, lost


def _decodable(name: bytes) -> bool:
    return _UNDECODABLE.search(name.decode(errors="surrogateescape")) is None


def _directory(name: bytes) -> bytes:
    return name.rpartition(b"/")[0]


def _groups(names: Sequence[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    """Group names by directory, in portions that fit into a command line."""
    by_directory: dict[bytes, list[bytes]] = {}
    for name in names:
        by_directory.setdefault(_directory(name), []).append(name)
    for directory, all_names in by_directory.items():
        portion: list[bytes] = []
        size = 0
        for name in all_names:
            if size > _WORDS_PER_CALL:
                yield directory, portion
                portion, size = [], 0
            portion.append(name)
            size += len(name) + 16
        yield directory, portion


async def unpack(
    wanted: Sequence[Wanted],
    stream: ArchiveStream,
    done: Mapping[TaskId, Outcomes],
    unsteady: list[Wanted],
) -> AsyncIterator[LogBytes | ResultBytes | ResultSent | Collected]:
    """Read the answer of `sh/give.sh` to the lines of these tasks, in their order.

    `done` tells what came of the files that went elsewhere. A task of whose files some may have changed while
    they were read is not closed: what has to be asked once more is added to `unsteady`.
    """
    line = await stream.line()
    for want in wanted:
        key, index = want.task.part.key, want.task.index
        promised = f"task {directory_name(key)} {index} "
        if not line.startswith(promised):
            raise BrokenStream(f"{line!r} where {promised!r} was promised")
        condition = line.removeprefix(promised)
        given: set[str] = set()
        doubtful: list[tuple[int, bytes]] = []
        lost = list(want.lost)
        line = await stream.line()
        while line.startswith("tar "):
            number = int(line.removeprefix("tar "))
            members: list[bytes] = []
            while (member := await stream.member()) is not None:
                base = member.name.removeprefix(b"./")
                path = _LOGS.get(base) if number == 0 else want.archives[number].get(base)
                if path is None or not member.regular:
                    continue
                given.add(path if number else f"log {path}")
                members.append(base)
                if number == 0:
                    yield LogBytes(key, index, _LOG_NAMES[path], stream.content())
                else:
                    yield ResultBytes(key, index, path, stream.content())
            if await stream.line() != "status 0" and number:
                # tar tells by one status of all of them; one that has become shorter it fills up with zeros.
                doubtful += [(number, base) for base in members]
            line = await stream.line()
        if condition in ("silent", "empty"):
            # It never ran or wrote nothing, and that is known.
            for name in _LOG_NAMES.values():
                yield LogBytes(key, index, name, _nothing())
        else:
            lost += [name for name in ("log stdout", "log stderr") if name not in given]
        outcomes = done.get((key, index), {})
        for delivery in want.deliveries:
            outcome = outcomes.get(delivery.label, NOT_SENT)
            if isinstance(outcome, Sent):
                yield ResultSent(
                    key, index, delivery.path, outcome.size_bytes, outcome.sha256, delivery.location
                )
            else:
                lost.append(f"{delivery.path} could not be sent: {outcome}")
        # Of an earlier reading there may be bytes of a file that is not there any more.
        gone = [path for paths in want.archives for path in paths.values() if path not in given]
        lost += gone
        withdrawn = (*want.withdrawn, *gone)
        if doubtful:
            unsteady.append(_once_more(want, doubtful, lost, withdrawn))
        else:
            yield Collected(key, index, tuple(lost), withdrawn)


def _once_more(
    want: Wanted, doubtful: Sequence[tuple[int, bytes]], lost: Sequence[str], withdrawn: Sequence[str]
) -> Wanted:
    """Ask for the files again of which a task's last word is not yet known, each alone."""
    lines: Lines = [want.lines[0]]
    archives: list[Mapping[bytes, str]] = [{}]
    for number, base in doubtful:
        directory = want.lines[number][2]
        lines.append(("results", len(archives), directory, b"./" + base))
        archives.append({base: want.archives[number][base]})
    lost = [text for text in lost if text not in _LOGS_LOST]
    return Wanted(want.task, archives, lines, lost, withdrawn=withdrawn)


def given_up(want: Wanted) -> Collected:
    """Close a task whose files changed whenever they were read: their bytes count for nothing."""
    paths = [path for paths in want.archives for path in paths.values()]
    lost = [*want.lost, *(f"{path}: it changed whenever it was read" for path in paths)]
    return Collected(want.task.part.key, want.task.index, tuple(lost), (*want.withdrawn, *paths))


_LOG_NAMES: dict[str, Stream] = {"stdout": "stdout", "stderr": "stderr"}
_LOGS = {name.encode(): name for name in _LOG_NAMES}
_LOGS_LOST = [f"log {name}" for name in _LOG_NAMES]


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk
