"""How often a caller may ask."""

from collections import deque

import times
from problems import Problem


class Rate:
    """Counts the requests of each caller within the last second; no limit, no counting."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._recent: dict[str, deque[int]] = {}

    def admit(self, caller: str) -> None:
        """Count a request, or refuse it as `rate-limited`; what is refused is not counted."""
        if self._most is None:
            return
        now = times.now()
        recent = self._recent.setdefault(caller, deque())
        while recent and recent[0] <= now - times.SECOND:
            recent.popleft()
        if len(recent) >= self._most:
            detail = f"There may be {self._most} requests in a second: wait as long as `Retry-After` says."
            raise Problem("rate-limited", detail, headers={"retry-after": "1"})
        recent.append(now)
