"""What has become of a job's tasks, written together with what that makes of the job."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from common_compute_connector.jobs import Summary, Task, summarise
from common_compute_connector.store.changes import touch
from common_compute_connector.store.job_records import HistoryEntry, JobRecord, history_text, read_job
from common_compute_connector.store.schema import jobs, to_micros, to_text
from common_compute_connector.store.tasks import all_tasks, write_tasks

_shown = attrgetter(
    "state",
    "attempt",
    "reason",
    "exit_code",
    "signal",
    "native",
    "resolved",
    "task_counts",
    "started_at",
    "finished_at",
)
"""What of a summary, or of a stored job, the ETag covers."""


def take_tasks(
    connection: Connection,
    job_id: str,
    news: Sequence[Task],
    now: datetime,
    retention: timedelta,
    everyone: Sequence[Task] | None = None,
) -> Summary | None:
    """Write what has become of some tasks of a job and what that makes of the job; None if it is gone.

    Whoever knows what all tasks of the job are by now gives them as `everyone`, by index; else they are read.
    Nothing moves in time: the job's times never decrease, and a terminal job never changes again.
    """
    row = connection.execute(_LOCKED, {"the_job": job_id}).first()
    if row is None:
        return None
    before = read_job(row)
    if before.state.terminal:
        return None
    write_tasks(connection, job_id, news)
    if everyone is None:
        everyone = all_tasks(connection, job_id) if before.is_array else news
    summary = summarise(everyone, is_array=before.is_array, before=before.state)
    connection.execute(_CHANGE, {"the_job": job_id, **_changes(before, summary, now, retention)})
    if _shown(summary) != _shown(before):
        touch(connection, job_id)
    return summary


def _changes(before: JobRecord, summary: Summary, now: datetime, retention: timedelta) -> dict[str, Any]:
    at = max(now, before.updated_at)
    history = list(before.history)
    if (summary.state, summary.attempt) != (before.state, before.attempt):
        history.append(HistoryEntry(summary.state, at, summary.attempt, summary.reason))
    values: dict[str, Any] = {
        "state": summary.state,
        "attempt": summary.attempt,
        "reason": to_text(summary.reason),
        "exit_code": summary.exit_code,
        "signal": summary.signal,
        "native": to_text(summary.native),
        "resolved": to_text(summary.resolved),
        "task_counts": to_text(summary.task_counts),
        "history": history_text(history),
        "complete": summary.complete,
        "started_at": to_micros(summary.started_at),
        "finished_at": to_micros(summary.finished_at),
        "observed_at": to_micros(summary.observed_at),
    }
    if _shown(summary) != _shown(before):
        values |= {"version": before.version + 1, "updated_at": to_micros(at)}
    if summary.state.terminal:
        values |= {"expires_at": to_micros(at + retention), "purge_at": to_micros(at + 2 * retention)}
        values["finished_at"] = values["finished_at"] or to_micros(at)
    return values


# Made once, so that SQLAlchemy finds their compiled form again; the columns are those that are given values.
_LOCKED = select(jobs).where(jobs.c.id == bindparam("the_job")).with_for_update()
_CHANGE = update(jobs).where(jobs.c.id == bindparam("the_job"))
