"""Submit a job, or judge one without submitting it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common_compute_connector.admission import judge, schema_faults
from common_compute_connector.answers import Answer
from common_compute_connector.contract import base_path
from common_compute_connector.documents import job_document
from common_compute_connector.errors import CredentialRequired, Fault, KeyReleased, KeyReused
from common_compute_connector.facilities import KnownFacility
from common_compute_connector.fingerprint import body_digest
from common_compute_connector.http.request import Request
from common_compute_connector.plan import task_count
from common_compute_connector.problems import fault_document, faults_of
from common_compute_connector.redact import shown_spec
from common_compute_connector.service import Service
from common_compute_connector.store.enrolments import find_enrolment
from common_compute_connector.store.job_records import JobRecord
from common_compute_connector.store.jobs import NewJob, find_job, insert_jobs
from common_compute_connector.store.keys import HELD_AFTER_RELEASE, Idempotency, find_key

_KEY = "idempotency-key"
_NOT_USABLE = ("missing", "awaiting_user")


async def find_replay(service: Service, request: Request) -> Answer | None:
    """Answer a submission whose key was used before.

    Raises:
        KeyReused: with another body.
        KeyReleased: with this body, for a job that is gone.
    """
    wanted = _idempotency(service, request)
    if wanted is None:
        return None
    now = service.clock.now()
    kept = await service.store.read(lambda connection: find_key(connection, request.owner, wanted.key, now))
    if kept is None:
        return None
    if kept.digest != wanted.digest:
        raise KeyReused
    job = await service.store.read(lambda connection: find_job(connection, request.owner, kept.job_id))
    if kept.released_at is not None or job is None:
        raise KeyReleased(kept.created_at + HELD_AFTER_RELEASE)
    return _accepted(service, job, 200, ("idempotency-replayed", "true"))


def faults_of_job(service: Service, request: Request) -> Sequence[Fault]:
    """Find what no schema can: what the form's rules and the facility say."""
    in_body = [fault for fault in request.faults if fault.pointer is not None]
    return judge(request.body, in_body, service.offer)[len(in_body) :]


async def submit_job(service: Service, request: Request) -> Answer:
    """Keep a job; it is on disk when this answers, and its facility hears of it later."""
    spec = request.body
    known = service.facilities.get(spec["facility_id"])
    assert known is not None, "judged before"
    if await _credential_is_missing(service, request.owner, known):
        raise CredentialRequired(known.id)
    new = NewJob(
        id=service.clock.new_id(),
        owner=request.owner,
        facility_id=known.id,
        spec=spec,
        shown_spec=_shown(spec),
        created_at=service.clock.now(),
        parts=_parts(task_count(spec), known.connector.max_tasks_per_part),
        idempotency=_idempotency(service, request),
    )
    job = await service.store.write_together(insert_jobs, new)
    if job is None:
        twin = await find_replay(service, request)
        assert twin is not None, "its key was taken by a twin"
        return twin
    service.dispatcher.wake(known.id)
    return _accepted(service, job, 201)


async def validate_job(service: Service, request: Request) -> Answer:
    """Tell what a submission of this body would be refused for."""
    found = judge(request.body, schema_faults(request.body), service.offer)
    if not found:
        known = service.facilities.get(request.body["facility_id"])
        if known is not None and await _credential_is_missing(service, request.owner, known):
            found = list(faults_of(CredentialRequired(known.id)))
    return Answer(200, {"valid": not found, "errors": [fault_document(fault) for fault in found]})


def _accepted(service: Service, job: JobRecord, status: int, *headers: tuple[str, str]) -> Answer:
    document = job_document(job, stale=service.is_stale(job))
    return Answer(status, document, [("location", f"{base_path()}/jobs/{job.id}"), *headers])


def _idempotency(service: Service, request: Request) -> Idempotency | None:
    key = request.headers.get(_KEY)
    return None if key is None else Idempotency(key, body_digest(service.store.secret, request.body))


async def _credential_is_missing(service: Service, owner: str, known: KnownFacility) -> bool:
    """Tell whether the caller has to enrol first, as last known: the facility is not asked."""
    if "credentials" not in service.facility_classes(known.id):
        return False
    if known.description["credential"]["delegation"] == "service":
        return False
    held = await service.store.read(lambda connection: find_enrolment(connection, owner, known.id))
    return held is None or held.document["state"] in _NOT_USABLE


def _shown(spec: dict[str, Any]) -> dict[str, Any] | None:
    """Give what its owner sees of a specification, None if that is the same."""
    shown = shown_spec(spec)
    return None if shown == spec else shown


def _parts(count: int, most: int) -> list[range]:
    return [range(start, min(start + most, count)) for start in range(0, count, most)]
