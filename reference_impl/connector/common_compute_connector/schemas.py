"""Compile the contract's schemas once, and say in words and pointers what does not fit them.

OpenAPI 3.0's dialect and the contract's own extensions become JSON Schema Draft 7: a discriminator becomes a
chain of `if` and `then`, so that only the faults of the branch meant are told; `x-key-pattern` becomes
`propertyNames`; `x-first-item-min-length` becomes a first item of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

from jsonschema_rs import Draft7Validator, ValidationError

from common_compute_connector import contract
from common_compute_connector.errors import Fault

MAX_FAULTS = 1000
"""A body with more faults has its first ones told: the answer stays bounded."""

_ANNOTATIONS = frozenset({"example", "examples", "default", "discriminator", "format", "title"})
_WORDS = {"integer": "an integer", "object": "an object", "array": "a list", "null": "null"}


class Validator:
    """One compiled schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema: dict[str, Any] = {"allOf": [_translated(schema)]}
        if '"$ref"' in json.dumps(schema):
            # Not for those of most parameters: to read all of them in takes milliseconds.
            self._schema["components"] = {"schemas": _components()}
        self._compiled = Draft7Validator(self._schema, validate_formats=False)
        self.fits = self._compiled.is_valid
        """Tell whether a JSON value fits."""

    def faults(self, value: Any) -> list[Fault]:
        """Name everything that does not fit, by JSON pointer; an empty list if all does."""
        if self.fits(value):
            return []
        found = islice(self._compiled.iter_errors(value), MAX_FAULTS)
        told: dict[str | None, Fault] = {}
        for error in found:
            for fault in self._told(error):
                told.setdefault(fault.pointer, fault)  # one sentence about one place is enough
        return sorted(told.values(), key=lambda fault: fault.pointer or "")

    def _told(self, error: ValidationError) -> Iterator[Fault]:
        place = [str(step) for step in error.instance_path]
        kind, facts = error.kind.name, error.kind.as_dict()
        if kind == "required":
            yield _fault([*place, facts["property"]], "This member is missing.")
        elif kind == "additionalProperties":
            for name in facts["unexpected"]:
                yield _fault([*place, name], "This member is not known here.")
        elif kind == "propertyNames":
            name = str(facts["error"].instance)
            pattern = self._node(error).get("propertyNames", {}).get("pattern")
            yield _fault([*place, name], f"This name does not match {pattern}.")
        else:
            yield _fault(place, _sentence(kind, facts, error.instance, self._node(error)))

    def _node(self, error: ValidationError) -> Mapping[str, Any]:
        """Find the schema that has the keyword which an error is about."""
        node: Any = self._schema
        for step in error.schema_path:
            inner = node[step]
            if not isinstance(inner, (dict, list)) or step in ("required", "enum", "propertyNames"):
                break
            node = inner
        return node if isinstance(node, dict) else {}


@cache
def component(name: str) -> Validator:
    """Give the compiled schema of that name in the contract."""
    return Validator({"$ref": f"#/components/schemas/{name}"})


def compiled(schema: Mapping[str, Any]) -> Validator:
    """Compile a schema of the contract, or give the one compiled before if it is a named one."""
    reference = schema.get("$ref", "")
    if reference.startswith("#/components/schemas/"):
        return component(reference.rsplit("/", 1)[1])
    return Validator(schema)


def pointer(steps: Iterable[str | int]) -> str:
    """Write a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _fault(place: Iterable[str], detail: str) -> Fault:
    return Fault("invalid-request", detail, pointer=pointer(place))


def _sentence(kind: str, facts: Mapping[str, Any], value: Any, schema: Mapping[str, Any]) -> str:
    """Say what is wrong without repeating the value, which may be long or secret."""
    match kind:
        case "type":
            if value is None:
                return "null is no value here: leave the member out."
            wanted = " or ".join(_WORDS.get(name, f"a {name}") for name in facts["types"])
            return f"This must be {wanted}."
        case "enum":
            options = facts["options"]
            return f"This must be one of {', '.join(map(str, options))}."
        case "minLength" | "maxLength":
            return f"The length must be at {_most(kind)} {facts['limit']} characters."
        case "minItems" | "maxItems":
            return f"The list must have at {_most(kind)} {facts['limit']} elements."
        case "minProperties" | "maxProperties":
            if schema.get("minProperties") == schema.get("maxProperties"):
                members = ", ".join(schema.get("properties", {}))
                return f"Exactly {facts['limit']} of these members must be here: {members}."
            return f"There must be at {_most(kind)} {facts['limit']} members."
        case "minimum":
            return f"This must be at least {facts['limit']}."
        case "maximum":
            return f"This must be at most {facts['limit']}."
        case "pattern" | "backtrackLimitExceeded" | "regexEngineFailure":
            meaning = schema.get("description") or f"it must match {schema.get('pattern')}"
            return f"The value does not fit: {meaning}"
        case _:
            return f"The value does not fit the contract ({kind})."


def _most(kind: str) -> str:
    return "least" if kind.startswith("min") else "most"


@cache
def _components() -> dict[str, Any]:
    return {
        name: _translated(schema) for name, schema in contract.document()["components"]["schemas"].items()
    }


def _translated(node: Any) -> Any:
    if isinstance(node, list):
        return [_translated(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    if "discriminator" in node:
        return _chain(node["discriminator"]["propertyName"], node["discriminator"]["mapping"])
    plain: dict[str, Any] = {}
    for name, inner in node.items():
        if name == "properties":
            plain[name] = {member: _translated(schema) for member, schema in inner.items()}
        elif name not in _ANNOTATIONS and not name.startswith("x-"):
            plain[name] = _translated(inner)
    if "x-key-pattern" in node:
        plain["propertyNames"] = {"pattern": node["x-key-pattern"]}
    if "x-first-item-min-length" in node:
        plain["additionalItems"] = plain["items"]
        plain["items"] = [{"allOf": [plain["items"], {"minLength": node["x-first-item-min-length"]}]}]
    return plain


def _chain(member: str, branches: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [member],
        "properties": {member: {"enum": list(branches)}},
        "allOf": [
            {
                "if": {"type": "object", "required": [member], "properties": {member: {"const": name}}},
                "then": {"$ref": target},
            }
            for name, target in branches.items()
        ],
    }
