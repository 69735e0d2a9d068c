"""Idempotency keys: which job a caller's key made, and of which body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from common_compute_connector.store.schema import from_micros, keys, to_micros

HELD_AFTER_RELEASE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A key as sent, and the keyed digest of the body that came with it."""

    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class KeptKey:
    """What a key stands for; `released_at` is set when its job was released."""

    digest: str
    job_id: str
    created_at: datetime
    released_at: datetime | None


def find_key(connection: Connection, owner: str, key: str, now: datetime) -> KeptKey | None:
    """Give what a caller's key stands for, or None if it is free (24 h after a 201 whose job is released)."""
    row = connection.execute(select(keys).where(keys.c.owner == owner, keys.c.key == key)).first()
    if row is None:
        return None
    kept = KeptKey(row.digest, row.job_id, from_micros(row.created_at), from_micros(row.released_at))
    return None if kept.released_at and kept.created_at + HELD_AFTER_RELEASE <= now else kept


def free_keys(connection: Connection, wanted: Sequence[tuple[str, str, datetime]]) -> None:
    """Remove those of the wanted keys that are free again."""
    for owner, key, now in wanted:
        over = and_(
            keys.c.owner == owner,
            keys.c.key == key,
            keys.c.released_at.is_not(None),
            keys.c.created_at <= to_micros(now - HELD_AFTER_RELEASE),
        )
        connection.execute(delete(keys).where(over))


def take_key(connection: Connection, owner: str, wanted: Idempotency, job_id: str, now: datetime) -> bool:
    """Bind a key to a job, and tell whether it was free."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    bound = connection.execute(
        dialect.insert(keys)
        .values(owner=owner, key=wanted.key, digest=wanted.digest, job_id=job_id, created_at=to_micros(now))
        .on_conflict_do_nothing()
        .returning(keys.c.key)  # the count of rows is not told for such an insertion
    )
    return bound.first() is not None
