"""The contract as data: what `spec/` says is read here and nowhere typed again."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # a PyYAML built without libyaml reads the same, slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]


@cache
def document() -> dict[str, Any]:
    """Give the OpenAPI document."""
    return cast("dict[str, Any]", _read("openapi.yaml"))


@cache
def requirements() -> list[dict[str, Any]]:
    """Give the normative statements, in the order of their file."""
    read = _read("requirements.yaml")
    return cast("list[dict[str, Any]]", read["requirements"] if isinstance(read, dict) else read)


@cache
def terminal_states() -> frozenset[str]:
    """Give the states that no step leaves."""
    return frozenset(_transitions()["terminal"])


@cache
def legal_steps(*, attempt_raised: bool) -> frozenset[tuple[str, str]]:
    """Give the pairs (from, to) that a task's history may show, with the attempt raised or as it was."""
    name = "steps_with_higher_attempt" if attempt_raised else "steps"
    return frozenset((step["from"], step["to"]) for step in _transitions()[name])


@cache
def _transitions() -> dict[str, Any]:
    return cast("dict[str, Any]", _read("transitions.yaml"))


def _read(name: str) -> Any:
    text = files("common_compute_connector").joinpath(name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=_Loader)
