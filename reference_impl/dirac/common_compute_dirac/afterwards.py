"""Jobs that have ended here and that somebody starts again in DIRAC: they are killed, nobody waits for them.

What has ended is memory: a job that ended before this process began is not watched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import structlog

from common_compute_connector.clock import Clock
from common_compute_dirac import states
from common_compute_dirac.worker import DiracRefused, DiracUnreachable, Identity, Worker

MOST = 5000
"""So many jobs of a credential are watched, those that ended last: a look asks for all in one call."""

EVERY_SECONDS = 60

_log = structlog.get_logger(__name__)


class Afterwards:
    """The ended jobs of one DIRAC that are not released yet."""

    def __init__(self, worker: Worker, clock: Clock, call_seconds: float) -> None:
        self._worker = worker
        self._clock = clock
        self._call_seconds = call_seconds
        self._ended: dict[Identity | None, dict[int, None]] = defaultdict(dict)
        self._looked_at = clock.elapsed()

    def note(self, acting: Identity | None, number: int) -> None:
        """Watch a job from now on."""
        watched = self._ended[acting]
        watched.pop(number, None)
        watched[number] = None
        if len(watched) > MOST:
            del watched[next(iter(watched))]

    def forget(self, acting: Identity | None, numbers: Iterable[int]) -> None:
        """Watch jobs no more: they are deleted."""
        watched = self._ended[acting]
        for number in numbers:
            watched.pop(number, None)
        if not watched:
            del self._ended[acting]

    async def look(self) -> None:
        """Kill what goes on again, if a look is due; what cannot be asked now is asked the next time."""
        now = self._clock.elapsed()
        if now < self._looked_at + EVERY_SECONDS:
            return
        self._looked_at = now
        for acting, watched in list(self._ended.items()):
            try:
                await self._end_again(acting, list(watched))
            except DiracUnreachable as error:
                _log.warning("ended jobs cannot be looked at", detail=error.detail)
                return
            except DiracRefused as error:
                _log.warning("ended jobs cannot be looked at", kind=error.kind, detail=error.detail)

    async def _end_again(self, acting: Identity | None, numbers: list[int]) -> None:
        told = await self._worker.call(
            "status", {"jobs": numbers}, acting, deadline_seconds=self._call_seconds
        )
        again = [number for number in numbers if _goes_on(told.get(str(number)))]
        if again:
            _log.warning("ended jobs were started again outside, and are killed", jobs=again)
            await self._worker.call("kill", {"jobs": again}, acting, deadline_seconds=self._call_seconds)


def _goes_on(told: dict[str, object] | None) -> bool:
    return told is not None and states.read_status(told).status in states.LIVE
