"""Jobs in the store: insert, look up, list, cancel, release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from common_compute_connector.jobs import State, Summary
from common_compute_connector.store.changes import touch
from common_compute_connector.store.job_records import (
    HistoryEntry,
    JobRecord,
    ListedJob,
    Position,
    history_text,
    read_job,
)
from common_compute_connector.store.keys import Idempotency, free_keys, take_key
from common_compute_connector.store.schema import (
    Phase,
    jobs,
    keys,
    labels,
    parts,
    tasks,
    to_micros,
    to_text,
)

_TERMINAL = [state for state in State if state.terminal]


@dataclass(frozen=True, slots=True)
class NewJob:
    """An accepted specification; `parts` are the ranges of task indices that are submitted together.

    `shown_spec` is the specification without what is secret in it, None if that is the same.
    """

    id: str
    owner: str
    facility_id: str
    spec: Mapping[str, Any]
    shown_spec: Mapping[str, Any] | None
    created_at: datetime
    parts: Sequence[range]
    idempotency: Idempotency | None = None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What a list is narrowed to; times are exclusive."""

    states: Sequence[State] = ()
    facility_id: str | None = None
    labels: Sequence[tuple[str, str]] = ()
    created_after: datetime | None = None
    updated_after: datetime | None = None


def insert_jobs(connection: Connection, new: Sequence[NewJob]) -> list[JobRecord | None]:
    """Insert jobs with their tasks, parts, labels and keys.

    Each is given as it is kept, so that nobody has to look it up; None for one whose key a twin took first.
    """
    keyed = [(job.owner, job.idempotency.key, job.created_at) for job in new if job.idempotency]
    free_keys(connection, keyed)
    taken = [not _take_key(connection, job) for job in new]
    accepted = [job for job, lost in zip(new, taken, strict=True) if not lost]
    kept = {job.id: new_record(job) for job in accepted}
    if accepted:
        connection.execute(_INSERT_JOBS, [job_row(record) for record in kept.values()])
        connection.execute(_INSERT_TASKS, [row for job in accepted for row in _task_rows(job)])
        connection.execute(_INSERT_PARTS, [row for job in accepted for row in _part_rows(job)])
    if marks := [row for job in accepted for row in label_rows(job)]:
        connection.execute(_INSERT_LABELS, marks)
    return [kept.get(job.id) for job in new]


def find_job(connection: Connection, owner: str, job_id: str) -> JobRecord | None:
    """Give a caller's job."""
    row = connection.execute(_BY_ID, {"owner": owner, "job_id": job_id}).first()
    return None if row is None else read_job(row)


def list_jobs(
    connection: Connection, owner: str, wanted: JobFilter, before: Position | None, limit: int
) -> list[ListedJob]:
    """Give a caller's jobs that come after a position, newest first."""
    conditions: list[ColumnElement[bool]] = [jobs.c.owner == owner]
    if wanted.states:
        conditions.append(jobs.c.state.in_([str(state) for state in wanted.states]))
    if wanted.facility_id is not None:
        conditions.append(jobs.c.facility_id == wanted.facility_id)
    if wanted.created_after is not None:
        conditions.append(jobs.c.created_at > to_micros(wanted.created_after))
    if wanted.updated_after is not None:
        conditions.append(jobs.c.updated_at > to_micros(wanted.updated_after))
    for key, value in wanted.labels:
        held = labels.c.job_id == jobs.c.id, labels.c.key == key, labels.c.value == value
        conditions.append(exists().where(*held))
    if before is not None:
        earlier = and_(jobs.c.created_at == before.created_at, jobs.c.sequence < before.sequence)
        conditions.append(jobs.c.created_at <= before.created_at)
        conditions.append(or_(jobs.c.created_at < before.created_at, earlier))
    newest_first = jobs.c.created_at.desc(), jobs.c.sequence.desc()
    rows = connection.execute(select(jobs).where(*conditions).order_by(*newest_first).limit(limit))
    return [ListedJob(Position(row.created_at, row.sequence), read_job(row)) for row in rows]


def request_cancel(connection: Connection, owner: str, job_id: str, now: datetime) -> JobRecord | None:
    """Note the caller's wish to cancel, once; a terminal job stays as it is."""
    mine = jobs.c.owner == owner, jobs.c.id == job_id
    changed = connection.execute(
        update(jobs)
        .where(*mine, jobs.c.cancel_requested_at.is_(None), jobs.c.state.not_in(_TERMINAL))
        .values(cancel_requested_at=to_micros(now), updated_at=to_micros(now), version=jobs.c.version + 1)
    )
    if changed.rowcount:
        touch(connection, job_id)
    return find_job(connection, owner, job_id)


