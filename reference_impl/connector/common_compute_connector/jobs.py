"""The life of a job and its tasks as data and pure functions: no clock, no store, no facility.

A facility is observed task by task. `advance` takes an observation into a task, `conclude` publishes the
task's end once its bytes are kept, and `summarise` says what the tasks make of their job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from common_compute_connector.contract import legal_steps, terminal_states


class State(StrEnum):
    """The states of the contract, in their order (a test holds them against `spec/openapi.yaml`)."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Tell whether nothing comes after it."""
        return self in _TERMINAL


_TERMINAL = frozenset(State(state) for state in terminal_states())


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a task failed or was cancelled: a code of the contract, and the facility's own words."""

    code: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Native:
    """The facility's own name and word for a task."""

    id: str | None = None
    state: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the facility made of a wish: the digest that ran, the version, the place."""

    image_digest: str | None = None
    software_version: str | None = None
    site: str | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class TaskSeen:
    """What the facility says of one task now.

    `state` is None for a native state that the connector does not know (the last one then stays). `attempt`
    counts from 1. Times are the facility's. With a terminal state come `exit_code` (0-255, the command's
    own) or `signal`, never both, and, unless it succeeded, a `reason`.
    """

    index: int
    state: State | None
    attempt: int = 1
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    signal: int | None = None
    reason: Reason | None = None
    native: Native | None = None
    resolved: Resolved | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """A task's end as the facility told it, kept back until logs and results are ours."""

    state: State
    exit_code: int | None = None
    signal: int | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One task; a job that is no array has one, of index 0."""

    index: int
    state: State = State.PENDING
    attempt: int = 1
    reason: Reason | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    observed_at: datetime | None = None
    exit_code: int | None = None
    signal: int | None = None
    native: Native | None = None
    resolved: Resolved | None = None
    ending: Ending | None = None
    complete: bool = True
    """False if a required output is not there; it means something once the task has ended."""

    @property
    def live(self) -> bool:
        """Tell whether the facility still has to be asked about it."""
        return not self.state.terminal and self.ending is None


@dataclass(frozen=True, slots=True)
class Summary:
    """What the tasks of a job make of it; `native` and `resolved` only where they agree."""

    state: State
    attempt: int = 1
    reason: Reason | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    observed_at: datetime | None = None
    exit_code: int | None = None
    signal: int | None = None
    native: Native | None = None
    resolved: Resolved | None = None
    task_counts: dict[str, int] | None = None
    complete: bool = True


def advance(task: Task, seen: TaskSeen, now: datetime, created_at: datetime) -> Task:
    """Take an observation of a task in; a step that the contract does not know leaves the state as it is.

    `now` is the time of the observation and `created_at` the job's: the facility's times are brought between.
    """
    if task.state.terminal:
        return task
    if task.ending is not None:
        if seen.attempt <= task.attempt:
            return replace(task, observed_at=now)
        task = replace(task, ending=None, finished_at=None)
    attempt = max(task.attempt, seen.attempt)
    raised = attempt > task.attempt
    state = task.state
    ending = None
    if seen.state is not None and seen.attempt == attempt:
        if seen.state.terminal:
            ending = Ending(seen.state, seen.exit_code, seen.signal, seen.reason)
        elif seen.state == state or (state, seen.state) in legal_steps(attempt_raised=raised):
            state = seen.state
    started = task.started_at if not raised else None
    if started is None:
        started = _between(created_at, seen.started_at, now)
    if started is None and state is State.RUNNING:
        started = now
    finished = _between(started or created_at, seen.finished_at, now) if ending is not None else None
    return replace(
        task,
        state=state,
        attempt=attempt,
        started_at=started,
        finished_at=finished or (now if ending is not None else None),
        observed_at=now,
        # What a pending task shows is why it waits here, which is over with the first word from the facility.
        native=seen.native or (None if task.state is State.PENDING else task.native),
        resolved=seen.resolved or task.resolved,
        ending=ending,
    )


def conclude(task: Task, missing: Sequence[str], lost: Sequence[str]) -> Task:
    """Publish the end of a task whose bytes are kept.

    `missing` names required outputs that matched nothing, `lost` what the facility could no longer give.
    Exit code 0 with an output missing is a failure; a verdict of the facility stands whatever is missing.
    """
    ending = task.ending
    if ending is None:
        raise ValueError(f"task {task.index} has not ended")
    state, reason = ending.state, ending.reason
    if state is State.SUCCEEDED:
        reason = None
        if lost:
            state, reason = State.FAILED, Reason("results-lost", "; ".join(lost))
        elif missing:
            state, reason = State.FAILED, Reason("output-missing", f"no file matches {', '.join(missing)}")
    elif reason is None:
        reason = Reason("unknown")
    return replace(
        task,
        state=state,
        reason=reason,
        exit_code=ending.exit_code,
        signal=ending.signal,
        ending=None,
        complete=not missing,
    )


def give_up(task: Task, state: State, reason: Reason, now: datetime, *, complete: bool) -> Task:
    """End a task from which nothing will come home: refused, called off before it was submitted, or lost.

    `complete` is True if no output was required of it.
    """
    native = None if task.state is State.PENDING else task.native
    return replace(
        task, state=state, reason=reason, finished_at=now, ending=None, complete=complete, native=native
    )


def put_off(task: Task, why: str) -> Task:
    """Show in the facility's words why a task that it does not have yet still waits."""
    return replace(task, native=Native(detail=why))


