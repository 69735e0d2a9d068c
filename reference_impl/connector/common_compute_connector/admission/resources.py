"""The resources that a job wants, held against what the facility has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from common_compute_connector import contract
from common_compute_connector.admission.offer import Offer
from common_compute_connector.admission.sound import Sound
from common_compute_connector.admission.verdicts import exceeded, unsupported
from common_compute_connector.errors import Fault
from common_compute_connector.schemas import pointer

_LIMIT_OF_QUEUE = {
    "wall_time_seconds": "max_wall_time_seconds",
    "cpu_cores": "max_cpu_cores",
    "memory_bytes": "max_memory_bytes",
}


def resource_faults(sound: Sound, offer: Offer) -> Iterator[Fault]:
    """Name the resources that are not there, or that are wanted beyond their limit."""
    names = _names(offer.document)
    queue = _queue(sound.resources.get("queue"), offer.document)
    for member, value in sound.resources.items():
        place = ["resources", member]
        capability = offer.document["resources"].get(member, {})
        if capability.get("support", "unsupported") == "unsupported":
            yield unsupported(place, "The facility does not have this to choose.")
        elif value in _too_little(member):
            yield Fault(
                "invalid-request", "A job cannot do without this: ask for more.", pointer=pointer(place)
            )
        elif member in names:
            if value not in names[member]:
                yield unsupported(place, f"The facility does not know this {member}: see its document.")
        else:
            limits = [capability.get("max"), queue.get(_LIMIT_OF_QUEUE.get(member, ""))]
            known = [limit for limit in limits if limit is not None]
            if known and value > min(known):
                yield exceeded(place, "This", min(known))


@cache
def _too_little(member: str) -> range:
    """Give the values that make no sense where the facility has the resource."""
    members = contract.document()["components"]["schemas"]["Resources"]["properties"]
    return range(members[member].get("x-minimum-where-supported", 0))


def _names(document: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        "architecture": list(document["architectures"]),
        "queue": [queue["name"] for queue in document["queues"]],
        "site": list(document.get("sites", ())),
    }


def _queue(wanted: str | None, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the queue that the job will go to: the one it names, or the default."""
    for queue in document["queues"]:
        if queue["default"] if wanted is None else queue["name"] == wanted:
            found: Mapping[str, Any] = queue
            return found
    return {}
