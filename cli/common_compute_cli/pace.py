"""The only place of the command line that asks for time and chance: pauses, local times, new keys."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from datetime import datetime

SHORTEST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


def now() -> float:
    """Tell seconds of a clock that never goes back."""
    return time.monotonic()


def local_time(timestamp: str) -> datetime:
    """Read a time of the contract, and give it as this machine's people would write it."""
    return datetime.fromisoformat(timestamp).astimezone()


def sleep(seconds: float) -> None:
    """Pause."""
    time.sleep(seconds)


async def turn() -> None:
    """Let the event loop turn once."""
    await asyncio.sleep(0)  # noqa: TID251  (no time passes)


def pauses() -> Iterator[float]:
    """Give ever longer pauses, in seconds, up to five, each a little off so that clients do not march."""
    pause = SHORTEST_PAUSE_SECONDS
    while True:
        yield pause * (0.8 + secrets.randbelow(400) / 1000)
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)


def new_key() -> str:
    """Draw an idempotency key."""
    return secrets.token_hex(16)
