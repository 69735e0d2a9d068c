"""Read a file of scenarios, and say all that is wrong with it: as YAML, by the schema, by further rules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from math import isfinite
from typing import Any

import yaml

from common_compute_connector.schemas import Validator, pointer
from common_compute_mocks.scenario_rules import rule_faults

MOST_BYTES = 1024 * 1024
"""A longer file is not looked into."""

_DEEPEST = 32
_KINDS: Mapping[type[yaml.Node], tuple[str, ...]] = {
    yaml.MappingNode: ("map",),
    yaml.SequenceNode: ("seq",),
    yaml.ScalarNode: ("str", "int", "float", "bool", "null"),
}
_Path = tuple[str | int, ...]


class Unusable(ValueError):
    """A text holds no usable scenarios; one sentence for each fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def read_entries(data: bytes, *, ours: bool = False) -> Mapping[str, Mapping[str, Any]]:
    """Give the entries of a file's bytes, by name; of a file of `ours` no harm has to be expected.

    Raises:
        Unusable: they are not as they should be.
    """
    if len(data) > MOST_BYTES:
        raise Unusable([f"the file is longer than {MOST_BYTES} bytes: divide it"])
    try:
        node = (_OurLoader if ours else _Loader)(data.decode("utf-8-sig")).get_single_node()
    except UnicodeDecodeError:
        raise Unusable(["the file is not in UTF-8: save it so"]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Unusable([f"the file is no YAML: {_one_line(error)}"]) from None
    if node is None:
        raise Unusable(["the file is empty: write at least one scenario"])
    if faults := list(_node_faults(node, set(), 0)):
        raise Unusable(faults)
    entries = _value(node)
    if faults := list(_value_faults(entries, ())) or entry_faults(entries):
        raise Unusable(faults)
    result: Mapping[str, Mapping[str, Any]] = entries
    return result


def entry_faults(entries: Any) -> list[str]:
    """Say what is wrong with entries as data, each fault with its name, its place and what to do."""
    faults = [
        _told(fault.pointer or "", fault.detail, _advice(fault.pointer or "", fault.detail))
        for fault in _validator().faults(entries)
    ]
    if faults:
        return faults
    return [
        _told(pointer([name, *place]), words)
        for name, entry in entries.items()
        for place, words in rule_faults(entry)
    ]


@cache
def schema() -> Mapping[str, Any]:
    """Give `scenarios.schema.json`."""
    text = files("common_compute_mocks").joinpath("scenarios.schema.json").read_text(encoding="utf-8")
    document: Mapping[str, Any] = json.loads(text)
    return document


@cache
def _validator() -> Validator:
    return Validator({name: value for name, value in schema().items() if name != "$schema"})


class _Loader(yaml.SafeLoader):
    """YAML's safe types; a date is a text like any other.

    Written in Python, it gives up where libyaml's recursion would end the process.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012  (as PyYAML has it)
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _OurLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same, ten times as fast, where libyaml is there."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


def _node_faults(node: yaml.Node, seen: set[int], depth: int) -> Iterator[str]:
    """Find what YAML can say and a scenario must not: the same node twice, a name twice, foreign types."""
    line = f"line {node.start_mark.line + 1}"
    if id(node) in seen:
        yield f"{line}: an alias (*) is not taken here: write out what it stands for"
        return
    seen.add(id(node))
    if depth > _DEEPEST:
        yield f"{line}: this is nested too deeply"
    elif node.tag.rpartition(":")[2] not in _KINDS[type(node)]:
        yield f"{line}: the tag {node.tag} is not taken here: leave it out"
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _node_faults(item, seen, depth + 1)
    elif isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                yield f"line {key.start_mark.line + 1}: a name must be a plain text"
                continue
            if key.value in names:
                yield f"line {key.start_mark.line + 1}: {key.value} is here twice: keep one"
            names.add(key.value)
            yield from _node_faults(value, seen, depth + 1)


def _value(node: yaml.Node) -> Any:
    """Make plain data of a sound node; every name is a text, also `1` and `yes`."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _value(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    try:
        value = yaml.constructor.SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError):
        return node.value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _value_faults(value: Any, place: _Path) -> Iterator[str]:
    """Find the numbers that JSON does not have."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _value_faults(inner, (*place, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _value_faults(inner, (*place, index))
    elif isinstance(value, float) and not isfinite(value):
        yield _told(pointer(place), "This must be a finite number.")


def _told(where: str, *words: str) -> str:
    name, _, rest = where.removeprefix("/").partition("/")
    place = ": ".join(part for part in (name, rest) if part)
    return ": ".join(part for part in (place, " ".join(word for word in words if word)) if part)


def _advice(where: str, detail: str) -> str:
    """Name the members that could be meant in the place of one that is not known."""
    if detail != "This member is not known here.":
        return ""
    node: Mapping[str, Any] = schema()
    *steps, wrong = where.removeprefix("/").split("/")
    for step in steps:
        node = node.get("properties", {}).get(step) or node.get("additionalProperties") or node["items"]
    known = list(node.get("properties", {}))
    close = get_close_matches(wrong, known, 1, 0.5)
    return f"Did you mean {close[0]}?" if close else f"There are {', '.join(known)}."


def _one_line(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
