"""What happens to a whole facility while its mock runs: when it is away, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from common_compute_connector.documents import timestamp
from common_compute_connector.errors import FacilityUnavailable

_NEVER = 1 << 62
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A time from `after` on that `lasts`, and the same again every `every`, in whole microseconds."""

    lasts: int
    after: int
    every: int

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Window:
        """Make a window of an entry that has `for_seconds`, `after_seconds` and `every_seconds`, or some."""
        times = (entry.get(name) for name in ("for_seconds", "after_seconds", "every_seconds"))
        lasts, after, every = (None if time is None else round(time * 1_000_000) for time in times)
        return cls(_NEVER if lasts is None else lasts, after or 0, _NEVER if every is None else every)

    def begin(self, at: int) -> int:
        """Give when the window that is open at a moment, or was the last to open, opened."""
        return self.after + max(0, at - self.after) // self.every * self.every

    def end(self, at: int) -> int | None:
        """Give when the window that is open at a moment closes, None if none is."""
        begin = self.begin(at)
        return begin + self.lasts if begin <= at < begin + self.lasts else None

    def next_begin(self, at: int) -> int:
        """Give when a window opens next after a moment; it may be never."""
        return self.after if at < self.after else self.begin(at) + self.every


class Weather:
    """The weather of one facility, made of the `facility` parts of scenarios.

    Where two say something of one thing, the later one holds; times without an answer add up. `credential`
    is that part as the schema has it, None if nothing is said of callers' credentials.
    """

    def __init__(self, facility_id: str, parts: Sequence[Mapping[str, Any]], opened_at: datetime) -> None:
        self.credential: Mapping[str, Any] | None = None
        self._facility_id = facility_id
        self._opened_at = opened_at
        self._downs = [Window.of(down) for part in parts for down in part.get("down", ())]
        self._status: Mapping[str, Any] | None = None
        for part in parts:
            self._status = part.get("status", self._status)
            self.credential = part.get("credential", self.credential)

    def check(self, now: datetime) -> None:
        """Let a verb through if the facility answers now.

        Raises:
            FacilityUnavailable: it does not, and says for how long.
        """
        at = self._elapsed(now)
        ends = [end for down in self._downs if (end := down.end(at)) is not None]
        if ends:
            raise FacilityUnavailable(
                self._facility_id, "the facility does not answer", (max(ends) - at) / 1_000_000
            )

    def status(self, now: datetime) -> dict[str, Any]:
        """Give the member `status` of the facility document, nothing if it is as usual."""
        if self._status is None or Window.of(self._status).end(self._elapsed(now)) is None:
            return {}
        told = {name: self._status[name] for name in ("state", "message") if name in self._status}
        return {"status": {**told, "observed_at": timestamp(now)}}

    def held_seconds(self, now: datetime) -> float:
        """Say how long a job that is handed over now is held in the queue."""
        if self._status is None or not self._status.get("holds_jobs"):
            return 0.0
        at = self._elapsed(now)
        end = Window.of(self._status).end(at)
        return (end - at) / 1_000_000 if end is not None else 0.0

    def next_change(self, now: datetime, *, watched: bool) -> datetime | None:
        """Give the first moment after `now` at which the facility answers again, or falls silent.

        The latter is of interest only while somebody watches.
        """
        at = self._elapsed(now)
        edges = [edge for edge in self._edges(at, watched=watched) if edge < _NEVER]
        return self._opened_at + min(edges) * _MICROSECOND if edges else None

    def _edges(self, at: int, *, watched: bool) -> Iterator[int]:
        for down in self._downs:
            if (end := down.end(at)) is not None:
                yield end
            if watched:
                yield down.next_begin(at)

    def _elapsed(self, now: datetime) -> int:
        return (now - self._opened_at) // _MICROSECOND
