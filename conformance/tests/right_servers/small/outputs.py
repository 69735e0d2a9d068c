"""The files that a job leaves: which of them its outputs match, and keeping these."""

import fnmatch
import hashlib
import os
import pathlib
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kept:
    """A file that is kept as a result."""

    id: str
    path: str
    size: int
    sha256: str
    file: pathlib.Path

    def document(self) -> dict[str, Any]:
        """Write the result as list_results gives it."""
        return {
            "id": self.id,
            "path": self.path,
            "size_bytes": self.size,
            "sha256": self.sha256,
            "media_type": "application/octet-stream",
        }


def matches(pattern: str, path: str) -> bool:
    """Tell whether a path fits an output's glob."""
    segments = pattern.split("/")
    last = len(segments) - 1
    here = _onwards({0}, segments)
    for name in path.split("/"):
        there = set()
        for index in here - {len(segments)}:
            if segments[index] == "**":
                if not name.startswith("."):
                    # A last `**` stands for directories and for the file in them.
                    there |= {index, len(segments)} if index == last else {index}
            elif _fits(segments[index], name):
                there.add(index + 1)
        here = _onwards(there, segments)
    return len(segments) in here


def keep(
    work: pathlib.Path, kept: pathlib.Path, outputs: Sequence[dict[str, Any]]
) -> tuple[list[Kept], bool]:
    """Move what the outputs match out of a working directory, and tell whether every required one matched."""
    files = sorted(_regular_files(work))
    wanted = {path for path in files if any(matches(output["path"], path) for output in outputs)}
    complete = all(
        any(matches(output["path"], path) for path in files)
        for output in outputs
        if output.get("required", True)
    )
    kept.mkdir()
    results = []
    for number, path in enumerate(sorted(wanted), 1):
        file = kept / str(number)
        os.rename(os.fsencode(work) + b"/" + path.encode("utf-8", "surrogateescape"), file)
        file.chmod(0o600)
        with file.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        results.append(Kept(str(number), shown, file.stat().st_size, sha256, file))
    return results, complete


def _onwards(here: set[int], segments: list[str]) -> set[int]:
    """Add the segments that are reached because `**` may stand for no directory at all."""
    reached = set(here)
    for index in range(len(segments) - 1):
        if index in reached and segments[index] == "**":
            reached.add(index + 1)
    return reached


def _fits(segment: str, name: str) -> bool:
    return (segment.startswith(".") or not name.startswith(".")) and fnmatch.fnmatchcase(name, segment)


def _regular_files(work: pathlib.Path) -> Iterator[str]:
    top = os.fsencode(work)
    if os.path.islink(top):
        return
    for directory, inner, names in os.walk(top):
        for name in inner:
            if not os.path.islink(os.path.join(directory, name)):
                # The command may have left a directory that even its owner cannot enter.
                os.chmod(os.path.join(directory, name), 0o700)
        for name in names:
            path = os.path.join(directory, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                yield os.path.relpath(path, top).decode("utf-8", "surrogateescape")
