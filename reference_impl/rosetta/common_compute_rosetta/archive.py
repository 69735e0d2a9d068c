"""A reader of a stream of lines and tar archives, in constant memory.

What `sh/give.sh` writes: lines, and after each line `tar` an archive, whose padding of zero blocks ends where
the next line begins.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

_BLOCK = 512
_REGULAR = (b"0", b"\0", b"7")
_MAX_LINE = 4096
_MAX_NAME = 1 << 20


class BrokenStream(Exception):
    """The stream ended, or is no archive, where one was promised."""


@dataclass(frozen=True, slots=True)
class Member:
    """An entry of an archive; `regular` is False for anything that has no bytes of its own."""

    name: bytes
    size_bytes: int
    regular: bool


class ArchiveStream:
    """Lines, archive members and their bytes, in the order in which they come."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = bytearray()
        self._unread = 0
        self._padding = 0

    async def line(self) -> str:
        """Read the next line, after the padding of an archive."""
        while True:
            self._buffer = self._buffer.lstrip(b"\0")
            if b"\n" in self._buffer:
                break
            if len(self._buffer) > _MAX_LINE:
                raise BrokenStream("no line where one was promised")
            await self._more()
        line, _, rest = self._buffer.partition(b"\n")
        self._buffer = rest
        return line.decode(errors="replace")

    async def member(self) -> Member | None:
        """Read the next entry of the archive, or None at its end; of the last one the rest is skipped."""
        async for _ in self.content():
            pass
        name: bytes | None = None
        size: int | None = None
        while True:
            header = await self._take(_BLOCK)
            if not header.strip(b"\0"):
                return None
            kind = header[156:157]
            length = _number(header[124:136])
            if kind in (b"L", b"x", b"K", b"g"):
                text = await self._text(length)
                if kind == b"L":
                    name = text.rstrip(b"\0")
                elif kind == b"x":
                    told = _pax(text)
                    name = told.get(b"path", name)
                    size = int(told[b"size"]) if b"size" in told else size
                continue
            regular = kind in _REGULAR
            length = (length if size is None else size) if regular else 0
            self._unread, self._padding = length, -length % _BLOCK
            return Member(_name(header) if name is None else name, length, regular)

    async def content(self) -> AsyncIterator[bytes]:
        """Read the bytes of the last entry that was given."""
        while self._unread:
            if not self._buffer:
                await self._more()
            piece = bytes(self._buffer[: self._unread])
            del self._buffer[: len(piece)]
            self._unread -= len(piece)
            yield piece
        if self._padding:
            padding, self._padding = self._padding, 0
            await self._take(padding)

    async def rest(self, most_bytes: int) -> AsyncIterator[bytes]:
        """Read so many bytes that are in no archive, or fewer if the stream ends before."""
        self._unread = most_bytes
        while self._unread:
            if not self._buffer:
                try:
                    await self._more()
                except BrokenStream:
                    return
            piece = bytes(self._buffer[: self._unread])
            del self._buffer[: len(piece)]
            self._unread -= len(piece)
            yield piece

    async def _text(self, length: int) -> bytes:
        if length > _MAX_NAME:
            raise BrokenStream("a name that is too long")
        return (await self._take(length + -length % _BLOCK))[:length]

    async def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._more()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _more(self) -> None:
        try:
            self._buffer += await anext(self._chunks)
        except StopAsyncIteration:
            raise BrokenStream("the stream breaks off") from None


def _name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    prefix = header[345:500].split(b"\0", 1)[0]
    # POSIX's ustar splits long names; GNU's old form keeps other things in that field.
    return prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name


def _number(field: bytes) -> int:
    """Read a size: octal digits, or beyond 8 GiB a big-endian number behind a set top bit."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    try:
        return int(field.strip(b"\0 ") or b"0", 8)
    except ValueError:
        raise BrokenStream("no archive where one was promised") from None


def _pax(text: bytes) -> dict[bytes, bytes]:
    """Read the records `LENGTH NAME=VALUE\\n` of a pax header."""
    told = {}
    while text:
        length, _, _ = text.partition(b" ")
        if not length.isdigit() or not 0 < int(length) <= len(text):
            raise BrokenStream("a damaged header")
        record, text = text[: int(length)], text[int(length) :]
        name, _, value = record[len(length) + 1 : -1].partition(b"=")
        told[name] = value
    return told