def summarise(tasks: Sequence[Task], *, is_array: bool, before: State = State.PENDING) -> Summary:
    """Say what the tasks, ordered by index, make of their job, whose state was `before`.

    An array has no attempts, so it never falls back: while all its tasks wait for a second attempt it runs.
    """
    if not is_array:
        (task,) = tasks
        return Summary(
            state=task.state,
            attempt=task.attempt,
            reason=task.reason,
            started_at=task.started_at,
            finished_at=task.finished_at if task.state.terminal else None,
            observed_at=task.observed_at,
            exit_code=task.exit_code,
            signal=task.signal,
            native=task.native,
            resolved=task.resolved,
            complete=task.complete,
        )
    found = Counter(task.state for task in tasks)
    state = _array_state(found, len(tasks), before)
    started = [task.started_at for task in tasks if task.started_at is not None]
    finished = [task.finished_at for task in tasks if task.finished_at is not None]
    observed = [task.observed_at for task in tasks if not task.state.terminal] or [
        task.observed_at for task in tasks
    ]
    reason = next((task.reason for task in tasks if task.state is state and task.reason), None)
    natives = {task.native for task in tasks}
    resolved = {task.resolved for task in tasks}
    return Summary(
        state=state,
        reason=reason if state.terminal else None,
        started_at=min(started, default=None),
        finished_at=max(finished, default=None) if state.terminal else None,
        observed_at=None if None in observed else min(at for at in observed if at is not None),
        native=next(iter(natives)) if len(natives) == 1 else None,
        resolved=next(iter(resolved)) if len(resolved) == 1 else None,
        task_counts={"total": len(tasks), **{str(known): found.get(known, 0) for known in State}},
        complete=all(task.complete for task in tasks),
    )


def _array_state(found: Counter[State], total: int, before: State) -> State:
    ended = sum(found[state] for state in _TERMINAL)
    if ended == total:
        return next(s for s in (State.FAILED, State.CANCELLED, State.SUCCEEDED) if found[s])
    if ended or found[State.RUNNING] or before is State.RUNNING:
        return State.RUNNING
    return State.QUEUED if found[State.QUEUED] or before is State.QUEUED else State.PENDING


def _between(earliest: datetime, at: datetime | None, latest: datetime) -> datetime | None:
    return None if at is None else max(earliest, min(at, latest))
