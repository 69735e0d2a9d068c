"""What can happen to a task, as data: `scenarios.yaml` read into records and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

LABEL = "mock.scenario"
"""The label by which a job chooses its scenario."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a task; see `scenarios.yaml` for the members."""

    waits_seconds: float = 0.0
    runs_at_most_seconds: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if len(self.decides) > 1:
            raise ValueError("an attempt ends in one way only: exit_code, signal or reason")

    @property
    def decides(self) -> tuple[str, ...]:
        """Name the members that say how it ends; with none of them the command does."""
        return tuple(name for name in ("exit_code", "signal", "reason") if getattr(self, name) is not None)


@dataclass(frozen=True, slots=True)
class Silence:
    """A time in which the facility does not answer for a task."""

    after_seconds: float
    for_seconds: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """One entry of `scenarios.yaml`."""

    name: str
    summary: str
    attempts: tuple[Attempt, ...] = (Attempt(),)
    silence: Silence | None = None
    refused: bool = False

    def __post_init__(self) -> None:
        if not self.attempts:
            raise ValueError("a scenario has at least one attempt")
        last = self.attempts[-1]
        if (
            last.runs_at_most_seconds is not None
            and (last.exit_code, last.signal, last.reason) == (None,) * 3
        ):
            raise ValueError("a last attempt that is cut off has to say how it ends")


def read_scenario(name: str, entry: Mapping[str, Any]) -> Scenario:
    """Make a scenario of an entry of a file.

    Raises:
        ValueError: it has members that mean nothing, or lacks some.
    """
    unknown = set(entry) - {field.name for field in fields(Scenario)} - {"name"}
    if unknown:
        raise ValueError(f"{name}: there is no {', '.join(sorted(unknown))} in a scenario")
    values = dict(entry)
    try:
        if "attempts" in values:
            values["attempts"] = tuple(Attempt(**attempt) for attempt in values["attempts"])
        if "silence" in values:
            values["silence"] = Silence(**values["silence"])
        return Scenario(name, **values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None


@cache
def catalogue() -> Mapping[str, Scenario]:
    """Give the scenarios that come with the mocks, by name."""
    text = files("common_compute_mocks").joinpath("scenarios.yaml").read_text(encoding="utf-8")
    return {name: read_scenario(name, entry) for name, entry in yaml.safe_load(text).items()}
