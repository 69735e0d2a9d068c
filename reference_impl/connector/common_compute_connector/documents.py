"""Turn stored records into the JSON objects of the contract; a member without a value is absent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from common_compute_connector.jobs import Native, Reason, Resolved, Task
from common_compute_connector.store.job_records import JobRecord
from common_compute_connector.store.results import ResultRecord


def timestamp(at: datetime) -> str:
    """Write a time as RFC 3339 in UTC, with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def is_stale(record: JobRecord, stale_after_seconds: float, now: datetime) -> bool:
    """Tell whether the facility has not been heard about the job for too long; never for a terminal one."""
    return stale_at(record, stale_after_seconds) <= now if not record.state.terminal else False


def stale_at(record: JobRecord, stale_after_seconds: float) -> datetime:
    """Say when a job turns stale if nothing is heard of it."""
    return (record.observed_at or record.created_at) + timedelta(seconds=stale_after_seconds)


def job_etag(record: JobRecord, *, stale: bool) -> str:
    """Give the weak tag, of this job alone, that changes with everything but `observed_at`."""
    return f'W/"{record.id}.{record.version}{"s" if stale else ""}"'


def job_summary_document(record: JobRecord, *, stale: bool) -> dict[str, Any]:
    """Give a job as lists show it."""
    spec = record.shown_spec
    return _summary(record, spec, stale)


def job_document(record: JobRecord, *, stale: bool) -> dict[str, Any]:
    """Give a whole job."""
    spec = record.shown_spec
    history = [
        _present({"state": e.state, "at": timestamp(e.at), "attempt": e.attempt, "reason": _reason(e.reason)})
        for e in record.history
    ]
    return _summary(record, spec, stale) | {"history": history, "spec": spec}


def task_document(task: Task) -> dict[str, Any]:
    """Give a task."""
    return _present(
        {
            "index": task.index,
            "state": task.state,
            "reason": _reason(task.reason),
            "attempt": task.attempt,
            "started_at": _time(task.started_at),
            "finished_at": _time(task.finished_at) if task.state.terminal else None,
            "exit_code": task.exit_code,
            "signal": task.signal,
            "observed_at": _time(task.observed_at),
            "native": _record(task.native),
        }
    )


def result_document(result: ResultRecord, *, of_array: bool) -> dict[str, Any]:
    """Give a result; only an array's tells its task."""
    return _present(
        {
            "id": result.id,
            "path": result.path,
            "size_bytes": result.size_bytes,
            "sha256": result.sha256,
            "media_type": result.media_type,
            "task_index": result.task_index if of_array else None,
            "location": result.location,
        }
    )


def _summary(record: JobRecord, spec: Mapping[str, Any], stale: bool) -> dict[str, Any]:
    return _present(
        {
            "id": record.id,
            "name": spec.get("name"),
            "facility_id": record.facility_id,
            "owner": record.owner,
            "labels": spec.get("labels"),
            "state": record.state,
            "reason": _reason(record.reason),
            "attempt": record.attempt,
            "created_at": timestamp(record.created_at),
            "updated_at": timestamp(record.updated_at),
            "started_at": _time(record.started_at),
            "finished_at": _time(record.finished_at),
            "cancel_requested_at": _time(record.cancel_requested_at),
            "observed_at": _time(record.observed_at),
            "stale": stale,
            "exit_code": record.exit_code,
            "signal": record.signal,
            "task_counts": record.task_counts,
            "native": _record(record.native),
            "resolved": _record(record.resolved),
            "expires_at": _time(record.expires_at),
        }
    )


def _time(at: datetime | None) -> str | None:
    return None if at is None else timestamp(at)


def _reason(reason: Reason | None) -> dict[str, Any] | None:
    return None if reason is None else _present({"code": reason.code, "detail": reason.detail})


def _record(record: Native | Resolved | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return _present({name: getattr(record, name) for name in record.__slots__}) or None


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
