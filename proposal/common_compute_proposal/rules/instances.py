"""Examples are valid, and what is reserved is refused; the one module here that imports jsonschema-rs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from common_compute_proposal.places import step
from common_compute_proposal.source import Finding, Source
from common_compute_proposal.versions import Document, Version

_RESERVED = re.compile(r"\breserved\b", re.IGNORECASE)
_JSON = "application/json"


@dataclass(frozen=True)
class ReservedRequest:
    """A request that no server may take: an example of an operation's with a reserved value in it.

    `place` is the pointer of the `value` in `body`, `schema` the name of the schema that reserves it.
    """

    operation: str
    schema: str
    place: str
    value: Any
    body: Any


def examples_are_valid(source: Source) -> Iterator[Finding]:
    """Every example is valid against the schema that it stands beside, formats included."""
    components = _components(source.version)
    for pointer, node in source.values():
        if not isinstance(node.get("schema"), dict) or not ("example" in node or "examples" in node):
            continue
        validator = _validator(components, node["schema"])
        if "example" in node:
            yield from _faults(source, validator, node["example"], f"{pointer}/example")
        for name, example in node.get("examples", {}).items():
            value = source.version.resolved(example).get("value")
            yield from _faults(
                source, validator, value, _own_place(example, f"{pointer}/examples{step(name)}")
            )


def reserved_values_are_refused(source: Source) -> Iterator[Finding]:
    """What prose calls reserved stands in `x-reserved`, and a request with a value of that is refused."""
    for pointer, node in source.values():
        if not _RESERVED.search(str(node.get("description", ""))) or pointer == "/info":
            continue  # the document's own description explains the word
        if "x-reserved" not in node:
            words = "its description calls something reserved, and no x-reserved beside it says which values"
            yield source.finding("reserved", pointer, words)
    tried = set()
    components = _components(source.version)
    validators = {name: _validator(components, schema) for name, schema in _request_schemas(source.version)}
    for each in reserved_requests(source.version):
        tried.add(each.schema)
        if validators[each.operation].is_valid(each.body):
            yield source.finding(
                "reserved",
                f"/components/schemas{step(each.schema)}/x-reserved",
                f"{each.operation} takes what is reserved at {each.place}: let the schema refuse it",
            )
    for name, schema in source.version.openapi.get("components", {}).get("schemas", {}).items():
        if "x-reserved" in schema and name not in tried:
            words = f"{name} reserves values, and no example of a request has a place for them"
            yield source.finding("reserved", f"/components/schemas{step(name)}/x-reserved", words)


def reserved_requests(version: Version) -> Iterator[ReservedRequest]:
    """Give a request for each value that is reserved, at each place where one could send it."""
    schemas = version.openapi.get("components", {}).get("schemas", {})
    for operation, root in _request_schemas(version):
        body = _first_example(version, operation)
        if not isinstance(body, dict):
            continue
        for place, name in _members(version, root, (), ()):
            for value in schemas[name].get("x-reserved", ()):
                pointer = "".join(map(step, place))
                yield ReservedRequest(operation, name, pointer, value, _put(body, place, value))


def _request_schemas(version: Version) -> Iterator[tuple[str, Document]]:
    for name, operation in version.operations.items():
        media = version.resolved(operation.get("requestBody", {})).get("content", {}).get(_JSON, {})
        if "schema" in media:
            yield name, media["schema"]


def _first_example(version: Version, operation: str) -> Any:
    body = version.resolved(version.operations[operation]["requestBody"])
    for example in body["content"][_JSON].get("examples", {}).values():
        return version.resolved(example).get("value")
    return None


def _members(
    version: Version, schema: Document, place: tuple[str, ...], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give the places of members that have a named schema, with its name."""
    reference = str(schema.get("$ref", ""))
    if reference in above:
        return
    if reference:
        above = (*above, reference)
        if place:
            yield place, reference.rpartition("/")[2]
    resolved = version.resolved(schema)
    for part in resolved.get("allOf", ()):
        yield from _members(version, part, place, above)
    for name, member in resolved.get("properties", {}).items():
        yield from _members(version, member, (*place, name), above)


def _put(body: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    first, *rest = place
    if not rest:
        return {**body, first: value}
    return {**body, first: _put(body.get(first, {}), tuple(rest), value)}


def _components(version: Version) -> Document:
    """Give what schemas refer to, in JSON Schema."""
    return {"components": _plain(version.openapi.get("components", {}))}


def _validator(components: Document, schema: Document) -> jsonschema_rs.Draft7Validator:
    return jsonschema_rs.Draft7Validator({**components, "allOf": [_plain(schema)]}, validate_formats=True)


def _plain(node: Any) -> Any:
    """Say in JSON Schema what OpenAPI 3.0 has no word for: the pattern of a map's keys."""
    if isinstance(node, Mapping):
        plain = {name: _plain(child) for name, child in node.items()}
        if isinstance(node.get("x-key-pattern"), str):
            plain["propertyNames"] = {"pattern": node["x-key-pattern"]}
        return plain
    return [_plain(child) for child in node] if isinstance(node, list) else node


def _own_place(example: Document, pointer: str) -> str:
    reference = str(example.get("$ref", ""))
    return f"{reference.removeprefix('#')}/value" if reference else f"{pointer}/value"


def _faults(
    source: Source, validator: jsonschema_rs.Draft7Validator, value: Any, pointer: str
) -> Iterator[Finding]:
    for error in validator.iter_errors(value):
        place = pointer + "".join(map(step, error.instance_path))
        yield source.finding("example-valid", place, f"the example is not valid: {error.message}")
