"""A job as the store gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Row

from common_compute_connector.jobs import Native, Reason, Resolved, State
from common_compute_connector.store.schema import from_micros, from_text, to_micros, to_text


class Position(NamedTuple):
    """A job's place in a list, for paging: newest first."""

    created_at: int
    sequence: int


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change of (state, attempt)."""

    state: State
    at: datetime
    attempt: int
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A job as stored; `version` rises with every change but that of `observed_at`."""

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
    reason: Reason | None = None
    exit_code: int | None = None
    signal: int | None = None
    native: Native | None = None
    resolved: Resolved | None = None
    task_counts: Mapping[str, int] | None
    history: Sequence[HistoryEntry]
    complete: bool
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    observed_at: datetime | None = None
    expires_at: datetime | None = None
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


class ListedJob(NamedTuple):
    """A job in a list."""

    position: Position
    job: JobRecord


def read_job(row: Row[Any]) -> JobRecord:
    """Read a row; a job that is asked for again and again, as it was, is read once."""
    return _read(row) if len(row.spec) > _LONG_SPEC else _remembered(row)


def _read(row: Row[Any]) -> JobRecord:
    return JobRecord(
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


def history_text(history: Sequence[HistoryEntry]) -> str | None:
    """Turn a history into the text that is stored."""
    return to_text([[e.state, to_micros(e.at), e.attempt, e.reason] for e in history])
