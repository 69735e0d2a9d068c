"""The credential with which the service acts for a caller at a facility."""

from __future__ import annotations

from common_compute_connector.answers import Answer
from common_compute_connector.errors import CredentialInUse
from common_compute_connector.http.handlers.facilities import known_facility
from common_compute_connector.http.request import Request
from common_compute_connector.service import Service
from common_compute_connector.store.enrolments import (
    drop_enrolment,
    find_enrolment,
    keep_enrolment,
    renew_enrolment,
)
from common_compute_connector.store.jobs import has_live_jobs


async def get_credential(service: Service, request: Request) -> Answer:
    """Show the credential's present state; what was found out about one that is kept is kept too."""
    known, owner = known_facility(service, request), request.owner
    held = await service.store.read(lambda connection: find_enrolment(connection, owner, known.id))
    seen = await known.connector.check_enrolment(owner, held)
    if held is not None and seen != held:
        await service.store.write(lambda connection: renew_enrolment(connection, known.id, held, seen))
        if seen.document["state"] == "valid" != held.document["state"]:
            # It may be the first one with which the facility can be asked what it has.
            known.described_at = None
            service.dispatcher.wake(known.id)
    return Answer(200, dict(seen.document))


async def put_credential(service: Service, request: Request) -> Answer:
    """Enrol the caller; a repeat keeps what is there."""
    known, owner = known_facility(service, request), request.owner
    held = await service.store.read(lambda connection: find_enrolment(connection, owner, known.id))
    made = await known.connector.enrol(owner, request.body, held)
    await service.store.write(lambda connection: keep_enrolment(connection, known.id, made))
    return Answer(201 if held is None else 200, dict(made.document))


async def delete_credential(service: Service, request: Request) -> Answer:
    """Forget the caller's credential, unless jobs that have not ended need it."""
    known, owner = known_facility(service, request), request.owner
    if await service.store.read(lambda connection: has_live_jobs(connection, owner, known.id)):
        raise CredentialInUse(known.id)
    held = await service.store.read(lambda connection: find_enrolment(connection, owner, known.id))
    if held is not None:
        await known.connector.withdraw(held)
        await service.store.write(lambda connection: drop_enrolment(connection, owner, known.id))
    return Answer(204)
