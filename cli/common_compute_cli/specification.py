"""The contract as the command line shows and uses it, read from the files that every installation carries."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, cast

import yaml

from common_compute_proposal.versions import Version

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # a PyYAML built without libyaml reads the same, slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]


def folder() -> Path:
    """Give the folder that holds the contract's files; an installation always has one."""
    return Path(str(files("common_compute_connector")))


def openapi_text() -> str:
    """Give the OpenAPI document as it is written."""
    return _text("openapi.yaml")


@cache
def openapi() -> dict[str, Any]:
    """Give the OpenAPI document."""
    return cast("dict[str, Any]", _read("openapi.yaml"))


@cache
def requirements() -> list[dict[str, Any]]:
    """Give the normative statements, in the order of their file."""
    return list(_read("requirements.yaml")["requirements"])


def version() -> Version:
    """Give the contract as it is compared with other versions, and reviewed."""
    steps = frozenset((str(each["from"]), str(each["to"])) for each in _transitions()["steps"])
    return Version(openapi(), tuple(requirements()), steps)


def job_states() -> tuple[str, ...]:
    """Give the states of a job, in the order of a life."""
    return tuple(_transitions()["states"])


def terminal_states() -> frozenset[str]:
    """Give the states that no job leaves."""
    return frozenset(_transitions()["terminal"])


def operation_ids() -> frozenset[str]:
    """Give the names of all operations."""
    return frozenset(
        operation["operationId"]
        for path in openapi()["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict) and "operationId" in operation
    )


def use_case(name: str) -> Traversable:
    """Give the folder of a use case."""
    # A folder that two links lead to would come into the sdist by one of them only.
    return files("common_compute_connector").joinpath("console", "use_cases", name)


@cache
def _transitions() -> dict[str, Any]:
    return cast("dict[str, Any]", _read("transitions.yaml"))


def _read(name: str) -> Any:
    return yaml.load(_text(name), Loader=_Loader)


def _text(name: str) -> str:
    # The package is looked up, never imported: the command line alone can show the contract.
    return files("common_compute_connector").joinpath(name).read_text(encoding="utf-8")
