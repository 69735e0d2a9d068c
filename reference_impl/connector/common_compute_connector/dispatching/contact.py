"""Whether a facility answers: ask it, note what that tells, and leave it alone for a while if it does not."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from common_compute_connector.clock import Clock
from common_compute_connector.errors import FacilityUnavailable
from common_compute_connector.facilities import KnownFacility

T = TypeVar("T")
_log = structlog.get_logger(__name__)

_LONGEST_PAUSE_SECONDS = 60.0


class Broken(FacilityUnavailable):
    """The connector raised what it does not promise to raise: its own fault, or that of what it was given."""


class Contact:
    """The way to one facility."""

    def __init__(self, known: KnownFacility, clock: Clock) -> None:
        self._known = known
        self._clock = clock
        self._pause_until: datetime | None = None
        self._pauses = 0

    @property
    def paused(self) -> bool:
        """Tell whether the facility is to be left alone now."""
        return self._pause_until is not None and self._clock.now() < self._pause_until

    async def ask(self, call: Awaitable[T]) -> T:
        """Await the answer to a connector's verb.

        Raises:
            FacilityUnavailable: nobody answers there; a pause has begun, longer each time.
            Broken: the same, for any other exception.
        """
        try:
            answer = await call
        except FacilityUnavailable as error:
            self._pause(error.detail, error.retry_after_seconds)
            raise
        except Exception as error:
            _log.exception("connector failed", facility_id=self._known.id)
            self._pause(f"the connector failed: {type(error).__name__}", None)
            raise Broken(self._known.id, str(error)) from error
        self._pauses = 0
        self._pause_until = None
        self._known.answered(self._clock.now())
        return answer

    def backoff(self, tries: int = 0, most_seconds: float = _LONGEST_PAUSE_SECONDS) -> float:
        """Draw the seconds to wait after so many tries in vain: from the pace on doubling, with jitter."""
        first = self._known.connector.pace.observe_every_seconds
        longest = min(first * 2.0 ** min(tries, 20), max(first, most_seconds))
        return longest * (0.5 + self._clock.chance() / 2)

    def _pause(self, detail: str, retry_after: float | None) -> None:
        seconds = retry_after if retry_after is not None else self.backoff(self._pauses)
        self._pauses += 1
        self._pause_until = self._clock.now() + timedelta(seconds=seconds)
        self._known.failed(detail)
        _log.warning("facility unavailable", facility_id=self._known.id, detail=detail, seconds=seconds)
