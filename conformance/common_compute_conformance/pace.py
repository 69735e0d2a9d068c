"""Own time and chance in the kit: how long to wait for this facility, and the seed of everything drawn."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime

SHORTEST_POLL_SECONDS = 0.02
LONGEST_POLL_SECONDS = 5.0


class Pace:
    """Adapt to a facility of which a job takes 20 ms or 20 s, after having seen one.

    `patience` is how long, in seconds, the first job may take; what later jobs may take follows from how long
    the first one took, and never exceeds it.
    """

    def __init__(self, seed: int | None = None, patience: float = 600.0) -> None:
        self.seed = random.SystemRandom().randrange(2**32) if seed is None else seed
        self.random = random.Random(self.seed)  # noqa: S311 (reproducible on purpose; nothing here is a secret)
        self.patience = patience
        self.request_timeout = 30.0
        self._job_seconds: float | None = None
        self._waited_in_vain = 0

    def now(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()

    def utc(self) -> datetime:
        """Return the wall clock of this machine, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 (this module is the kit's clock)

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def saw_job_take(self, seconds: float) -> None:
        """Remember how long a trivial job took here from submission to its terminal state."""
        self._job_seconds = seconds

    def waited_in_vain(self) -> None:
        """Remember that a job did not get on within `job_patience`: the next is waited for half as long."""
        self._waited_in_vain += 1

    @property
    def job_patience(self) -> float:
        """How long a job of the kit, of at most some seconds of work, may take, in seconds."""
        if self._job_seconds is None:
            return self._less(self.patience)
        return self._less(min(self.patience, 60.0 + 10 * self._job_seconds))

    def _less(self, patience: float) -> float:
        least = min(patience, 1.0 + 5 * (self._job_seconds or 0.0))
        return max(least, patience * 0.5**self._waited_in_vain)

    @property
    def cancel_patience(self) -> float:
        """How long a cancelled job is waited for, in seconds; a facility may tell a longer grace."""
        return self._less(self.longest_cancel)

    @property
    def longest_cancel(self) -> float:
        """How long a cancelled job may take to end, in seconds, whatever was waited for in vain."""
        return min(self.patience, 60.0 + 10 * (self._job_seconds or 0.0))

    @property
    def blink(self) -> float:
        """How long to pause where something is to be seen as soon as it happens, in seconds."""
        return min(0.5, max(0.005, (self._job_seconds or 0.0) / 100))

    @property
    def settling(self) -> float:
        """How long to watch before believing that something does not happen, in seconds."""
        return min(2.0, max(0.25, (self._job_seconds or 0.0) / 2))

    def polls(self, patience: float) -> Iterator[float]:
        """Yield the seconds left, at once and after growing pauses, until `patience` seconds are over."""
        start = self.now()
        pause = SHORTEST_POLL_SECONDS
        longest = min(LONGEST_POLL_SECONDS, max(0.2, (self._job_seconds or 1.0) / 5))
        while (left := patience - (self.now() - start)) > 0:
            yield left
            self.sleep(min(pause, left))
            pause = min(pause * 1.6, longest)

    def draw_name(self, purpose: str) -> str:
        """Return a name that no other run used, for keys and labels; the seed alone does not repeat it."""
        return f"{purpose}-{time.time_ns():x}-{self.random.getrandbits(32):08x}"
