"""Hold a caller to so many requests in a minute: a bucket that fills evenly."""

from __future__ import annotations

from collections import OrderedDict

from common_compute_connector.clock import Clock
from common_compute_connector.errors import RateLimited

_MOST_CALLERS = 10_000


class Rate:
    """Counts each caller's requests; the callers longest unseen are forgotten, which only favours them."""

    def __init__(self, requests_per_minute: int, clock: Clock) -> None:
        self._per_minute = requests_per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, caller: str) -> None:
        """Count one request.

        Raises:
            RateLimited: it is one too many.
        """
        now = self._clock.elapsed()
        left, seen = self._buckets.pop(caller, (float(self._per_minute), now))
        left = min(left + (now - seen) * self._per_minute / 60, float(self._per_minute))
        enough = left >= 1
        self._buckets[caller] = (left - 1 if enough else left, now)
        if len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)
        if not enough:
            raise RateLimited(self._per_minute, (1 - left) * 60 / self._per_minute)
