"""Parts in the store: claim them with a lease, record intents before and outcomes after a submission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, or_, select, tuple_, update

from common_compute_connector.jobs import State, Task
from common_compute_connector.protocol import Part, PartKey
from common_compute_connector.store.schema import Phase, from_micros, from_text, jobs, parts, tasks, to_micros
from common_compute_connector.store.tasks import read_task

_CHUNK = 400  # keeps a statement below the number of parameters that SQLite allows

_TERMINAL = [state for state in State if state.terminal]
_ACTIONABLE = [Phase.WAITING, Phase.INTENDED, Phase.LIVE, Phase.RELEASING]


@dataclass(frozen=True, slots=True)
class ClaimedPart:
    """A part that this process alone works on until its lease ends, with its job and tasks.

    `spec` and `tasks` are empty for one whose job was released.
    """

    part: Part
    phase: Phase
    spec: dict[str, Any] | None
    tasks: Sequence[Task]
    job_task_count: int
    job_created_at: datetime
    intended_at: datetime | None
    unknown_since: datetime | None


@dataclass(frozen=True, slots=True)
class Claimant:
    """A process that claims parts of a facility; `host` is set if they can be seen from that host alone."""

    facility_id: str
    replica: str
    host: str | None = None


def any_to_claim(connection: Connection, claimant: Claimant, now: datetime) -> bool:
    """Tell whether there are parts that nobody works on, without locking any."""
    return connection.execute(_unclaimed(claimant, now).limit(1)).first() is not None


def claim_parts(
    connection: Connection, claimant: Claimant, now: datetime, until: datetime, limit: int
) -> list[ClaimedPart]:
    """Lease parts that nobody works on, the oldest first; replicas at once never get the same.

    A part of a facility that is bound to a host stays with the host that leased it first.
    """
    rows = connection.execute(
        _unclaimed(claimant, now).order_by(parts.c.created_at).limit(limit).with_for_update(skip_locked=True)
    ).all()
    keys = [PartKey(row.job_id, row.number) for row in rows]
    lease = {"lease_owner": claimant.replica, "lease_until": to_micros(until)}
    _update(connection, keys, **lease, **({"host": claimant.host} if claimant.host else {}))
    return _claimed(connection, rows)


def renew_leases(connection: Connection, replica: str, until: datetime) -> None:
    """Keep all leases of a process."""
    connection.execute(
        update(parts).where(parts.c.lease_owner == replica).values(lease_until=to_micros(until))
    )


def leased_parts(connection: Connection, replica: str) -> set[PartKey]:
    """Name the parts that a process holds."""
    rows = connection.execute(select(parts.c.job_id, parts.c.number).where(parts.c.lease_owner == replica))
    return {PartKey(row.job_id, row.number) for row in rows}


def drop_leases(connection: Connection, replica: str | None = None) -> None:
    """Give back a process's leases, or all: where there is only one process, none outlives it."""
    query = update(parts).values(lease_owner=None, lease_until=None)
    connection.execute(query if replica is None else query.where(parts.c.lease_owner == replica))


def record_intents(
    connection: Connection, replica: str, keys: Sequence[PartKey], now: datetime
) -> list[PartKey]:
    """Note, before a submission begins, that it may happen.

    Gives those parts that may go: still leased by this process, and of a job that was not cancelled.
    """
    leased = leased_parts(connection, replica)
    wanted = {
        row.id
        for job_ids in _chunks(sorted({key.job_id for key in keys}))
        for row in connection.execute(
            select(jobs.c.id)
            .where(jobs.c.id.in_(job_ids), jobs.c.cancel_requested_at.is_(None))
            .with_for_update(read=True)  # a wish to cancel comes before this or finds the intent
        )
    }
    go = [key for key in keys if key.job_id in wanted and key in leased]
    _update(connection, go, phase=Phase.INTENDED, intended_at=to_micros(now))
    return go


def record_accepted(connection: Connection, key: PartKey, handle: str, now: datetime) -> None:
    """Note that the facility has a part."""
    _update(connection, [key], phase=Phase.LIVE, handle=handle, submitted_at=to_micros(now))


def record_waiting(connection: Connection, keys: Sequence[PartKey]) -> None:
    """Note that these parts are certainly not at the facility."""
    _update(connection, keys, phase=Phase.WAITING, intended_at=None)


