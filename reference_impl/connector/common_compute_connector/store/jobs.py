"""Jobs in the store: insert, look up, list, cancel, release, and take their tasks' news in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
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

from common_compute_connector.jobs import Native, Reason, Resolved, State, Summary, Task, summarise
from common_compute_connector.store.changes import touch
from common_compute_connector.store.keys import Idempotency, free_keys, take_key
from common_compute_connector.store.schema import (
    Phase,
    from_micros,
    from_text,
    jobs,
    keys,
    labels,
    parts,
    tasks,
    to_micros,
    to_text,
)
from common_compute_connector.store.tasks import all_tasks, write_tasks

_TERMINAL = [state for state in State if state.terminal]


class Position(NamedTuple):
    """A job's place in a list, for paging: newest first."""

    created_at: int
    sequence: int


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
class HistoryEntry:
    """One change of (state, attempt)."""

    state: State
    at: datetime
    attempt: int
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as stored; `version` rises with every change but that of `observed_at`."""

    position: Position
    id: str
    owner: str
    facility_id: str
    spec_text: str
    shown_spec_text: str | None
    is_array: bool
    task_count: int
    version: int
    state: State
    attempt: int
    reason: Reason | None
    exit_code: int | None
    signal: int | None
    native: Native | None
    resolved: Resolved | None
    task_counts: Mapping[str, int] | None
    history: Sequence[HistoryEntry]
    complete: bool
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    observed_at: datetime | None
    expires_at: datetime | None
    results_expired: bool

    @property
    def spec(self) -> dict[str, Any]:
        """The specification as sent."""
        spec: dict[str, Any] = from_text(self.spec_text)
        return spec

    @property
    def shown_spec(self) -> dict[str, Any]:
        """The specification as its owner sees it again."""
        shown: dict[str, Any] = from_text(self.shown_spec_text or self.spec_text)
        return shown


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What a list is narrowed to; times are exclusive."""

    states: Sequence[State] = ()
    facility_id: str | None = None
    labels: Sequence[tuple[str, str]] = ()
    created_after: datetime | None = None
    updated_after: datetime | None = None


def insert_jobs(connection: Connection, new: Sequence[NewJob]) -> list[bool]:
    """Insert jobs with their tasks, parts, labels and keys; False for one whose key a twin took first."""
    keyed = [(job.owner, job.idempotency.key, job.created_at) for job in new if job.idempotency]
    free_keys(connection, keyed)
    taken = [not _take_key(connection, job) for job in new]
    accepted = [job for job, lost in zip(new, taken, strict=True) if not lost]
    if accepted:
        connection.execute(insert(jobs), [_job_row(job) for job in accepted])
        connection.execute(insert(tasks), [row for job in accepted for row in _task_rows(job)])
        connection.execute(insert(parts), [row for job in accepted for row in _part_rows(job)])
    if marks := [row for job in accepted for row in _label_rows(job)]:
        connection.execute(insert(labels), marks)
    return [not lost for lost in taken]


def find_job(connection: Connection, owner: str, job_id: str) -> JobRecord | None:
    """Give a caller's job."""
    row = connection.execute(_BY_ID, {"owner": owner, "job_id": job_id}).first()
    return None if row is None else _record(row)


def list_jobs(
    connection: Connection, owner: str, wanted: JobFilter, before: Position | None, limit: int
) -> list[JobRecord]:
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
    return [_record(row) for row in rows]


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


def take_tasks(
    connection: Connection, job_id: str, news: Sequence[Task], now: datetime, retention: timedelta
) -> Summary | None:
    """Write what has become of some tasks of a job and what that makes of the job; None if it is gone.

    Nothing moves in time: the job's times never decrease, and a terminal job never changes again.
    """
    row = connection.execute(select(jobs).where(jobs.c.id == job_id).with_for_update()).first()
    if row is None:
        return None
    before = _record(row)
    if before.state.terminal:
        return None
    write_tasks(connection, job_id, news)
    everyone = all_tasks(connection, job_id) if before.is_array else news
    summary = summarise(everyone, is_array=before.is_array, before=before.state)
    connection.execute(
        update(jobs).where(jobs.c.id == job_id).values(_changes(before, summary, now, retention))
    )
    if _shown(summary) != _shown_before(before):
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
        "task_counts": to_text(summary.counts),
        "history": _history_text(history),
        "complete": summary.complete,
        "started_at": to_micros(summary.started_at),
        "finished_at": to_micros(summary.finished_at),
        "observed_at": to_micros(summary.observed_at),
    }
    if _shown(summary) != _shown_before(before):
        values |= {"version": before.version + 1, "updated_at": to_micros(at)}
    if summary.state.terminal:
        values |= {"expires_at": to_micros(at + retention), "purge_at": to_micros(at + 2 * retention)}
        values["finished_at"] = values["finished_at"] or to_micros(at)
    return values


