"""The only source of time and chance: everything else has a clock injected."""

from __future__ import annotations

import asyncio
import base64
import heapq
import random
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_SECONDS_BYTES = 5
_DRAWN_BYTES = 10
_IDS_AT_ONCE = 64  # each draw gives the interpreter away, which under load costs more than the bytes


class Clock(Protocol):
    """Time and chance as a service or a test wants them to pass."""

    def now(self) -> datetime:
        """Tell the time: aware, UTC, in microseconds, never going back within one process."""

    def elapsed(self) -> float:
        """Tell seconds from an arbitrary start, for measuring how long something took."""

    def new_id(self) -> str:
        """Make an identifier that nobody guesses: 24 characters of `0-9a-v`, the last 16 drawn, 80 bits.

        It begins with the second in which it was made, so that an index of ids grows at its end: a hundred
        thousand jobs later an insertion still finds its place in memory.
        """

    def chance(self) -> float:
        """Draw a number from [0, 1), for jitter."""

    async def sleep(self, seconds: float) -> None:
        """Come back after so many seconds of this clock."""


class SystemClock:
    """The machine's clock and its source of randomness."""

    def __init__(self) -> None:
        self._latest = datetime.fromtimestamp(0, UTC)
        self._drawn: list[str] = []

    def now(self) -> datetime:
        """Tell the machine's time, held back from going backwards when the machine's clock is set."""
        self._latest = max(self._latest, datetime.fromtimestamp(time.time_ns() // 1000 / 1_000_000, UTC))
        return self._latest

    def elapsed(self) -> float:
        """Tell the monotonic clock."""
        return time.monotonic()

    def new_id(self) -> str:
        """Draw from the system's randomness."""
        if not self._drawn:
            drawn = secrets.token_bytes(_DRAWN_BYTES * _IDS_AT_ONCE)
            self._drawn = [
                _letters(drawn[at : at + _DRAWN_BYTES]) for at in range(0, len(drawn), _DRAWN_BYTES)
            ]
        return _second(self.now()) + self._drawn.pop()

    def chance(self) -> float:
        """Draw from the system's randomness."""
        return secrets.randbelow(1 << 53) / (1 << 53)

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(max(seconds, 0))  # noqa: TID251  (this is the one place)


class ScaledClock(SystemClock):
    """The machine's clock, running `speed` times as fast from the moment that it was made."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed
        self._start = super().now()

    def now(self) -> datetime:
        """Tell the start plus the scaled time since."""
        return self._start + (super().now() - self._start) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Sleep the scaled time."""
        await super().sleep(seconds / self._speed)


class HeldClock:
    """A clock that stands still until it is advanced, with chance drawn from a seed.

    It belongs to one event loop; `advance` wakes those whose sleep is over, in the order of their times.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC), seed: int = 0) -> None:
        self._now = start
        self._start = start
        self._random = random.Random(seed)  # noqa: S311  (repeatable on purpose; it guards nothing)
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        """Tell the held time."""
        return self._now

    def elapsed(self) -> float:
        """Tell the seconds by which the clock was advanced."""
        return (self._now - self._start).total_seconds()

    def new_id(self) -> str:
        """Draw from the seed."""
        return _second(self._now) + _letters(self._random.randbytes(_DRAWN_BYTES))

    def chance(self) -> float:
        """Draw from the seed."""
        return self._random.random()

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been advanced that far."""
        if seconds <= 0:
            await asyncio.sleep(0)  # noqa: TID251
            return
        self._count += 1
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), self._count, future))
        await future

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake whoever slept until then."""
        self._now += timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)


def _second(at: datetime) -> str:
    return _letters(int(at.timestamp()).to_bytes(_SECONDS_BYTES, "big"))


def _letters(data: bytes) -> str:
    """Write every 5 bytes as 8 characters that sort as the bytes do (RFC 4648, section 7)."""
    return base64.b32hexencode(data).decode("ascii").lower()
