"""Change the job specification in a submission, as a service does that overlooks a fault of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from common_compute_connector import contract
from common_compute_mutants.exchange import Answer, Forward, Request

Spec = dict[str, Any]


async def reading(request: Request, forward: Forward, edit: Callable[[Spec], object]) -> Answer:
    """Read the specification of a submission or validation as `edit` leaves it."""
    return await forward(request.edited(edit) if request.is_submission else request)


def members(schema: str) -> Mapping[str, Any]:
    """Return the members that an object of the contract may have, with their schemas."""
    properties: Mapping[str, Any] = contract.document()["components"]["schemas"][schema]["properties"]
    return properties


def objects(spec: Spec, name: str) -> list[Spec]:
    """Return the objects in a list of the specification, none where it is no such list."""
    value = spec.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def texts(spec: Spec, name: str) -> Spec:
    """Return the member that is an object, or an empty one of no consequence."""
    value = spec.get(name)
    return value if isinstance(value, dict) else {}


def drop(object_: Spec, unwanted: Callable[[str, Any], bool]) -> None:
    """Drop the members that are not wanted."""
    for name in [name for name, value in object_.items() if unwanted(name, value)]:
        del object_[name]


async def facility_of(request: Request, forward: Forward) -> Spec:
    """Return the document of the server's facility, as the sender of this request is shown it."""
    kept = tuple(pair for pair in request.headers if pair[0] == "authorization")
    answer = await forward(Request("GET", "/facilities", (), kept, b""))
    facilities = answer.json().get("facilities", [{}]) if answer.status == 200 else [{}]
    found: Spec = facilities[0]
    return found
