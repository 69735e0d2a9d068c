"""The facilities and their catalogues of software."""

from __future__ import annotations

from typing import Any

from common_compute_connector.answers import Answer
from common_compute_connector.facilities import KnownFacility
from common_compute_connector.http.handlers.pages import page
from common_compute_connector.http.request import Request
from common_compute_connector.service import Service


async def list_facilities(service: Service, request: Request) -> Answer:  # noqa: ARG001
    """Give all facilities."""
    return Answer(200, {"facilities": [_document(service, known) for known in service.facilities]})


async def get_facility(service: Service, request: Request) -> Answer:
    """Give one facility."""
    return Answer(200, _document(service, known_facility(service, request)))


async def list_software(service: Service, request: Request) -> Answer:
    """Give a page of a facility's catalogue, all of it or one name's."""
    name = request.query.get("name")
    entries = [
        dict(entry)
        for entry in known_facility(service, request).software
        if name is None or entry["name"] == name
    ]
    start = request.position[0] if request.position else 0
    rest = list(enumerate(entries[start:], start + 1))
    return page(service, request, "software", rest, lambda one: [one[0]], lambda one: one[1])


def known_facility(service: Service, request: Request) -> KnownFacility:
    """Give the facility of the path, which the prologue found."""
    known = service.facilities.get(request.ids["facility_id"])
    if known is None:
        raise LookupError(request.ids["facility_id"])
    return known


def _document(service: Service, known: KnownFacility) -> dict[str, Any]:
    return known.document | {"conforms_to": list(service.facility_classes(known.id))}
