"""Jobs that were there before a mock started: written into its store as the dispatcher would have."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from common_compute_connector.jobs import Task, TaskSeen, advance, conclude
from common_compute_connector.service import Service
from common_compute_connector.store import Connection
from common_compute_connector.store.jobs import NewJob
from common_compute_connector.store.past import EndedJob, insert_ended_jobs
from common_compute_connector.store.results import LogRecord, ResultRecord, log_name

_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class PastJob:
    """A job of one task that has ended: what was seen of it and when, and the bytes that it left.

    The last of `seen` is its end.
    """

    facility_id: str
    owner: str
    spec: Mapping[str, Any]
    created_at: datetime
    seen: Sequence[tuple[datetime, TaskSeen]]
    results: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    """By path: media type and bytes."""
    logs: Mapping[str, bytes] = field(default_factory=dict)


async def insert_past_jobs(service: Service, jobs: Sequence[PastJob]) -> None:
    """Insert jobs, the oldest first, each with a history, its results and its logs."""
    for start in range(0, len(jobs), _AT_ONCE):
        ended = [await _ended(service, job) for job in jobs[start : start + _AT_ONCE]]

        def write(connection: Connection, ended: Sequence[EndedJob] = ended) -> None:
            insert_ended_jobs(connection, ended)

        await service.store.write(write)


async def _ended(service: Service, job: PastJob) -> EndedJob:
    known = service.facilities.get(job.facility_id)
    assert known is not None, "past jobs are those of this service's facilities"
    job_id = service.clock.new_id()
    new = NewJob(job_id, job.owner, job.facility_id, job.spec, None, job.created_at, [range(1)])
    results, logs = await _keep(service, job_id, job)
    retention = timedelta(seconds=known.limits["result_retention_seconds"])
    return EndedJob(new, list(_lived(job)), retention, results, logs)


def _lived(job: PastJob) -> Iterator[tuple[datetime, Task]]:
    """Go through what was seen of a job, as the ground would have taken it in."""
    task = Task(0)
    for at, seen in job.seen:
        task = advance(task, seen, at, job.created_at)
        if task.ending is not None:
            task = conclude(task, (), ())
        yield at, task


async def _keep(service: Service, job_id: str, job: PastJob) -> tuple[list[ResultRecord], list[LogRecord]]:
    content = service.store.content
    results = []
    for path, (media_type, body) in job.results.items():
        identifier = sha256(f"0\0{path}".encode()).hexdigest()[:32]
        record = ResultRecord(job_id, 0, path, identifier, len(body), sha256(body).hexdigest(), media_type)
        await content.keep(job_id, record.content_name, _whole(body))
        results.append(record)
    logs = []
    for stream, body in job.logs.items():
        await content.keep(job_id, log_name(0, stream), _whole(body))
        logs.append(LogRecord(job_id, 0, stream, len(body)))
    return results, logs


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body
