"""When a facility will next show something new, without a look at all of its tasks."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from datetime import datetime, timedelta
from math import ceil

from common_compute_mocks.future import Future

_ENTRIES_LEFT_ALONE = 64


class Agenda:
    """The next change of each task that is still to end, the nearest first.

    It is a heap from which nothing is taken but its top; what was put off or forgotten leaves when it comes
    there, or when such entries are more than the others.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Hashable]] = []
        self._expected: dict[Hashable, tuple[int, datetime, Future]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Count the tasks of which something is expected."""
        return len(self._expected)

    def expect(self, task: Hashable, submitted_at: datetime, future: Future) -> None:
        """Note a task, in the place of what was noted of it before."""
        self._count += 1
        self._expected[task] = (self._count, submitted_at, future)
        heapq.heappush(self._heap, (submitted_at, self._count, task))

    def forget(self, task: Hashable) -> None:
        """Expect nothing of a task any more."""
        self._expected.pop(task, None)
        if len(self._heap) > 2 * len(self._expected) + _ENTRIES_LEFT_ALONE:
            self._heap = [entry for entry in self._heap if self._is_valid(entry)]
            heapq.heapify(self._heap)

    def next_change(self, now: datetime) -> datetime | None:
        """Give the earliest moment after `now`, which never goes back, at which a task looks different."""
        while self._heap:
            at, count, task = self._heap[0]
            if not self._is_valid(self._heap[0]):
                heapq.heappop(self._heap)
                continue
            if at > now:
                return at
            _, submitted_at, future = self._expected[task]
            change = future.next_change((now - submitted_at).total_seconds())
            if change is None:
                heapq.heappop(self._heap)
                del self._expected[task]
            else:
                heapq.heapreplace(self._heap, (moment_after(submitted_at, change), count, task))
        return None

    def _is_valid(self, entry: tuple[datetime, int, Hashable]) -> bool:
        return entry[2] in self._expected and self._expected[entry[2]][0] == entry[1]


def moment_after(start: datetime, seconds: float) -> datetime:
    """Give the first moment, in a clock's microseconds, from which so many seconds have passed."""
    moment = start + timedelta(microseconds=ceil(seconds * 1_000_000))
    return moment if (moment - start).total_seconds() >= seconds else moment + timedelta(microseconds=1)
