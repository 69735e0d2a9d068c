"""Tasks in the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from common_compute_connector.jobs import Ending, Native, Reason, Resolved, State, Task
from common_compute_connector.store.schema import from_micros, from_text, tasks, to_micros, to_text


def list_tasks(
    connection: Connection, job_id: str, states: Sequence[State], after: int | None, limit: int
) -> list[Task]:
    """Give the tasks of a job whose index is above `after`, by index."""
    query = select(tasks).where(tasks.c.job_id == job_id).order_by(tasks.c.task_index).limit(limit)
    if states:
        query = query.where(tasks.c.state.in_([str(state) for state in states]))
    if after is not None:
        query = query.where(tasks.c.task_index > after)
    return [read_task(row) for row in connection.execute(query)]


def all_tasks(connection: Connection, job_id: str) -> list[Task]:
    """Give all tasks of a job, by index."""
    rows = connection.execute(select(tasks).where(tasks.c.job_id == job_id).order_by(tasks.c.task_index))
    return [read_task(row) for row in rows]


def find_task(connection: Connection, job_id: str, index: int) -> Task | None:
    """Give one task."""
    row = connection.execute(
        select(tasks).where(tasks.c.job_id == job_id, tasks.c.task_index == index)
    ).first()
    return None if row is None else read_task(row)


def write_tasks(connection: Connection, job_id: str, news: Sequence[Task]) -> None:
    """Write all of some tasks of a job."""
    if news:
        connection.execute(_WRITE, [_row(job_id, task) for task in news])


def read_task(row: Row[Any]) -> Task:
    """Turn a row into a task."""
    return Task(
        index=row.task_index,
        state=State(row.state),
        attempt=row.attempt,
        reason=_reason(from_text(row.reason)),
        started_at=from_micros(row.started_at),
        finished_at=from_micros(row.finished_at),
        observed_at=from_micros(row.observed_at),
        exit_code=row.exit_code,
        signal=row.signal,
        native=Native(**from_text(row.native)) if row.native else None,
        resolved=Resolved(**from_text(row.resolved)) if row.resolved else None,
        ending=_ending(from_text(row.ending)),
        complete=row.complete,
    )


def _row(job_id: str, task: Task) -> dict[str, Any]:
    return {
        "the_job": job_id,
        "the_index": task.index,
        "state": task.state,
        "attempt": task.attempt,
        "reason": to_text(task.reason),
        "exit_code": task.exit_code,
        "signal": task.signal,
        "native": to_text(task.native),
        "resolved": to_text(task.resolved),
        "ending": to_text(task.ending),
        "complete": task.complete,
        "started_at": to_micros(task.started_at),
        "finished_at": to_micros(task.finished_at),
        "observed_at": to_micros(task.observed_at),
    }


def _reason(value: dict[str, Any] | None) -> Reason | None:
    return None if value is None else Reason(**value)


def _ending(value: dict[str, Any] | None) -> Ending | None:
    if value is None:
        return None
    return Ending(State(value["state"]), value["exit_code"], value["signal"], _reason(value["reason"]))


_COLUMNS = ("state", "attempt", "reason", "exit_code", "signal", "native", "resolved", "ending", "complete",
            "started_at", "finished_at", "observed_at")  # fmt: skip
_WRITE = (
    update(tasks)
    .where(tasks.c.job_id == bindparam("the_job"), tasks.c.task_index == bindparam("the_index"))
    .values({name: bindparam(name) for name in _COLUMNS})
)
