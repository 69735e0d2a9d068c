"""What time does to jobs that nobody releases: first their bytes go, then they do."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from common_compute_connector.store.changes import touch
from common_compute_connector.store.jobs import release_job
from common_compute_connector.store.results import drop_lists
from common_compute_connector.store.schema import Phase, jobs, parts, to_micros

_AT_ONCE = 500


def expire_results(connection: Connection, now: datetime) -> list[str]:
    """Forget the results and logs of jobs whose retention is over, and name the jobs."""
    rows = connection.execute(
        select(jobs.c.id)
        .where(jobs.c.expires_at <= to_micros(now), jobs.c.results_expired.is_(False))
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        drop_lists(connection, row.id)
        connection.execute(
            update(jobs).where(jobs.c.id == row.id).values(results_expired=True, version=jobs.c.version + 1)
        )
        connection.execute(update(parts).where(parts.c.job_id == row.id).values(phase=Phase.RELEASING))
        touch(connection, row.id)
    return [row.id for row in rows]


def purge_jobs(connection: Connection, now: datetime) -> list[str]:
    """Release, for their owners, jobs past twice their retention, and name them."""
    rows = connection.execute(
        select(jobs.c.id, jobs.c.owner)
        .where(jobs.c.expires_at <= to_micros(now), jobs.c.purge_at <= to_micros(now))
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        release_job(connection, row.owner, row.id, now)
    return [row.id for row in rows]
