"""The lists of kept results and logs; the bytes are in `content.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, tuple_

from common_compute_connector.store.schema import logs, results


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """A kept result; `path` is what the command called it, never a name in our store."""

    job_id: str
    task_index: int
    path: str
    id: str
    size_bytes: int
    sha256: str
    media_type: str
    location: str | None = None

    @property
    def content_name(self) -> str:
        """The name of its bytes in the content store."""
        return f"result-{self.id}"


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A kept log."""

    job_id: str
    task_index: int
    stream: str
    size_bytes: int

    @property
    def content_name(self) -> str:
        """The name of its bytes in the content store."""
        return log_name(self.task_index, self.stream)


def log_name(task_index: int, stream: str) -> str:
    """Name the bytes of a log in the content store."""
    return f"log-{task_index}-{stream}"


def list_results(
    connection: Connection, job_id: str, task_index: int | None, after: tuple[int, str] | None, limit: int
) -> list[ResultRecord]:
    """Give a job's results that come after a (task index, path), in that order."""
    query = select(results).where(results.c.job_id == job_id)
    if task_index is not None:
        query = query.where(results.c.task_index == task_index)
    if after is not None:
        query = query.where(tuple_(results.c.task_index, results.c.path) > after)
    rows = connection.execute(query.order_by(results.c.task_index, results.c.path).limit(limit))
    return [_result(row) for row in rows]


def find_result(connection: Connection, job_id: str, result_id: str) -> ResultRecord | None:
    """Give one result."""
    row = connection.execute(
        select(results).where(results.c.job_id == job_id, results.c.id == result_id)
    ).first()
    return None if row is None else _result(row)


def find_log(connection: Connection, job_id: str, task_index: int, stream: str) -> LogRecord | None:
    """Give one kept log; None if the facility lost it, or the task has not ended."""
    row = connection.execute(
        select(logs).where(logs.c.job_id == job_id, logs.c.task_index == task_index, logs.c.stream == stream)
    ).first()
    return None if row is None else LogRecord(row.job_id, row.task_index, row.stream, row.size_bytes)


def keep_lists(
    connection: Connection,
    of_tasks: Sequence[tuple[str, int]],
    kept_results: Sequence[ResultRecord],
    kept_logs: Sequence[LogRecord],
) -> None:
    """Write the lists of these tasks, given by job and index, in place of what an earlier try wrote."""
    if not of_tasks:
        return
    for forget in _FORGET:
        connection.execute(forget, [{"the_job": job_id, "the_index": index} for job_id, index in of_tasks])
    if kept_results:
        connection.execute(insert(results), [content_row(record) for record in kept_results])
    if kept_logs:
        connection.execute(insert(logs), [content_row(record) for record in kept_logs])


def drop_lists(connection: Connection, job_id: str) -> None:
    """Forget all results and logs of a job."""
    for table in (results, logs):
        connection.execute(delete(table).where(table.c.job_id == job_id))


def content_row(record: ResultRecord | LogRecord) -> dict[str, Any]:
    """Give the row of a kept result or log."""
    return {name: getattr(record, name) for name in record.__slots__}


def _result(row: Row[Any]) -> ResultRecord:
    return ResultRecord(
        row.job_id, row.task_index, row.path, row.id, row.size_bytes, row.sha256, row.media_type, row.location
    )


_FORGET = [
    delete(table).where(table.c.job_id == bindparam("the_job"), table.c.task_index == bindparam("the_index"))
    for table in (results, logs)
]
