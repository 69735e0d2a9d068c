"""The kept bytes of results and logs: files below one directory, written aside and then named."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_CHUNK_BYTES = 1 << 16
_PAGE = bytes(1 << 12)


@dataclass(frozen=True, slots=True)
class Kept:
    """What was written: its length and its SHA-256 in hexadecimal."""

    size_bytes: int
    sha256: str


class Content:
    """A directory per job; names inside are ours, never a result's own path."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, job_id: str, name: str) -> Path:
        """Say where the bytes of that name lie, or would."""
        # By an id's end, which is drawn: all of a year's ids begin alike.
        return self._root / job_id[-2:] / job_id / name

    async def keep(self, job_id: str, name: str, chunks: AsyncIterator[bytes]) -> Kept:
        """Write a stream, replacing what an earlier try left; on disk when this returns."""
        path = self.path(job_id, name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = path.with_name(f".{path.name}.part")
        digest = hashlib.sha256()
        size = 0
        with aside.open("wb") as file:
            async for chunk in chunks:
                _write(file, chunk)
                digest.update(chunk)
                size += len(chunk)
            if size:
                file.flush()
                # A hole at the end is none until the length is set.
                file.truncate(size)
                os.fsync(file.fileno())
        aside.replace(path)
        return Kept(size, digest.hexdigest())

    def read(self, job_id: str, name: str, start: int, stop: int) -> Iterator[bytes]:
        """Read the bytes from `start` up to, not with, `stop`.

        Raises:
            FileNotFoundError: they have gone, at once and not at the first chunk.
        """
        file = self.path(job_id, name).open("rb")
        return _chunks(file, start, stop)

    def drop(self, job_id: str) -> None:
        """Remove everything of a job; nothing to remove is no error."""
        shutil.rmtree(self.path(job_id, "x").parent, ignore_errors=True)


def _write(file: BinaryIO, chunk: bytes) -> None:
    """Write a chunk; its pages of zeros are left out as holes, which read as zeros and take no disk."""
    view = memoryview(chunk)
    begin = 0
    for at in range(0, len(chunk), len(_PAGE)):
        if chunk.startswith(_PAGE, at):
            file.write(view[begin:at])
            file.seek(len(_PAGE), os.SEEK_CUR)
            begin = at + len(_PAGE)
    file.write(view[begin:])


def _chunks(file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    with file as opened:
        opened.seek(start)
        left = stop - start
        while left > 0 and (chunk := opened.read(min(_CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
