"""Read a version of the contract from a folder: its document, its requirements, its steps of a job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # a PyYAML built without libyaml reads the same, slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

Document = dict[str, Any]

_MEMBERS = frozenset({"id", "class", "level", "operations", "sentence"})


class NoContract(Exception):
    """What was named holds no contract; the text says what was looked for."""


@dataclass(frozen=True)
class Version:
    """One version of the contract; without a file of requirements or steps these are empty."""

    openapi: Document
    requirements: tuple[Document, ...]
    steps: frozenset[tuple[str, str]]
    """Legal steps of a job within one attempt, as pairs of states."""

    @property
    def number(self) -> str:
        """The version that the document says it is."""
        return str(self.openapi["info"]["version"])

    @property
    def operations(self) -> dict[str, Document]:
        """The operations by operationId, with their `method`, `path` and the parameters of their path."""
        return {
            operation["operationId"]: {
                **operation,
                "method": method.upper(),
                "path": path,
                "parameters": [*item.get("parameters", []), *operation.get("parameters", [])],
            }
            for path, item in self.openapi.get("paths", {}).items()
            for method, operation in item.items()
            if isinstance(operation, dict) and "operationId" in operation
        }

    def resolved(self, node: Document) -> Document:
        """Follow a reference within the document to what it names."""
        while "$ref" in node:
            found: Any = self.openapi
            for name in str(node["$ref"]).removeprefix("#/").split("/"):
                found = found[name.replace("~1", "/").replace("~0", "~")]
            node = {**found, **{key: value for key, value in node.items() if key != "$ref"}}
        return node


def read_version(place: Path) -> Version:
    """Read the contract in a folder like `spec/`, or an OpenAPI document alone.

    Raises:
        NoContract: there is none, or it cannot be read.
    """
    file = place / "openapi.yaml" if place.is_dir() else place
    openapi = read_yaml(file)
    if not isinstance(openapi, dict) or not isinstance(openapi.get("paths"), dict):
        raise NoContract(f"{file} is no OpenAPI document: it has no paths")
    if not isinstance(openapi.get("info"), dict) or "version" not in openapi["info"]:
        raise NoContract(f"{file} does not say its version")
    beside = file.parent
    requirements, steps = beside / "requirements.yaml", beside / "transitions.yaml"
    return Version(
        openapi,
        _requirements(requirements) if requirements.is_file() else (),
        _steps(steps) if steps.is_file() else frozenset(),
    )


def _requirements(file: Path) -> tuple[Document, ...]:
    read = read_yaml(file)
    entries = read.get("requirements") if isinstance(read, dict) else None
    if not isinstance(entries, list):
        raise NoContract(f"{file} has no list of requirements")
    for number, each in enumerate(entries, 1):
        missing = _MEMBERS - each.keys() if isinstance(each, dict) else _MEMBERS
        if missing:
            raise NoContract(f"{file}: requirement number {number} has no {', '.join(sorted(missing))}")
    return tuple(entries)


def _steps(file: Path) -> frozenset[tuple[str, str]]:
    try:
        return frozenset((str(each["from"]), str(each["to"])) for each in read_yaml(file)["steps"])
    except (LookupError, TypeError) as error:
        raise NoContract(f"{file} has no list of steps, each with from and to") from error


def read_yaml(file: Path) -> Any:
    """Read a YAML file.

    Raises:
        NoContract: it cannot be read, or is no YAML.
    """
    try:
        return yaml.load(file.read_bytes(), Loader=_Loader)
    except OSError as error:
        raise NoContract(f"{file} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise NoContract(f"{file} is no YAML: {error}") from error
