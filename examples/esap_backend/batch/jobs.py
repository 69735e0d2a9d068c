"""Keep records and jobs together: submit, look, refresh, cancel, release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.dateparse import parse_datetime

from batch import common_compute
from batch.common_compute import CommonCompute, ComputeError, Refused
from batch.models import JobRecord, Workflow
from batch.specification import job_specification

State = JobRecord.State

_JUDGED = (400, 409, 413, 422)
"""With these the API says that no job comes of this submission. All else may be better next time."""

_OVERLAP = timedelta(seconds=2)
"""The contract asks for it, since what happens at one time is not all written down at that time."""

_PAGE_SIZE = 1000


class NotSubmitted(Exception):
    """The record has no job yet, as far as anybody knows, so that nothing can be done with one."""


@dataclass
class Refreshed:
    """What came of a refresh, in numbers of records."""

    submitted: int = 0
    changed: int = 0
    gone: int = 0


def computing() -> CommonCompute:
    """Give the client of the one API that the settings name."""
    return common_compute.connect(
        settings.COMMON_COMPUTE_URL, settings.COMMON_COMPUTE_TOKEN, settings.COMMON_COMPUTE_PATIENCE_SECONDS
    )


def submit(
    owner: Any,
    workflow: Workflow,
    facility_id: str,
    items: Sequence[dict[str, Any]],
    name: str,
    labels: Mapping[str, str],
) -> JobRecord:
    """Write a record and submit its job. A service that does not answer now gets it from `refresh` later.

    Raises:
        Refused: the submission is no good, and nothing is left of it.
    """
    # Durable: a record that a rollback could take away would not outlive a crash during the submission.
    with transaction.atomic(durable=True):
        record = JobRecord.objects.create(
            owner=owner,
            workflow=workflow,
            facility=facility_id,
            items=list(items),
            name=name,
            specification=job_specification(workflow.job, facility_id, items, name, labels),
        )
    try:
        _send(record)
    except Refused:
        record.delete()
        raise
    return record


def look(record: JobRecord, wait_seconds: int = 0) -> None:
    """Bring a record up to date, if need be after waiting for a change.

    Where that is not possible now, it stays as it was last seen, and says what the trouble is.
    """
    if record.state == State.UNSENT:
        _send_again(record)
    elif record.state in JobRecord.LIVE or (record.job_id and not record.etag):
        _ask(record, wait_seconds)


def refresh() -> Refreshed:
    """Bring all records up to date, with one list in place of a request for each."""
    done = Refreshed()
    for record in JobRecord.objects.filter(state=State.UNSENT):
        _send_again(record)
        done.submitted += record.state != State.UNSENT
    live = {record.job_id: record for record in JobRecord.objects.filter(state__in=JobRecord.LIVE)}
    if not live:
        return done
    # What changed after it was last seen has a later time, whichever clock that is.
    since = min(record.updated_at for record in live.values()) - _OVERLAP
    updated_after = since.isoformat().replace("+00:00", "Z")
    for job in computing().list_jobs(updated_after=updated_after, page_size=_PAGE_SIZE):
        record = live.pop(job["id"], None)
        if record is not None:
            done.changed += remember(record, job)
    # The list reaches back to before each of them was last seen, so it must have named them all.
    for record in live.values():
        _ask(record)
        done.gone += record.state == State.GONE
    return done


def cancel(record: JobRecord) -> None:
    """Ask that the job does not go on. How it ends will be seen; it may have been over already."""
    remember(record, computing().cancel_job(job_id_of(record)))


def release(record: JobRecord) -> None:
    """Remove job and record; the job has to be over."""
    if record.state != State.REFUSED:
        computing().release_job(job_id_of(record))
    record.delete()


def job_id_of(record: JobRecord) -> str:
    """Give the id of the record's job.

    Raises:
        NotSubmitted: it has none.
    """
    if record.job_id is None:
        raise NotSubmitted
    return str(record.job_id)


def remember(record: JobRecord, job: Mapping[str, Any], etag: str = "") -> bool:
    """Keep a job as it was seen, unless it is known better; tell whether anything was new."""
    seen_at = parse_datetime(job["updated_at"])
    # An answer that was long under way must not undo a later one. A list knows less than a look at the job.
    older = Q(updated_at__lte=seen_at) if etag else Q(updated_at__lt=seen_at)
    changed = JobRecord.objects.filter(Q(updated_at=None) | older, pk=record.pk).update(
        job_id=job["id"],
        state=job["state"],
        job={member: value for member, value in job.items() if member != "spec"},
        updated_at=seen_at,
        etag=etag,
        trouble=None,
    )
    record.refresh_from_db()
    return bool(changed)


def _send(record: JobRecord) -> None:
    try:
        job = computing().submit_job(record.specification, key=str(record.id))
    except ComputeError as error:
        if isinstance(error, Refused) and error.status in _JUDGED:
            raise
        _note(record, error)
    else:
        remember(record, job)


def _send_again(record: JobRecord) -> None:
    try:
        _send(record)
    except Refused as refused:
        _note(record, refused, State.REFUSED)


def _ask(record: JobRecord, wait_seconds: int = 0) -> None:
    try:
        job, etag = computing().get_job(job_id_of(record), record.etag, wait_seconds)
    except ComputeError as error:
        gone = isinstance(error, Refused) and error.code == "not-found" and record.state in JobRecord.LIVE
        _note(record, error, State.GONE if gone else None)
    else:
        if job is not None:
            remember(record, job, etag)
        elif record.trouble:
            record.trouble = None
            record.save(update_fields=["trouble"])


def _note(record: JobRecord, error: ComputeError, state: str | None = None) -> None:
    record.trouble = {"code": error.code, "detail": error.detail}
    record.state = state or record.state
    record.save(update_fields=["trouble", "state"])