def record_unknown_since(connection: Connection, key: PartKey, since: datetime | None) -> None:
    """Note since when the facility, answering, does not know an accepted part."""
    _update(connection, [key], unknown_since=to_micros(since))


def record_ended(connection: Connection, key: PartKey) -> None:
    """Note that nothing of a part is live any more, and give its lease back."""
    connection.execute(
        update(parts)
        .where(parts.c.job_id == key.job_id, parts.c.number == key.number, parts.c.phase != Phase.RELEASING)
        .values(phase=Phase.ENDED, lease_owner=None, lease_until=None)
    )


def record_removed(connection: Connection, keys: Sequence[PartKey]) -> None:
    """Forget parts of which nothing is left at the facility."""
    for some in _chunks(keys):
        connection.execute(delete(parts).where(tuple_(parts.c.job_id, parts.c.number).in_(some)))


def record_observed(connection: Connection, job_ids: Sequence[str], now: datetime) -> None:
    """Note that nothing changed: the live tasks of these jobs, of one part each, were seen just now."""
    for some in _chunks(job_ids):
        for table, column in ((jobs, jobs.c.id), (tasks, tasks.c.job_id)):
            connection.execute(
                update(table)
                .where(column.in_(some), table.c.state.not_in(_TERMINAL))
                .values(observed_at=to_micros(now))
            )


def find_submitted_part(connection: Connection, job_id: str, task_index: int) -> Part | None:
    """Give the part of a task if the facility has taken it."""
    row = connection.execute(
        select(parts).where(
            parts.c.job_id == job_id,
            parts.c.first_index <= task_index,
            parts.c.first_index + parts.c.task_count > task_index,
            parts.c.handle.is_not(None),
        )
    ).first()
    if row is None:
        return None
    return Part(PartKey(row.job_id, row.number), row.owner, row.first_index, row.task_count, row.handle)


def jobs_to_cancel(connection: Connection, facility_id: str) -> set[str]:
    """Name the live jobs of a facility whose callers want them cancelled."""
    rows = connection.execute(
        select(jobs.c.id).where(
            jobs.c.facility_id == facility_id,
            jobs.c.cancel_requested_at.is_not(None),
            jobs.c.expires_at.is_(None),
        )
    )
    return {row.id for row in rows}


def _unclaimed(claimant: Claimant, now: datetime) -> Select[Any]:
    free = or_(parts.c.lease_until.is_(None), parts.c.lease_until < to_micros(now))
    ours = parts.c.facility_id == claimant.facility_id
    query = select(parts).where(ours, parts.c.phase.in_(_ACTIONABLE), free)
    if claimant.host is not None:
        query = query.where(or_(parts.c.host.is_(None), parts.c.host == claimant.host))
    return query


def _claimed(connection: Connection, rows: Sequence[Row[Any]]) -> list[ClaimedPart]:
    job_ids = sorted({row.job_id for row in rows})
    found_jobs = {
        row.id: row
        for some in _chunks(job_ids)
        for row in connection.execute(
            select(jobs.c.id, jobs.c.spec, jobs.c.task_count, jobs.c.created_at).where(jobs.c.id.in_(some))
        )
    }
    found_tasks: dict[str, list[Task]] = {}
    for some in _chunks(job_ids):
        query = select(tasks).where(tasks.c.job_id.in_(some)).order_by(tasks.c.job_id, tasks.c.task_index)
        for row in connection.execute(query):
            found_tasks.setdefault(row.job_id, []).append(read_task(row))
    claimed = []
    for row in rows:
        job = found_jobs.get(row.job_id)
        part = Part(PartKey(row.job_id, row.number), row.owner, row.first_index, row.task_count, row.handle)
        claimed.append(
            ClaimedPart(
                part=part,
                phase=Phase(row.phase),
                spec=from_text(job.spec) if job else None,
                tasks=[task for task in found_tasks.get(row.job_id, ()) if task.index in part.indices],
                job_task_count=job.task_count if job else row.task_count,
                job_created_at=from_micros(job.created_at if job else row.created_at),
                intended_at=from_micros(row.intended_at),
                unknown_since=from_micros(row.unknown_since),
            )
        )
    return claimed


def _update(connection: Connection, keys: Sequence[PartKey], **values: Any) -> None:
    for some in _chunks(keys):
        connection.execute(
            update(parts).where(tuple_(parts.c.job_id, parts.c.number).in_(some)).values(**values)
        )


def _chunks(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[at : at + _CHUNK] for at in range(0, len(items), _CHUNK)]
