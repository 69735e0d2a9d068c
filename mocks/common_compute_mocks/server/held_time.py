"""Time that stands still until somebody lets it pass, and what happens at the facilities meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from common_compute_connector.clock import HeldClock
from common_compute_connector.dispatcher import Dispatcher
from common_compute_mocks.server.store import working_for_a_caller

_LONGEST_STEP_SECONDS = 1.0
_STEPS_AT_MOST = 200
_HARMLESS = ("GET", "HEAD", "OPTIONS")


class Changing(Protocol):
    """A facility that knows when it will next have something new to show."""

    def next_change(self, now: datetime) -> datetime | None:
        """Give the first moment after `now` in which anything changes there, None if nothing will."""


class HeldTime:
    """The held clock of one mock service; it goes from change to change, and looks at each.

    Nothing runs beside it, so that the same requests and the same passing of time give the same jobs to the
    byte.
    """

    def __init__(self, clock: HeldClock, dispatcher: Dispatcher, facilities: Sequence[Changing]) -> None:
        self._clock = clock
        self._dispatcher = dispatcher
        self._facilities = facilities
        self._least = min(cycle.known.connector.pace.observe_every_seconds for cycle in dispatcher)
        self._owed = False

    async def before_request(self, seconds: float) -> None:
        """Do what the requests so far have left to do, and let each request take its time."""
        await (self.pass_time(seconds) if seconds else self._settle())

    def after_request(self, method: str) -> None:
        """Note that the facilities may have to hear of what was asked for."""
        self._owed = self._owed or method not in _HARMLESS

    async def pass_time(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, looking whenever something changes; stop early once `until` holds."""
        await self._settle()
        if until():
            return
        target = self._clock.now() + timedelta(seconds=seconds)
        # What no facility foresees (retries, pauses) is looked at now and then, for as long as jobs live.
        longest = max(_LONGEST_STEP_SECONDS, seconds / _STEPS_AT_MOST)
        while (left := (target - self._clock.now()).total_seconds()) > 0:
            self._clock.advance(min(left, self._step(longest)))
            await self._look()
            if until():
                return

    async def _settle(self) -> None:
        if self._owed:
            self._owed = False
            await self._look()

    async def _look(self) -> None:
        with working_for_a_caller(False):
            await self._dispatcher.step()

    def _step(self, longest: float) -> float:
        now = self._clock.now()
        changes = [change for facility in self._facilities if (change := facility.next_change(now))]
        to_change = min(((change - now).total_seconds() for change in changes), default=float("inf"))
        lives = not all(cycle.idle for cycle in self._dispatcher)
        return max(self._least, min(to_change, longest if lives else float("inf")))
