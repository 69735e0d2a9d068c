"""The answer of a mock inside its client's process."""

from __future__ import annotations

import os
import tempfile
from io import BytesIO
from typing import BinaryIO

_IN_MEMORY_BYTES = 8 * 1024 * 1024


class CutShort(Exception):
    """The answer broke off after its beginning, as a connection does."""


class Answered:
    """Status, headers and body as the application sent them; a long body lies in a file that has no name."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self._length = 0
        self._file: BinaryIO | None = None

    @property
    def text_headers(self) -> list[tuple[str, str]]:
        """The headers as text."""
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers]

    def write(self, chunk: bytes) -> None:
        """Add to the body."""
        self._length += len(chunk)
        if self._file is None and self._length > _IN_MEMORY_BYTES:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  (whoever reads it closes it)
            self._file.writelines(self._chunks)
            self._chunks.clear()
        if self._file is None:
            self._chunks.append(chunk)
        else:
            self._file.write(chunk)

    def body(self) -> bytes | BinaryIO:
        """Give the body, a long one as a file to be read, once."""
        if self._file is None:
            return b"".join(self._chunks)
        with self._file:
            self._file.seek(0)
            # `responses` takes a file only if it is one that can do nothing but be read.
            return open(os.dup(self._file.fileno()), "rb")

    def reader(self) -> BinaryIO:
        """Give the body as a file to be read."""
        body = self.body()
        return BytesIO(body) if isinstance(body, bytes) else body
