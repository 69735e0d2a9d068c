"""What nq's words mean in the contract: what was read in, an observation out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from common_compute_connector.jobs import Native, Reason, State
from common_compute_connector.protocol import TaskSeen

from .nq import Job

MARKS = ("cancel", "start", "missing")
"""What may stand beside a task's logs: that it is to end, when its command began, why there is none."""


def task_seen(index: int, job: Job, marks: Mapping[str, str]) -> TaskSeen | None:
    """Translate a job and the marks of its task; None if it has ended and nq has not said how."""
    started_at = datetime.fromtimestamp(float(marks["start"]), UTC) if marks.get("start") else None
    if job.alive:
        state, word = (State.RUNNING, "running") if started_at else (State.QUEUED, "waiting")
        return TaskSeen(index, state, started_at=started_at, native=Native(state=word))
    if job.exit_code is None and job.signal is None:
        return None
    state, reason = _ending(job, marks)
    cancelled = state is State.CANCELLED
    return TaskSeen(
        index,
        state,
        started_at=started_at,
        finished_at=job.changed_at,
        exit_code=job.exit_code,
        signal=None if cancelled else job.signal,
        reason=reason,
        native=Native(state=f"exit {job.exit_code}" if job.signal is None else f"signal {job.signal}"),
    )


def _ending(job: Job, marks: Mapping[str, str]) -> tuple[State, Reason | None]:
    if job.signal is not None and "cancel" in marks:
        return State.CANCELLED, Reason("cancelled-by-user")
    if job.signal is not None:
        return State.FAILED, Reason("signal", f"signal {job.signal}")
    if "missing" in marks:
        return State.FAILED, Reason("command-not-found", marks["missing"])
    if job.exit_code:
        return State.FAILED, Reason("exit-nonzero", f"exit code {job.exit_code}")
    return State.SUCCEEDED, None
