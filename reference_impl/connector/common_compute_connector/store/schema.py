"""The tables. Times are microseconds since 1970 UTC; JSON is text, so that SQLite and PostgreSQL agree."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, overload

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_Serial = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts only a column of type INTEGER


class Phase(StrEnum):
    """Where a part stands between us and its facility."""

    WAITING = "waiting"
    """Certainly not submitted."""
    INTENDED = "intended"
    """The submission was begun and its outcome is not known: look before submitting again."""
    LIVE = "live"
    """The facility has it; `handle` is set."""
    ENDED = "ended"
    """All its tasks are terminal; what it left at the facility is still there."""
    RELEASING = "releasing"
    """Waiting to be removed from the facility."""


jobs = Table(
    "jobs",
    metadata,
    Column("sequence", _Serial, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("owner", String(512), nullable=False),
    Column("facility_id", String(64), nullable=False),
    Column("spec", Text, nullable=False),
    Column("shown_spec", Text),
    Column("is_array", Boolean, nullable=False),
    Column("task_count", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("reason", Text),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("native", Text),
    Column("resolved", Text),
    Column("task_counts", Text),
    Column("history", Text, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("cancel_requested_at", BigInteger),
    Column("observed_at", BigInteger),
    Column("expires_at", BigInteger),
    Column("purge_at", BigInteger),
    Column("results_expired", Boolean, nullable=False),
    Index("jobs_by_owner", "owner", "created_at", "sequence"),
    Index("jobs_by_state", "owner", "state", "created_at", "sequence"),
    Index("jobs_to_expire", "expires_at", "results_expired"),
    Index("jobs_to_cancel", "facility_id", "cancel_requested_at"),
)

labels = Table(
    "labels",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(63), primary_key=True),
    Column("value", String(255), nullable=False),
    Index("labels_by_value", "key", "value", "job_id"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("task_index", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("reason", Text),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("native", Text),
    Column("resolved", Text),
    Column("ending", Text),
    Column("complete", Boolean, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("observed_at", BigInteger),
)

parts = Table(
    "parts",
    metadata,
    # No foreign key: a part outlives its released job until the facility has been cleaned.
    Column("job_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("owner", String(512), nullable=False),
    Column("facility_id", String(64), nullable=False),
    Column("first_index", Integer, nullable=False),
    Column("task_count", Integer, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("handle", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("intended_at", BigInteger),
    Column("submitted_at", BigInteger),
    Column("unknown_since", BigInteger),
    Column("host", String(255)),
    Column("lease_owner", String(64)),
    Column("lease_until", BigInteger),
    Index("parts_to_claim", "facility_id", "phase", "created_at"),
    Index("parts_by_lease", "lease_owner"),
)

keys = Table(
    "keys",
    metadata,
    Column("owner", String(512), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("job_id", String(32), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("released_at", BigInteger),
)

results = Table(
    "results",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("task_index", Integer, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("id", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("location", Text),
    Index("results_by_id", "job_id", "id"),
)

logs = Table(
    "logs",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("task_index", Integer, primary_key=True),
    Column("stream", String(8), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("owner", String(512), primary_key=True),
    Column("facility_id", String(64), primary_key=True),
    Column("document", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

replicas = Table(
    "replicas",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("configuration", String(64), nullable=False),
    Column("alive_until", BigInteger, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)


@overload
def to_micros(at: datetime) -> int: ...
@overload
def to_micros(at: None) -> None: ...
@overload
def to_micros(at: datetime | None) -> int | None: ...
def to_micros(at: datetime | None) -> int | None:
    """Turn an aware time into the number that is stored."""
    return None if at is None else (at - _EPOCH) // _MICROSECOND


@overload
def from_micros(micros: int) -> datetime: ...
@overload
def from_micros(micros: None) -> None: ...
@overload
def from_micros(micros: int | None) -> datetime | None: ...
def from_micros(micros: int | None) -> datetime | None:
    """Turn a stored number into an aware time."""
    return None if micros is None else _EPOCH + micros * _MICROSECOND


@overload
def to_text(value: Mapping[str, Any]) -> str: ...
@overload
def to_text(value: object) -> str | None: ...
def to_text(value: object) -> str | None:
    """Turn a JSON value, or a frozen record of the domain, into the text that is stored."""
    return None if value is None else orjson.dumps(value).decode()


def from_text(text: str | None) -> Any:
    """Read a stored JSON value."""
    return None if text is None else orjson.loads(text)
