"""The table of Slurm's states, and what its rows and a task's records together say of the task. Pure.

Slurm decides whether a task still goes on, and its word wins where it gives a reason for the end. How the
command ended, and when to the fraction of a second, is in the records that the task's watcher wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common_compute_connector.jobs import Native, Reason, Resolved, State, TaskSeen
from common_compute_rosetta.process import NO_SPACE
from common_compute_rosetta.records import NO_SPACE_WORDS, verdict
from common_compute_rosetta.slurm_queue import Record, Row

GOING_ON: Mapping[str, State | None] = {
    "PENDING": State.QUEUED,
    "CONFIGURING": State.QUEUED,
    "REQUEUED": State.QUEUED,
    "REQUEUE_HOLD": State.QUEUED,
    "REQUEUE_FED": State.QUEUED,
    "RESV_DEL_HOLD": State.QUEUED,
    "SPECIAL_EXIT": State.QUEUED,
    "POWER_UP_NODE": State.QUEUED,
    "RUNNING": State.RUNNING,
    "COMPLETING": State.RUNNING,
    "SUSPENDED": State.RUNNING,
    "STOPPED": State.RUNNING,
    "SIGNALING": State.RUNNING,
    "RESIZING": State.RUNNING,
    "STAGE_OUT": State.RUNNING,
}
"""The states in which Slurm still has something to do (squeue(1), JOB STATE CODES)."""

ENDED: Mapping[str, str | None] = {
    "COMPLETED": None,
    "FAILED": None,
    "CANCELLED": "cancelled-by-facility",
    "TIMEOUT": "wall-time-exceeded",
    "DEADLINE": "wall-time-exceeded",
    "OUT_OF_MEMORY": "out-of-memory",
    "NODE_FAIL": "node-failure",
    "BOOT_FAIL": "node-failure",
    "LAUNCH_FAILED": "node-failure",
    "RECONFIG_FAIL": "node-failure",
    "PREEMPTED": "preempted",
}
"""The states in which a job has ended, with the reason's code where the state is one."""

PATIENCE_WITH_RECORDS = timedelta(seconds=20)
"""So much later than Slurm tells the end of a job, another machine's record or the books may show it."""

_ONE_THAT_CANNOT_BE = 53
"""The signal that Slurm tells when it could not even start a job's script."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task that is asked about: its index, and its job at Slurm."""

    index: int
    job: str
    element: int | None
    name: str

    @property
    def native_id(self) -> str:
        """Give Slurm's own name of it."""
        return self.job if self.element is None else f"{self.job}_{self.element}"


@dataclass(frozen=True, slots=True)
class View:
    """What is known beside the rows: the time there, the account's user id, and how Slurm's books stand.

    `missing` says for how long now a task has been in no row at all, `patience` how long that is believed.
    """

    now: datetime
    uid: int
    has_books: bool
    books_are_closed: bool = False
    missing: timedelta = timedelta()
    patience: timedelta = timedelta(seconds=30)


def is_missing(queued: Sequence[Row], booked: Sequence[Row], record: Record) -> bool:
    """Tell whether nothing is known of a task: neither Slurm has it nor is its end recorded."""
    return not queued and not _last_end(booked) and record.end is None


def task_seen(
    task: Task, queued: Sequence[Row], booked: Sequence[Row], record: Record, view: View
) -> TaskSeen | None:
    """Say what is to be seen of a task; None is nothing new."""
    row = queued[-1] if queued else None
    end_in_books = _last_end(booked)
    if row is not None and (row.state in GOING_ON or row.state not in ENDED):
        # While a node is cleared up after a job, the books have the job's end already.
        if row.state == "COMPLETING" and end_in_books is not None and record.end is not None:
            return _ended(task, end_in_books, record, view, len(booked))
        return _going_on(task, row, record)
    if row is not None:
        if row.state == "CANCELLED" and record.ending != "cancel" and view.has_books:
            # Only the books tell by whom; they may come a little later.
            if end_in_books is None and not _is_long_over(row, view):
                return None
            row = end_in_books or row
        return _ended(task, row, record, view, len(booked))
    if end_in_books is not None:
        return _ended(task, end_in_books, record, view, len(booked))
    if view.books_are_closed:
        return None
    if record.end is not None:
        return _ended_by_record(task, record)
    if view.missing < view.patience:
        return None
    reason = Reason("lost", "Slurm does not know this job any more, and nobody saw how it ended")
    return TaskSeen(
        task.index,
        State.FAILED,
        attempt=max(record.attempt, 1),
        started_at=record.started_at,
        reason=reason,
        native=Native(task.native_id),
    )


def _last_end(booked: Sequence[Row]) -> Row | None:
    """Give the last row of the books if it is an end; while they are behind, it is none."""
    return booked[-1] if booked and booked[-1].state in ENDED else None


def _is_long_over(row: Row, view: View) -> bool:
    return row.finished_at is None or view.now - row.finished_at >= PATIENCE_WITH_RECORDS


