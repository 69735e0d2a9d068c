"""How inputs come into a task's working directory: lines of the task's script. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from common_compute_connector.plan import InputFile
from common_compute_rosetta.process import quote


@dataclass(frozen=True, slots=True)
class Kept:
    """A file there that a copy is made of: an absolute path."""

    path: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in a storage: the storage's own place, and the path below it, which is not to be trusted."""

    place: str
    path: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """An input that there is not, and words for it."""

    words: str


Source = Kept | Stored | Unavailable


def placing_lines(inputs: Sequence[tuple[InputFile, Source]]) -> list[bytes]:
    """Give the lines that put all inputs into place; the first one that fails ends the task, and says why."""
    if not inputs:
        return []
    lines = [_text("storage.sh")] if any(isinstance(source, Stored) for _, source in inputs) else []
    placing = b" &&\n".join(_place(entry, source) for entry, source in inputs)
    return [*lines, b"{", placing, b"} >/dev/null 2>../words || exit 1"]


def _place(entry: InputFile, source: Source) -> bytes:
    if isinstance(source, Unavailable):
        return rb"{ printf '%s\n' " + quote(f"{entry.path}: {source.words}") + b" >&2 && false; }"
    directory = entry.path.rpartition("/")[0]
    path = quote(f"./{entry.path}")
    commands = [b"mkdir -p " + quote(f"./{directory}")] if directory else []
    if isinstance(source, Stored):
        commands.append(b" ".join([b"from_storage", quote(source.place), quote(source.path), path]))
    else:
        commands.append(b"cp " + quote(source.path) + b" " + path)
    commands.append(b"chmod " + (b"700 " if entry.executable else b"600 ") + path)
    return b" && ".join(commands)


@cache
def _text(name: str) -> bytes:
    return files("common_compute_rosetta").joinpath("sh", name).read_bytes().rstrip(b"\n")