def _shown(of: Summary) -> tuple[Any, ...]:
    return (
        of.state,
        of.attempt,
        of.reason,
        of.exit_code,
        of.signal,
        of.native,
        of.resolved,
        of.counts,
        of.started_at,
        of.finished_at,
    )


def _shown_before(of: JobRecord) -> tuple[Any, ...]:
    return (
        of.state,
        of.attempt,
        of.reason,
        of.exit_code,
        of.signal,
        of.native,
        of.resolved,
        of.task_counts,
        of.started_at,
        of.finished_at,
    )


def _take_key(connection: Connection, job: NewJob) -> bool:
    return job.idempotency is None or take_key(connection, job.owner, job.idempotency, job.id, job.created_at)


def _job_row(job: NewJob) -> dict[str, Any]:
    count = sum(len(part) for part in job.parts)
    is_array = "array" in job.spec
    first = Summary(State.PENDING)
    counts = {"total": count, **{str(state): 0 for state in State}, str(first.state): count}
    created = to_micros(job.created_at)
    return {
        "id": job.id,
        "owner": job.owner,
        "facility_id": job.facility_id,
        "spec": to_text(job.spec),
        "shown_spec": to_text(job.shown_spec),
        "is_array": is_array,
        "task_count": count,
        "version": 1,
        "state": first.state,
        "attempt": first.attempt,
        "task_counts": to_text(counts) if is_array else None,
        "history": _history_text([HistoryEntry(first.state, job.created_at, first.attempt)]),
        "complete": False,
        "created_at": created,
        "updated_at": created,
        "results_expired": False,
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


def _label_rows(job: NewJob) -> list[dict[str, Any]]:
    return [
        {"job_id": job.id, "key": key, "value": value} for key, value in job.spec.get("labels", {}).items()
    ]


def _history_text(history: Sequence[HistoryEntry]) -> str | None:
    return to_text([[e.state, to_micros(e.at), e.attempt, e.reason] for e in history])


def _record(row: Row[Any]) -> JobRecord:
    """Read a row; a job that is asked for again and again, as it was, is read once."""
    return _read(row) if len(row.spec) > _LONG_SPEC else _remembered(row)


def _read(row: Row[Any]) -> JobRecord:
    return JobRecord(
        position=Position(row.created_at, row.sequence),
        id=row.id,
        owner=row.owner,
        facility_id=row.facility_id,
        spec_text=row.spec,
        shown_spec_text=row.shown_spec,
        is_array=row.is_array,
        task_count=row.task_count,
        version=row.version,
        state=State(row.state),
        attempt=row.attempt,
        reason=Reason(**from_text(row.reason)) if row.reason else None,
        exit_code=row.exit_code,
        signal=row.signal,
        native=Native(**from_text(row.native)) if row.native else None,
        resolved=Resolved(**from_text(row.resolved)) if row.resolved else None,
        task_counts=from_text(row.task_counts),
        history=[
            HistoryEntry(State(state), from_micros(at), attempt, Reason(**reason) if reason else None)
            for state, at, attempt, reason in from_text(row.history)
        ],
        complete=row.complete,
        created_at=from_micros(row.created_at),
        updated_at=from_micros(row.updated_at),
        started_at=from_micros(row.started_at),
        finished_at=from_micros(row.finished_at),
        cancel_requested_at=from_micros(row.cancel_requested_at),
        observed_at=from_micros(row.observed_at),
        expires_at=from_micros(row.expires_at),
        results_expired=row.results_expired,
    )


_LONG_SPEC = 1 << 14
_remembered = lru_cache(maxsize=1024)(_read)
_BY_ID = select(jobs).where(jobs.c.owner == bindparam("owner"), jobs.c.id == bindparam("job_id"))