def _going_on(task: Task, row: Row, record: Record) -> TaskSeen:
    state = GOING_ON.get(row.state)
    attempt = (row.restarts or 0) + 1
    if row.state == "COMPLETING" and record.attempt < attempt:
        # What is being cleared up is the attempt before this one.
        state = State.QUEUED
    started_at = None
    if state is State.RUNNING:
        recorded = record.started_at if record.attempt == attempt else None
        started_at = recorded or row.started_at
    return TaskSeen(
        task.index,
        state,
        attempt=attempt,
        started_at=started_at,
        native=Native(task.native_id, row.state, row.words or None),
        resolved=Resolved(host=row.host) if row.host and state is State.RUNNING else None,
    )


def _ended(task: Task, row: Row, record: Record, view: View, bookings: int) -> TaskSeen:
    attempt = row.restarts + 1 if row.restarts is not None else max(bookings, record.attempt, 1)
    if record.attempt != attempt:
        record = Record(ending=record.ending)
    if is_awaited(row, record) and not _is_long_over(row, view):
        return TaskSeen(task.index, None, attempt=attempt, native=_native(task, row))
    never_ran = row.state == "CANCELLED" or row.words in _NEVER_STARTED or _could_not_start(row, record)
    exit_code, signal = _how(row, record)
    state, reason = _verdict(row, record, view, exit_code, signal)
    ran = record.attempt > 0 or not never_ran
    return TaskSeen(
        task.index,
        state,
        attempt=attempt,
        started_at=record.started_at or (row.started_at if ran else None),
        finished_at=(record.end.finished_at if record.end else None) or row.finished_at,
        exit_code=exit_code,
        signal=signal,
        reason=reason,
        native=_native(task, row),
        resolved=Resolved(host=row.host) if row.host and ran else None,
    )


def is_awaited(row: Row, record: Record) -> bool:
    """Tell whether the last record of a task that has ended for Slurm is still on its way."""
    if record.end is not None or ENDED.get(row.state) == "node-failure":
        return False
    if row.words in _NEVER_STARTED or _could_not_start(row, record):
        return False
    return row.state in ("COMPLETED", "FAILED") or record.attempt > 0


_NEVER_STARTED = ("BadConstraints", "DependencyNeverSatisfied", "InvalidAccount", "InvalidQOS")
"""The words with which Slurm gives a job up that it had accepted."""


def _could_not_start(row: Row, record: Record) -> bool:
    """Tell whether a job's script could not be started; of one that was killed Slurm says the same."""
    launch_failed = row.words == "JobLaunchFailure" or row.signal == _ONE_THAT_CANNOT_BE
    return launch_failed and record.attempt == 0


def _how(row: Row, record: Record) -> tuple[int | None, int | None]:
    """Give the command's exit code or signal: Slurm's own only where a job that began left no last record."""
    if record.end is not None:
        return record.end.exit_code, record.end.signal
    if row.state not in ("COMPLETED", "FAILED") or record.started_at is None:
        return None, None
    if row.signal:
        return None, row.signal
    return row.code, None


def _verdict(
    row: Row, record: Record, view: View, exit_code: int | None, signal: int | None
) -> tuple[State, Reason | None]:
    told = f"Slurm says {row.state}" + (f" ({row.words})" if row.words else "")
    if row.state == "CANCELLED":
        return State.CANCELLED, _who_cancelled(row, record, view, told)
    code = ENDED[row.state]
    if code is not None:
        return State.FAILED, Reason(code, told)
    if row.words in _NEVER_STARTED:
        return State.FAILED, Reason("submission-rejected", told)
    if record.end is not None:
        return verdict(record.end)
    if _could_not_start(row, record):
        return State.FAILED, Reason("node-failure", f"{told}: the job's script could not be started")
    if record.started_at is None and row.code == NO_SPACE:
        return State.FAILED, Reason("node-failure", f"{told}: {NO_SPACE_WORDS}")
    if record.started_at is None:
        told = f"{told}, exit code {row.code}:{row.signal}, and the job left no record"
        return State.FAILED, Reason("node-failure", f"{told}: does its node see the service's directory?")
    if signal:
        return State.FAILED, Reason("signal", f"signal {signal}")
    if exit_code:
        return State.FAILED, Reason("exit-nonzero", f"exit code {exit_code}")
    return State.SUCCEEDED, None


def _who_cancelled(row: Row, record: Record, view: View, told: str) -> Reason:
    if record.ending == "cancel" or row.cancelled_by == view.uid:
        return Reason("cancelled-by-user")
    if row.cancelled_by is not None:
        told = f"{told} by user {row.cancelled_by}"
    return Reason("cancelled-by-facility", told)


def _ended_by_record(task: Task, record: Record) -> TaskSeen:
    """Say what the record alone tells, where Slurm has forgotten the job."""
    end = record.end
    assert end is not None
    state, reason = verdict(end)
    if end.ending == "slurm":
        told = "Slurm ended the job, and has forgotten why"
        state, reason = State.CANCELLED, Reason("cancelled-by-facility", told)
    return TaskSeen(
        task.index,
        state,
        attempt=record.attempt,
        started_at=record.started_at,
        finished_at=end.finished_at,
        exit_code=end.exit_code,
        signal=end.signal,
        reason=reason,
        native=Native(task.native_id),
    )


def _native(task: Task, row: Row) -> Native:
    detail = f"ExitCode {row.code}:{row.signal}" + (f", {row.words}" if row.words else "")
    return Native(task.native_id, row.state, detail)
