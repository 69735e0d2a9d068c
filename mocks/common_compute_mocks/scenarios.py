"""What can happen to a task, a facility and a service, as data: entries of YAML files made into records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from common_compute_connector.errors import ConfigurationError
from common_compute_connector.plan import OutputRule
from common_compute_mocks.scenario_file import MOST_BYTES, Unusable, entry_faults, read_entries

LABEL = "mock.scenario"
"""The label by which a job chooses its scenario."""

_FOR_OTHERS = frozenset({"summary", "facility", "service"})
"""The members that mean nothing to a job."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a task; `scenarios.schema.json` says what the members of all these records mean."""

    waits_seconds: float = 0.0
    runs_at_most_seconds: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """A time in which the facility does not answer for a task."""

    after_seconds: float
    for_seconds: float


@dataclass(frozen=True, slots=True)
class Prints:
    """A line that a made-up run prints again and again."""

    every_seconds: float
    line: str
    stream: Literal["stdout", "stderr"] = "stdout"


@dataclass(frozen=True, slots=True)
class Script:
    """A made-up run in the place of the command."""

    seconds: float
    prints: Prints | None = None
    exit_code: int = 0
    named: str = "output"


@dataclass(frozen=True, slots=True)
class Huge:
    """A result of a great size."""

    rule: OutputRule
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Results:
    """What becomes of results and logs on their way home."""

    lost: tuple[OutputRule, ...] = ()
    missing: tuple[OutputRule, ...] = ()
    huge: tuple[Huge, ...] = ()
    logs_lost: bool = False


@dataclass(frozen=True, slots=True)
class Cancel:
    """How the facility takes a cancel; without a time, at its own pace."""

    loses_race: bool = False
    confirmed_after_seconds: float | None = None


@dataclass(frozen=True)
class Scenario:
    """One entry of a file; two are equal if their names and entries are.

    `facility` and `service` are as the schema has them, None where the entry says nothing of them.
    """

    name: str
    entry: Mapping[str, Any]
    attempts: tuple[Attempt, ...] = field(default=(Attempt(),), compare=False)
    silence: Silence | None = field(default=None, compare=False)
    forgotten_after_seconds: float | None = field(default=None, compare=False)
    run: Script | None = field(default=None, compare=False)
    results: Results = field(default=Results(), compare=False)
    cancel: Cancel = field(default=Cancel(), compare=False)

    @property
    def summary(self) -> str:
        """One sentence that says what happens."""
        return str(self.entry["summary"])

    @property
    def refused(self) -> bool:
        """Whether the facility does not take the submission."""
        return bool(self.entry.get("refused", False))

    @property
    def lacks_image(self) -> bool:
        """Whether no task's container can be had."""
        return [each.reason for each in self.attempts] == ["image-unavailable"] and "tasks" not in self.entry

    @property
    def facility(self) -> Mapping[str, Any] | None:
        """What happens to a whole facility."""
        return self.entry.get("facility")

    @property
    def service(self) -> Mapping[str, Any] | None:
        """What happens to the whole service."""
        return self.entry.get("service")

    @property
    def is_for_jobs(self) -> bool:
        """Tell whether it means something to a job that chooses it."""
        return bool(set(self.entry) - _FOR_OTHERS) or not (self.facility or self.service)

    def of_task(self, index: int) -> Scenario:
        """Give what happens to one task of an array: this, or what happens as usual."""
        tasks = self.entry.get("tasks")
        if tasks is None:
            return self
        first, every = tasks.get("first", 0), tasks.get("every", 1)
        meant = index in tasks.get("indices", range(first, index + 1, every))
        return self if meant else _usual(self.name)


def scenario_of(name: str, entry: Mapping[str, Any]) -> Scenario:
    """Make a scenario of an entry.

    Raises:
        Unusable: it is not as it should be; every fault is told.
    """
    if faults := entry_faults({name: entry}):
        raise Unusable(faults)
    return _scenario(name, entry)


@lru_cache(maxsize=1024)
def scenario_of_text(name: str, entry: str) -> Scenario:
    """Make a scenario of an entry in JSON, the same one for the same text.

    Raises:
        Unusable: it is not as it should be.
    """
    return scenario_of(name, json.loads(entry))


def read_scenarios(path: Path) -> Mapping[str, Scenario]:
    """Read a file of scenarios, by name.

    Raises:
        ConfigurationError: it cannot be read, or is not as it should be; every fault is told.
    """
    try:
        with path.open("rb") as file:
            entries = read_entries(file.read(MOST_BYTES + 1))
    except OSError as error:
        raise ConfigurationError([f"{path}: it cannot be read: {error.strerror}"]) from None
    except Unusable as unusable:
        raise ConfigurationError([f"{path}: {fault}" for fault in unusable.faults]) from None
    return {name: _scenario(name, entry) for name, entry in entries.items()}


@cache
def catalogue() -> Mapping[str, Scenario]:
    """Give the scenarios that come with the mocks, by name."""
    data = files("common_compute_mocks").joinpath("scenarios.yaml").read_bytes()
    return {name: _scenario(name, entry) for name, entry in read_entries(data, ours=True).items()}


def _scenario(name: str, entry: Mapping[str, Any]) -> Scenario:
    run = dict(entry.get("run", {}))
    if "prints" in run:
        run["prints"] = Prints(**run["prints"])
    results = entry.get("results", {})
    return Scenario(
        name,
        entry,
        attempts=tuple(Attempt(**attempt) for attempt in entry.get("attempts", [{}])),
        silence=Silence(**entry["silence"]) if "silence" in entry else None,
        forgotten_after_seconds=entry.get("forgotten", {}).get("after_seconds"),
        run=Script(**run) if run else None,
        results=Results(
            lost=_rules(results.get("lost", ())),
            missing=_rules(results.get("missing", ())),
            huge=tuple(Huge(OutputRule(e["path"]), int(e["size_bytes"])) for e in results.get("huge", ())),
            logs_lost=results.get("logs_lost", False),
        ),
        cancel=Cancel(**entry.get("cancel", {})),
    )


def _rules(globs: Sequence[str]) -> tuple[OutputRule, ...]:
    return tuple(map(OutputRule, globs))


@cache
def _usual(name: str) -> Scenario:
    return Scenario(name, {"summary": "As usual."})
