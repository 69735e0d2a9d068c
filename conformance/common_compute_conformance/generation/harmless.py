"""Take what could do harm out of a job specification that chance has written, and keep one fault of it.

Nothing of a generated specification but names, labels, metadata, variables and small files ever reaches a
facility: its command is one that prints a letter, its software the facility's own probe.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from common_compute_conformance.contract import Contract
from common_compute_conformance.generation.attributions import Fault
from common_compute_conformance.target import Target

_NOWHERE = "https://example.invalid/nothing"  # a name that never resolves (RFC 6761, section 6.4)
_MOST_TASKS = 3
_MOST_FILES = 5
_SMALL_BYTES = 200  # path and content; a file system may take no longer name
_UNKNOWN = "x-schemathesis-unknown-property"  # what the generator calls one that it adds
_DEEPEST = 20  # a body nested deeper than 32 may be refused


@dataclass(frozen=True)
class Specification:
    """A body for submit_job that may be sent, and its only fault."""

    body: Any
    fault: Fault


class Harmless:
    """Write specifications for one target; `trivial` is a body that it accepts, of a job that does little."""

    def __init__(
        self, contract: Contract, target: Target, trivial: dict[str, Any], schemas: Mapping[str, Any]
    ) -> None:
        self._contract = contract
        self._limits = target.limits
        self._trivial = trivial
        self._key_of = {
            member: re.compile(schemas[name]["x-key-pattern"])
            for member, name in (("environment", "Environment"), ("labels", "Labels"))
        }
        self._metadata_bytes = int(schemas["JobSpec"]["properties"]["metadata"]["x-max-bytes"])

    def valid(self, body: Any) -> dict[str, Any]:
        """Return a specification with only what every facility has to accept of this body."""
        return {**self._trivial, **(dict(self._acceptable(body)) if isinstance(body, dict) else {})}

    def faulty(self, body: Any, choice: int) -> Specification | None:
        """Return the specification with one of the faults of this body, None if it has none to keep.

        `choice` picks the fault where there are several.
        """
        if not isinstance(body, dict):
            return Specification(body, Fault("body", ""))
        missing = [name for name in self._trivial if name not in body]
        faults = missing + [name for name, value in body.items() if self._refused({name: value})]
        if not faults:
            return None
        name = sorted(faults)[choice % len(faults)]
        if name in missing:
            kept = {each: value for each, value in self._trivial.items() if each != name}
            return Specification(kept, Fault("body", name, "type"))
        value = self._defused(name, body[name])
        if not self._refused({name: value}):
            return None
        return Specification({**self._trivial, name: value}, Fault("body", name, self._kind(name, value)))

    def _kind(self, name: str, value: Any) -> str:
        faults = self._contract.faults_of("JobSpec", {**self._trivial, name: value})
        if all("dditional properties" in fault for fault in faults) or _UNKNOWN in json.dumps(value):
            return "unknown"
        return (
            "type" if any("is not of type" in fault or "is a required" in fault for fault in faults) else ""
        )

    def _refused(self, members: dict[str, Any]) -> bool:
        return bool(self._contract.faults_of("JobSpec", {**self._trivial, **members}))

    def _acceptable(self, body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for member, value in body.items():
            if self._refused({member: value}):
                continue
            if member == "name":
                yield member, value
            elif member in self._key_of:
                keys = self._key_of[member]
                kept = {key: each for key, each in value.items() if keys.fullmatch(key)}
                if _bytes(kept) <= int(self._limits["max_environment_bytes"]):
                    yield member, kept
            elif member == "metadata":
                if _bytes(value) <= self._metadata_bytes and _depth(value) <= _DEEPEST:
                    yield member, value
            elif member == "inputs":
                yield member, list(self._small_files(value))
            elif member == "outputs":
                yield member, [{"path": each["path"], "required": False} for each in value[:_MOST_FILES]]

    def _small_files(self, inputs: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        paths: list[str] = []
        for each in inputs[:_MOST_FILES]:
            path = each["path"]
            clash = any(f"{path}/".startswith(f"{other}/") or other.startswith(f"{path}/") for other in paths)
            if each["source"]["kind"] == "inline" and not clash and _bytes(each) <= _SMALL_BYTES:
                paths.append(path)
                yield each

    def _defused(self, member: str, value: Any) -> Any:
        """Return a faulty member's value with nothing in it that a server could run, fetch or multiply."""
        if member == "command":
            return _printing(value)
        if member == "array":
            return _few(value)
        value = _going_nowhere(value)
        if member == "software" and isinstance(value, dict):
            for name in ("kind", "image", "name", "version"):
                probe = self._trivial["software"]
                # What is right about it becomes the probe's, as long as the fault stays.
                if name in value and name in probe and self._refused({member: {**value, name: probe[name]}}):
                    value = {**value, name: probe[name]}
        return value


def _printing(value: Any) -> Any:
    """Return the value with every word that could name a program replaced, its NULs kept."""
    if isinstance(value, str):
        return "printf" + "\0" * ("\0" in value) if value else value
    if isinstance(value, list):
        return [_printing(each) for each in value]
    if isinstance(value, dict):
        return {name: _printing(each) for name, each in value.items()}
    return value


def _few(array: Any) -> Any:
    """Return a faulty array without more tasks than a few, whoever counts them."""
    if not isinstance(array, dict):
        return array
    kept = dict(array)
    count, parameters = kept.get("count"), kept.get("parameters")
    if isinstance(count, int | float) and count > _MOST_TASKS:
        kept["count"] = _MOST_TASKS + 0.5 if isinstance(count, float) and count % 1 else _MOST_TASKS
    if isinstance(parameters, list):
        kept["parameters"] = parameters[:_MOST_TASKS]
    return kept


def _going_nowhere(value: Any) -> Any:
    """Return the value with every URL in it replaced by one that leads nowhere."""
    if isinstance(value, str):
        return _NOWHERE if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", value) else value
    if isinstance(value, list):
        return [_going_nowhere(each) for each in value]
    if isinstance(value, dict):
        return {name: _going_nowhere(each) for name, each in value.items()}
    return value


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def _depth(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inside), default=0)