def release_job(connection: Connection, owner: str, job_id: str, now: datetime) -> bool:
    """Forget a terminal job; its parts wait to be removed from the facility. False if there is none."""
    gone = connection.execute(
        delete(jobs).where(jobs.c.owner == owner, jobs.c.id == job_id, jobs.c.state.in_(_TERMINAL))
    )
    if not gone.rowcount:
        return False
    connection.execute(update(parts).where(parts.c.job_id == job_id).values(phase=Phase.RELEASING))
    connection.execute(update(keys).where(keys.c.job_id == job_id).values(released_at=to_micros(now)))
    touch(connection, job_id)
    return True


def has_live_jobs(connection: Connection, owner: str, facility_id: str) -> bool:
    """Tell whether the caller has a job at the facility that is not terminal."""
    live = jobs.c.owner == owner, jobs.c.facility_id == facility_id, jobs.c.state.not_in(_TERMINAL)
    return connection.execute(select(jobs.c.id).where(*live).limit(1)).first() is not None


def count_states(connection: Connection) -> dict[str, int]:
    """Count all jobs by state."""
    rows = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
    return {row[0]: row[1] for row in rows}


def _take_key(connection: Connection, job: NewJob) -> bool:
    return job.idempotency is None or take_key(connection, job.owner, job.idempotency, job.id, job.created_at)


def new_record(job: NewJob) -> JobRecord:
    """Give a job as it is kept when it is new."""
    count = sum(len(part) for part in job.parts)
    is_array = "array" in job.spec
    first = Summary(State.PENDING)
    counts = {"total": count, **{str(state): 0 for state in State}, str(first.state): count}
    return JobRecord(
        id=job.id,
        owner=job.owner,
        facility_id=job.facility_id,
        spec_text=to_text(job.spec),
        shown_spec_text=to_text(job.shown_spec),
        is_array=is_array,
        task_count=count,
        version=1,
        state=first.state,
        attempt=first.attempt,
        task_counts=counts if is_array else None,
        history=[HistoryEntry(first.state, job.created_at, first.attempt)],
        complete=False,
        created_at=job.created_at,
        updated_at=job.created_at,
        results_expired=False,
    )


def job_row(new: JobRecord) -> dict[str, Any]:
    """Give the columns of a new job."""
    created = to_micros(new.created_at)
    return {
        "id": new.id,
        "owner": new.owner,
        "facility_id": new.facility_id,
        "spec": new.spec_text,
        "shown_spec": new.shown_spec_text,
        "is_array": new.is_array,
        "task_count": new.task_count,
        "version": new.version,
        "state": new.state,
        "attempt": new.attempt,
        "task_counts": to_text(new.task_counts),
        "history": history_text(new.history),
        "complete": new.complete,
        "created_at": created,
        "updated_at": created,
        "results_expired": new.results_expired,
    }


def _task_rows(job: NewJob) -> list[dict[str, Any]]:
    return [
        {"job_id": job.id, "task_index": index, "state": State.PENDING, "attempt": 1, "complete": False}
        for part in job.parts
        for index in part
    ]


def _part_rows(job: NewJob) -> list[dict[str, Any]]:
    return [
        {
            "job_id": job.id,
            "number": number,
            "owner": job.owner,
            "facility_id": job.facility_id,
            "first_index": part.start,
            "task_count": len(part),
            "phase": Phase.WAITING,
            "created_at": to_micros(job.created_at),
        }
        for number, part in enumerate(job.parts)
    ]


def label_rows(job: NewJob) -> list[dict[str, Any]]:
    """Give the rows of a job's labels."""
    return [
        {"job_id": job.id, "key": key, "value": value} for key, value in job.spec.get("labels", {}).items()
    ]


# Made once: SQLAlchemy then finds their compiled form again without looking at every column.
_INSERT_JOBS, _INSERT_TASKS, _INSERT_PARTS, _INSERT_LABELS = map(insert, (jobs, tasks, parts, labels))
_BY_ID = select(jobs).where(jobs.c.owner == bindparam("owner"), jobs.c.id == bindparam("job_id"))
