"""A job as the service keeps it, and the documents that it makes of it.

Times are whole seconds, for that is all that a workbench needs, but for `updated_at`: it begins with the second of the
submission as well, but has to move with every change, so then it has milliseconds, and goes ahead of the clock where
two changes share one.
"""

import hashlib
import json
import pathlib
from dataclasses import dataclass, field
from typing import Any

import facility
import times
from outputs import Kept

TERMINAL = ("succeeded", "failed", "cancelled")
_MILLISECOND = times.SECOND // 1000


@dataclass
class Job:
    """One job; `accepted` is the exact time of its submission, which nobody is told."""

    number: int
    owner: str
    spec: dict[str, Any]
    directory: pathlib.Path
    accepted: int
    state: str = "pending"
    reason: dict[str, str] | None = None
    started: int | None = None
    finished: int | None = None
    cancel_requested: int | None = None
    observed: int | None = None
    exit_code: int | None = None
    ended: int | None = None
    results: list[Kept] = field(default_factory=list)
    complete: bool = False
    updated: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._note("pending", self.accepted)
        self.updated = self.created

    @property
    def id(self) -> str:
        """The job's id."""
        return f"j-{self.number:06}"

    @property
    def created(self) -> int:
        """The time of the submission, as it is told."""
        return times.whole_second(self.accepted)

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended."""
        return self.state in TERMINAL

    @property
    def expires(self) -> int | None:
        """Until when results and logs are kept, once the job has ended."""
        return None if self.ended is None else self.ended + facility.RESULT_RETENTION_SECONDS * times.SECOND

    def step(self, state: str, now: int) -> None:
        """Go into a state, if it is another one."""
        if state != self.state:
            self.state = state
            self._note(state, now)

    def ask_to_cancel(self, now: int) -> None:
        """Write down that the job is to be cancelled, the first time."""
        if self.cancel_requested is None:
            self.cancel_requested = times.whole_second(now)
            self._touch(now)

    def end(self, state: str, reason: dict[str, str] | None, now: int) -> None:
        """Go into a terminal state."""
        self.reason = reason
        self.ended = times.whole_second(now)
        self.step(state, now)

    def summary(self) -> dict[str, Any]:
        """Write the job as lists give it."""
        document = {
            "id": self.id,
            "facility_id": self.spec["facility_id"],
            "owner": self.owner,
            "state": self.state,
            "attempt": 1,
            "stale": False,
            "created_at": times.written(self.created),
            "updated_at": times.written(self.updated),
        }
        document |= {name: self.spec[name] for name in ("name", "labels") if name in self.spec}
        if self.reason is not None:
            document["reason"] = self.reason
        if self.exit_code is not None:
            document["exit_code"] = self.exit_code
        instants = {
            "started_at": self.started,
            "finished_at": self.finished,
            "cancel_requested_at": self.cancel_requested,
            "observed_at": self.observed,
            "expires_at": self.expires,
        }
        return document | {name: times.written(at) for name, at in instants.items() if at is not None}

    def document(self) -> dict[str, Any]:
        """Write the job in full."""
        return self.summary() | {"history": self.history, "spec": self.spec}

    def etag(self) -> str:
        """Make the weak ETag over everything but `observed_at`."""
        covered = {name: value for name, value in self.document().items() if name != "observed_at"}
        return f'W/"{hashlib.sha256(json.dumps(covered).encode()).hexdigest()[:24]}"'

    def _note(self, state: str, now: int) -> None:
        self.history.append({"state": state, "at": times.written(times.whole_second(now)), "attempt": 1})
        self._touch(now)

    def _touch(self, now: int) -> None:
        self.updated = max(now - now % _MILLISECOND, self.updated + _MILLISECOND)
