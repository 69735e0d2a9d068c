"""A TCP proxy that cuts a connection after a chosen byte, in a chosen way."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from dataclasses import dataclass, field
from enum import StrEnum

SILENCE_SECONDS = 5.0
"""So long nothing passes on a silent connection, before it is reset."""

_TAKEN_IN_SECONDS = 0.05
"""A reset can overtake what was passed before it, unless the receiver had time to read that."""

_CHUNK = 256 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Direction(StrEnum):
    """Which way bytes go, from the one who connected or to them."""

    THERE = "there"
    BACK = "back"


class Manner(StrEnum):
    """What happens at the cut."""

    RESET = "reset"
    SILENCE = "silence, then reset"
    ENDLESS = "silence without end"
    HOLD = "hold"


@dataclass(frozen=True)
class Cut:
    """A cut: so many bytes of a direction pass, counted from when it was armed, and not one more."""

    direction: Direction
    after_bytes: int
    manner: Manner


@dataclass(frozen=True)
class Chunk:
    """What was received at once: its first byte's number, its length, and when (monotonic seconds)."""

    direction: Direction
    start: int
    length: int
    at: float


@dataclass(eq=False)
class _Link:
    """The two sides of one connection; `lost` once nothing passes any more."""

    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    lost: bool = False

    def reset(self) -> None:
        self.lost = True
        for writer in self.writers:
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()


class Proxy:
    """Stands between one client and one server, whose port may change."""

    def __init__(self, host: str, port: int) -> None:
        self.target: tuple[str, int] | None = (host, port)
        self.port = 0
        self.cut_at: float | None = None
        """When the armed cut happened, in monotonic seconds."""
        self.happened = asyncio.Event()
        self.began = asyncio.Event()
        """Something came since the last `arm`."""
        self.chunks: list[Chunk] = []
        """What came since the last `arm`."""
        self._came = dict.fromkeys(Direction, 0)
        self._passed = dict.fromkeys(Direction, 0)
        self._cut: Cut | None = None
        self._links: set[_Link] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port of the loopback."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End everything."""
        assert self._server is not None
        self._server.close()
        self.reset_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def arm(self, cut: Cut | None) -> None:
        """Count from here on, and cut there."""
        self._cut = cut
        self.cut_at = None
        self.happened.clear()
        self.began.clear()
        self.chunks = []
        self._came = dict.fromkeys(Direction, 0)
        self._passed = dict.fromkeys(Direction, 0)

    def hold(self) -> None:
        """Pass nothing until `release`; nothing is lost."""
        self._open.clear()

    def release(self) -> None:
        """Pass what was held."""
        self._open.set()

    def reset_all(self) -> None:
        """Reset every connection there is."""
        for link in list(self._links):
            link.reset()

    def end_all(self) -> None:
        """End every connection as the kernel does for a process that was killed; what is held is lost."""
        for link in list(self._links):
            link.lost = True
            for writer in link.writers:
                writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link([writer])
        try:
            if self.target is None:
                raise ConnectionError
            other_reader, other_writer = await asyncio.open_connection(*self.target)
        except OSError:
            link.reset()
            return
        link.writers.append(other_writer)
        self._links.add(link)
        ways = [
            asyncio.create_task(self._pump(link, Direction.THERE, reader, other_writer)),
            asyncio.create_task(self._pump(link, Direction.BACK, other_reader, writer)),
        ]
        self._tasks.update(ways)
        try:
            await asyncio.wait(ways)
        finally:
            self._links.discard(link)
            self._tasks.difference_update(ways)
            for way in ways:
                way.cancel()
            for one in link.writers:
                one.close()

    async def _pump(
        self, link: _Link, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if link.lost:
                    continue
                self.chunks.append(Chunk(direction, self._came[direction], len(data), time.monotonic()))
                self._came[direction] += len(data)
                self.began.set()
                await self._open.wait()
                cut = self._cut
                if cut is None or cut.direction is not direction:
                    await self._pass(link, direction, data, writer)
                    continue
                left = max(cut.after_bytes - self._passed[direction], 0)
                await self._pass(link, direction, data[:left], writer)
                if len(data) > left:
                    await self._do(cut, link)
                    if cut.manner is Manner.HOLD:
                        await self._open.wait()
                        await self._pass(link, direction, data[left:], writer)
        # One side is gone: so will the other be, when it has been told all.
        if link.lost:
            link.reset()
        elif writer.can_write_eof():
            with contextlib.suppress(OSError):
                writer.write_eof()

    async def _pass(
        self, link: _Link, direction: Direction, data: bytes, writer: asyncio.StreamWriter
    ) -> None:
        self._passed[direction] += len(data)
        if data and not link.lost:
            writer.write(data)
            await writer.drain()

    async def _do(self, cut: Cut, link: _Link) -> None:
        self._cut = None
        self.cut_at = time.monotonic()
        self.happened.set()
        if cut.manner is Manner.HOLD:
            self.hold()
            return
        link.lost = True
        if cut.manner is not Manner.ENDLESS:
            await asyncio.sleep(_TAKEN_IN_SECONDS if cut.manner is Manner.RESET else SILENCE_SECONDS)
            link.reset()
