"""Jobs that have ended before anybody here knew of them, written whole in a few statements.

For a service that takes over what another one did, or stands for one that has run for long: what the
dispatcher writes step by step is here in one piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from common_compute_connector.jobs import Task, summarise
from common_compute_connector.store.job_records import HistoryEntry, JobRecord
from common_compute_connector.store.jobs import NewJob, job_row, label_rows, new_record
from common_compute_connector.store.results import LogRecord, ResultRecord, content_row
from common_compute_connector.store.schema import jobs, labels, logs, results, tasks, to_micros, to_text


@dataclass(frozen=True, slots=True)
class EndedJob:
    """A job of one task: when it was seen in which state, the end last, and what was kept of it."""

    new: NewJob
    seen: Sequence[tuple[datetime, Task]]
    retention: timedelta
    results: Sequence[ResultRecord] = ()
    logs: Sequence[LogRecord] = ()


def insert_ended_jobs(connection: Connection, ended: Sequence[EndedJob]) -> None:
    """Insert jobs that have ended; there is nothing of them at their facilities to look after."""
    if not ended:
        return
    for table, rows in (
        (jobs, [_job_row(job) for job in ended]),
        (tasks, [_task_row(job) for job in ended]),
        (labels, [row for job in ended for row in label_rows(job.new)]),
        (results, [content_row(record) for job in ended for record in job.results]),
        (logs, [content_row(record) for job in ended for record in job.logs]),
    ):
        if rows:
            connection.execute(insert(table), rows)


def _job_row(job: EndedJob) -> dict[str, Any]:
    record = new_record(job.new)
    for at, task in job.seen:
        record = _seen(record, at, task)
    end = job.seen[-1][0]
    return {
        **job_row(record),
        **_outcome(record),
        "updated_at": to_micros(record.updated_at),
        "expires_at": to_micros(end + job.retention),
        "purge_at": to_micros(end + 2 * job.retention),
    }


def _task_row(job: EndedJob) -> dict[str, Any]:
    task = job.seen[-1][1]
    told = {"state": task.state, "attempt": task.attempt, "complete": task.complete}
    return {"job_id": job.new.id, "task_index": task.index, **told, **_outcome(task)}


def _outcome(one: JobRecord | Task) -> dict[str, Any]:
    return {
        "reason": to_text(one.reason),
        "exit_code": one.exit_code,
        "signal": one.signal,
        "native": to_text(one.native),
        "resolved": to_text(one.resolved),
        "started_at": to_micros(one.started_at),
        "finished_at": to_micros(one.finished_at),
        "observed_at": to_micros(one.observed_at),
    }


def _seen(record: JobRecord, at: datetime, task: Task) -> JobRecord:
    summary = summarise([task], is_array=False, before=record.state)
    history = list(record.history)
    if (summary.state, summary.attempt) != (record.state, record.attempt):
        history.append(HistoryEntry(summary.state, at, summary.attempt, summary.reason))
    return replace(
        record,
        version=record.version + 1,
        updated_at=at,
        history=history,
        state=summary.state,
        attempt=summary.attempt,
        reason=summary.reason,
        exit_code=summary.exit_code,
        signal=summary.signal,
        native=summary.native,
        resolved=summary.resolved,
        complete=summary.complete,
        started_at=summary.started_at,
        finished_at=summary.finished_at,
        observed_at=summary.observed_at,
    )
