"""What comes home from a task: DIRAC's output sandbox, read without unpacking it. Pure.

DIRAC packs what the wrapper left into an archive of its own. A job can write into both: nothing in them is
believed but by its form, no name in them becomes a path, and no more is unpacked than is allowed.
"""

from __future__ import annotations

import bz2
import io
import json
import math
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

from common_compute_dirac.jdl import OUTPUT, WRAPPER_WORDS

_MAX_MEMBERS = 100_000
_MAX_WORDS = 500
_MAX_PATH_BYTES = 4096
_HOWS = frozenset({"exit", "signal", "wall-time", "not-found", "software", "input", "image"})
_DIGEST = re.compile(r"(?:[a-z0-9]+[+._-])*[a-z0-9]+:[0-9a-f]{32,128}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_BYTES = 1 << 53
_PLAIN = {tarfile.REGTYPE, tarfile.AREGTYPE}


class BrokenSandbox(Exception):
    """An output sandbox that is not what the wrapper makes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended, as its wrapper tells: `number` is an exit code or a signal."""

    how: str
    number: int
    words: str
    host: str
    started_at: datetime | None
    finished_at: datetime | None
    image_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A result that its wrapper has sent elsewhere: `lfn` is its name in the file catalogue."""

    path: str
    lfn: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Output:
    """What a task left; `lost` says in words which results did not come home."""

    outcome: Outcome
    logs: Mapping[str, bytes]
    results: Mapping[str, bytes]
    lost: tuple[str, ...] = field(default=())
    sent: tuple[Sent, ...] = field(default=())

    @property
    def size_bytes(self) -> int:
        """Give how much memory it takes."""
        return sum(map(len, (*self.logs.values(), *self.results.values())))


def read_output(archive: bytes, max_bytes: int) -> Output:
    """Read a sandbox that unpacks to at most `max_bytes`.

    Raises:
        BrokenSandbox: it is none; the message says in words why.
    """
    files = dict(_members(_expand(archive, max_bytes)))
    if OUTPUT not in files:
        words = _words(files.get(WRAPPER_WORDS, b"").decode(errors="replace"))
        raise BrokenSandbox(f"the wrapper left no output{': ' + words if words else ''}")
    members = dict(_members(files[OUTPUT]))
    try:
        told = json.loads(members["outcome.json"])
        outcome = _outcome(told)
        listed = [(entry["path"], entry["member"], entry["sha256"]) for entry in told["results"]]
        lost = [_words(str(words)) for words in told["lost"][:_MAX_MEMBERS]]
        # Jobs that an earlier version of this has submitted tell nothing of these two.
        sent = tuple(_sent(entry) for entry in told.get("sent", [])[:_MAX_MEMBERS])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BrokenSandbox(f"the wrapper's record cannot be read ({type(error).__name__})") from None
    results: dict[str, bytes] = {}
    for path, member, digest in listed:
        if not _is_path(path):
            lost.append("a result with a name that no result has")
        elif not isinstance(member, str) or member not in members:
            lost.append(f"{path} is not there")
        elif sha256(members[member]).hexdigest() != digest:
            lost.append(f"{path} has changed on its way")
        else:
            results.setdefault(path, members[member])
    logs: dict[str, bytes] = {name: members[name] for name in ("stdout", "stderr") if name in members}
    return Output(outcome, logs, results, tuple(lost), sent)


def _expand(archive: bytes, most: int) -> bytes:
    """Undo the compression, by at most so many bytes."""
    try:
        if archive.startswith(b"BZh"):
            expanded = bz2.BZ2Decompressor().decompress(archive, most + 1)
        elif archive.startswith(b"\x1f\x8b"):
            expanded = zlib.decompressobj(wbits=31).decompress(archive, most + 1)
        else:
            expanded = archive
    except (OSError, zlib.error, EOFError):
        raise BrokenSandbox("the output sandbox is no archive") from None
    if len(expanded) > most:
        raise BrokenSandbox(f"the output sandbox unpacks to more than {most} bytes")
    return expanded


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Give the plain files of an archive, the first of each name; whatever else is in it is passed over."""
    seen: set[str] = set()
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for number, member in enumerate(archive):
                if number >= _MAX_MEMBERS:
                    raise BrokenSandbox(f"an archive has more than {_MAX_MEMBERS} members")
                # A sparse file may claim any size.
                if member.type not in _PLAIN or member.sparse is not None or member.size > len(data):
                    continue
                if member.name in seen:
                    continue
                seen.add(member.name)
                file = archive.extractfile(member)
                content = file.read() if file is not None else b""
                if len(content) != member.size:
                    raise BrokenSandbox("an archive breaks off")
                yield member.name, content
    except (tarfile.TarError, ValueError, EOFError, OverflowError) as error:
        raise BrokenSandbox(f"an archive cannot be read ({type(error).__name__})") from None


def _outcome(told: Any) -> Outcome:
    number, digest = told["number"], told.get("image_digest")
    if told["how"] not in _HOWS or not isinstance(number, int) or not 0 <= number <= 255:
        raise ValueError(told["how"])
    return Outcome(
        how=told["how"],
        number=number,
        words=_words(str(told["words"])),
        host=_words(str(told["host"])),
        started_at=_moment(told["started"]),
        finished_at=_moment(told["finished"]),
        image_digest=_matched(_DIGEST, digest) if digest else None,
    )


def _sent(entry: Any) -> Sent:
    size = entry["size_bytes"]
    if not _is_path(entry["path"]) or not isinstance(size, int) or not 0 <= size < _MOST_BYTES:
        raise ValueError(size)
    return Sent(entry["path"], str(entry["lfn"]), size, _matched(_SHA256, entry["sha256"]))


def _matched(form: re.Pattern[str], text: Any) -> str:
    if not isinstance(text, str) or form.fullmatch(text) is None:
        raise ValueError(form.pattern)
    return text


def _moment(seconds: Any) -> datetime | None:
    if not isinstance(seconds, int | float) or not math.isfinite(seconds) or not 0 <= seconds < 1e11:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _is_path(path: Any) -> bool:
    if not isinstance(path, str) or not path or "\0" in path:
        return False
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return False
    pure = PurePosixPath(path)
    return size <= _MAX_PATH_BYTES and str(pure) == path and not pure.is_absolute() and ".." not in pure.parts


def _words(text: str) -> str:
    """Give words that somebody else wrote in one line, and not too long."""
    shown = "".join(char if char.isprintable() else " " for char in text[-4 * _MAX_WORDS :])
    return " ".join(shown.split())[-_MAX_WORDS:]
