"""The service's own document and its health."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from common_compute_connector import contract
from common_compute_connector.answers import Answer
from common_compute_connector.errors import StoreUnavailable
from common_compute_connector.http.request import Request
from common_compute_connector.service import VERSION, Service


async def get_service_info(service: Service, request: Request) -> Answer:  # noqa: ARG001
    """Describe the service."""
    settings = service.settings
    document: dict[str, Any] = {
        "id": settings.id,
        "name": settings.name,
        "type": {
            "group": "org.common-compute",
            "artifact": "common-compute",
            "version": contract.document()["info"]["version"],
        },
        "organization": {"name": settings.organization, "url": settings.organization_url},
        "version": VERSION,
        "conforms_to": list(service.classes),
        "access": dict(service.access.description),
        "limits": asdict(service.limits),
    }
    if settings.description is not None:
        document["description"] = settings.description
    return Answer(200, document)


async def get_health(service: Service, request: Request) -> Answer:  # noqa: ARG001
    """Tell whether jobs can be accepted: whether a transaction of the store can be committed."""
    try:
        await service.store.write(lambda _connection: None)
    except StoreUnavailable:
        return Answer(503, {"status": "fail"})
    return Answer(200, {"status": "pass"})
