"""Take from a job specification the parts that fit the contract's schema, whatever is wrong beside them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from common_compute_connector import contract
from common_compute_connector.errors import Fault
from common_compute_connector.schemas import Validator, compiled

Entries = Sequence[tuple[int, Mapping[str, Any]]]
"""Elements of a list that fit, with the indices that they have in it."""


@dataclass(frozen=True, slots=True)
class Sound:
    """The parts that fit; one that is absent, or does not fit, is None or empty."""

    facility_id: str | None = None
    software: Mapping[str, Any] | None = None
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    inputs: Entries = ()
    outputs: Entries = ()
    resources: Mapping[str, Any] = field(default_factory=dict)
    array: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None
    backend_parameters: Mapping[str, Any] | None = None

    @property
    def parameters(self) -> Sequence[Mapping[str, str]]:
        """The array's parameters, empty without."""
        parameters: Sequence[Mapping[str, str]] = (self.array or {}).get("parameters", ())
        return parameters

    @property
    def task_count(self) -> int:
        """The number of tasks."""
        if self.array is None:
            return 1
        return int(self.array["count"]) if "count" in self.array else len(self.parameters)


def sound_parts(spec: Mapping[str, Any], faults: Sequence[Fault]) -> Sound:
    """Give the parts of a specification at which the schema's faults do not lie."""
    if faults:
        spec = _repaired(spec, faults)
    return Sound(
        facility_id=spec.get("facility_id"),
        software=spec.get("software"),
        command=spec.get("command", ()),
        environment=spec.get("environment", {}),
        inputs=[(at, entry) for at, entry in enumerate(spec.get("inputs", ())) if entry is not None],
        outputs=[(at, entry) for at, entry in enumerate(spec.get("outputs", ())) if entry is not None],
        resources=spec.get("resources", {}),
        array=spec.get("array"),
        metadata=spec.get("metadata"),
        backend_parameters=spec.get("backend_parameters"),
    )


def _repaired(spec: Mapping[str, Any], faults: Sequence[Fault]) -> dict[str, Any]:
    """Leave out what does not fit: single members, then elements of lists, then whole parts."""
    known = {name: copy.deepcopy(value) for name, value in spec.items() if name in _members()}
    _drop_faulty_members(known, faults)
    return {name: part for name, value in known.items() if (part := _part(name, value)) is not None}


def _drop_faulty_members(spec: dict[str, Any], faults: Sequence[Fault]) -> None:
    """Leave out the members that are at fault; one that is needed takes what holds it with it later."""
    for fault in faults:
        steps = [step.replace("~1", "/").replace("~0", "~") for step in (fault.pointer or "").split("/")[1:]]
        if len(steps) > 1:
            holder = _find(spec, steps[:-1])
            if isinstance(holder, dict):
                holder.pop(steps[-1], None)


def _find(place: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if isinstance(place, dict):
            place = place.get(step)
        elif isinstance(place, list) and int(step) < len(place):
            place = place[int(step)]
        else:
            return None
    return place


def _part(name: str, value: Any) -> Any:
    whole, inner = _validators()[name]
    if whole.fits(value):
        return value
    if inner is None:
        return None
    if isinstance(value, list):
        return [entry if inner.fits(entry) else None for entry in value]
    return None


@cache
def _members() -> Mapping[str, Any]:
    members: Mapping[str, Any] = contract.document()["components"]["schemas"]["JobSpec"]["properties"]
    return members


@cache
def _validators() -> dict[str, tuple[Validator, Validator | None]]:
    """Compile each member's schema and, for a list of objects, that of one element."""
    found: dict[str, tuple[Validator, Validator | None]] = {}
    for name, schema in _members().items():
        items = schema.get("items", {})
        found[name] = (compiled(schema), compiled(items) if "$ref" in items else None)
    return found
