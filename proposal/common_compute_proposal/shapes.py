"""What a schema lets pass, as flat facts that two versions can be compared by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from common_compute_proposal.versions import Document, Version

_BOUNDS = {
    "maxLength": True,
    "maxItems": True,
    "maxProperties": True,
    "maximum": True,
    "exclusiveMaximum": True,
    "minLength": False,
    "minItems": False,
    "minProperties": False,
    "minimum": False,
    "exclusiveMinimum": False,
}
"""Whether a larger number lets more pass."""

BOUNDS = frozenset(_BOUNDS)
RULES = ("pattern", "format", "multipleOf", "uniqueItems", "propertyNames", "not", "x-open")
"""Words of a schema that are compared as they are."""

_ALTERNATIVES = ("oneOf", "anyOf")


@dataclass(frozen=True)
class Fact:
    """One thing that a schema says of a value.

    `place` is where the value is: names of members, `[]` for every item, `{}` for every other member, and the
    name of an alternative in angle brackets. `word` is the schema's own; `value` is a frozenset for `type`,
    `enum`, `required` and `members`.
    """

    place: str
    word: str
    value: Any


def facts_of(version: Version, schema: Document) -> dict[tuple[str, str], Any]:
    """Give what a schema says, by place and word."""
    return {(fact.place, fact.word): fact.value for fact in _facts(version, schema, "", ())}


def lets_more_pass(word: str, old: Any, new: Any) -> bool:
    """Tell whether a bound that has changed lets more pass; None is no bound."""
    if new is None or old is None:
        return new is None
    return bool(new > old) is _BOUNDS[word]


def _facts(version: Version, schema: Document, place: str, above: tuple[str, ...]) -> Iterator[Fact]:
    if "$ref" in schema:
        if schema["$ref"] in above:  # it says the same again, deeper
            return
        above = (*above, schema["$ref"])
    schema = version.resolved(schema)
    for part in schema.get("allOf", ()):
        yield from _facts(version, part, place, above)
    yield from _of_the_value(schema, place)
    members = schema.get("properties", {})
    if members:
        yield Fact(place, "members", frozenset(members))
    for name, member in members.items():
        yield from _facts(version, member, f"{place}/{name}", above)
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        yield from _facts(version, others, f"{place}/{{}}", above)
    elif others is False:
        yield Fact(place, "closed", True)
    if "items" in schema:
        yield from _facts(version, schema["items"], f"{place}/[]", above)
    for word in _ALTERNATIVES:
        branches = schema.get(word, ())
        names = [_name(version, branch, number) for number, branch in enumerate(branches)]
        if names:
            yield Fact(place, "alternatives", frozenset(names))
        for name, branch in zip(names, branches, strict=True):
            yield from _facts(version, branch, f"{place}<{name}>", above)


def _of_the_value(schema: Document, place: str) -> Iterator[Fact]:
    if "type" in schema:
        kind = schema["type"]
        yield Fact(place, "type", frozenset([kind] if isinstance(kind, str) else kind))
    if "const" in schema:
        yield Fact(place, "enum", frozenset([str(schema["const"])]))
    if "enum" in schema:
        yield Fact(place, "enum", frozenset(map(str, schema["enum"])))
    if schema.get("required"):
        yield Fact(place, "required", frozenset(schema["required"]))
    for word in (*_BOUNDS, *RULES):
        if word in schema:
            yield Fact(place, word, _plain(schema[word]))


def _name(version: Version, branch: Document, number: int) -> str:
    """Name an alternative so that its place in the list does not matter."""
    if "$ref" in branch:
        return str(branch["$ref"]).rpartition("/")[2]
    resolved = version.resolved(branch)
    return str(resolved.get("title") or ",".join(map(str, resolved.get("required", ()))) or number)


def _plain(value: Any) -> Any:
    return repr(value) if isinstance(value, dict | list) else value
