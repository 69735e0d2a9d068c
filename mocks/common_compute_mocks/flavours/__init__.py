"""What distinguishes one mocked facility from another: its YAML read into a record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from common_compute_connector.jobs import State

SUCCEEDED = "succeeded"
"""The entry of `endings` for a task that came to a good end; the others are the contract's reason codes."""


@dataclass(frozen=True, slots=True)
class Step:
    """A native state that a task passes through; in the one with `command` its command runs.

    Whoever has to wait longer than usual does it in the one with `waits`. One with `only` is passed through
    on the way to these ends alone; see `endings`.
    """

    state: str
    seconds: float
    detail: str | None = None
    command: bool = False
    waits: bool = False
    only: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LastWord:
    """The native state in which a task ends, the words beside it and those to the contract's reason.

    Words have places for the facts. `signal` is the one by which the facility ends a command so.
    """

    state: str
    detail: str
    reason: str | None = None
    signal: int | None = None


@dataclass(frozen=True, slots=True)
class Numbering:
    """How the facility names its tasks: forms over `base`, `index` and `number`, their sum."""

    single: str
    array: str
    least: int
    count: int


@dataclass(frozen=True, slots=True)
class Cancelling:
    """How fast the facility confirms, and how long the command goes on meanwhile."""

    confirmed_after_seconds: float
    command_lives_on_seconds: float


@dataclass(frozen=True, slots=True)
class Enrolling:
    """How a caller's credential comes about, and how long it lasts.

    What the user has to do counts as done `user_takes_seconds` after the credential was put; the facility is
    tried every `checked_every_seconds` at most. `instructions` are by the credential's state, and `refused`
    are the facility's words to a job whose credential it does not take, both with places for the names.
    """

    user_takes_seconds: float
    checked_every_seconds: float
    instructions: Mapping[str, str]
    refused: str
    valid_for_seconds: float | None = None


@dataclass(frozen=True)
class Flavour:
    """One `flavours/*.yaml`."""

    name: str
    facility: Mapping[str, Any]
    software: Sequence[Mapping[str, Any]]
    tasks_per_part: int
    observe_every_seconds: float
    directory: str
    environment: Mapping[str, str]
    native_id: Numbering
    hosts: Sequence[str]
    states: Mapping[str, State]
    life: Sequence[Step]
    again: Step
    endings: Mapping[str, LastWord]
    cancel: Cancelling
    refusal: str
    enrolment: Enrolling

    def state_of(self, native: str) -> State | None:
        """Give our state for a native one, None for one that nobody knows."""
        return self.states.get(native.split(" ", 1)[0])

    def steps(self, attempt: int, cause: str = SUCCEEDED) -> Sequence[Step]:
        """Give the native states of an attempt, in order, up to its end for a cause.

        A cause that is none of `endings` shows as the exit code that comes home of it.
        """
        shown = cause if cause in self.endings else "exit-nonzero"
        life = [step for step in self.life if not step.only or shown in step.only]
        return life if attempt == 1 else (self.again, *life[1:])

    def enforces(self, resource: str) -> bool:
        """Tell whether a resource is a limit here, not a hint."""
        support: str = self.facility["resources"][resource]["support"]
        return support == "enforced"

    def default_version(self, software: str) -> str | None:
        """Give the version that a job gets which asks for none."""
        return next((e["version"] for e in self.software if e["name"] == software and e["default"]), None)


@cache
def names() -> Sequence[str]:
    """Name the flavours."""
    entries = files(__name__).iterdir()
    return sorted(entry.name.removesuffix(".yaml") for entry in entries if entry.name.endswith(".yaml"))


@cache
def load(name: str) -> Flavour:
    """Read a flavour; `name` is one of `names()`."""
    values = yaml.safe_load(files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
    numbering = values["native_id"]
    return Flavour(
        **values
        | {
            "name": name,
            "software": _sorted(values["software"]),
            "native_id": Numbering(numbering["single"], numbering["array"], **numbering["base"]),
            "states": {native: State(state) for native, state in values["states"].items()},
            "life": tuple(Step(**step) for step in values["life"]),
            "again": Step(**values["again"]),
            "endings": {reason: LastWord(**word) for reason, word in values["endings"].items()},
            "cancel": Cancelling(**values["cancel"]),
            "enrolment": Enrolling(**values["enrolment"]),
        }
    )


def _sorted(software: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Sort by name, then from the newest version to the oldest; the only one of a name is its default."""
    named = [entry["name"] for entry in software]
    complete: list[dict[str, Any]] = [
        {"default": named.count(entry["name"]) == 1, **entry, "version": str(entry["version"])}
        for entry in software
    ]
    complete.sort(
        key=lambda entry: [int(number) for number in re.findall("[0-9]+", entry["version"])], reverse=True
    )
    return sorted(complete, key=lambda entry: str(entry["name"]))
