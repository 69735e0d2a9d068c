"""What a mocked facility was asked to do, as the text that the ground keeps for it.

The text is the connector's handle: everything that decides a part's future stands in it, so that a facility
whose memory is gone answers as before, also when the file of its scenario has gone or says something else. A
cancel is the only thing that happens to a part from outside; it is kept in memory alone, because the ground
asks again after a restart for what it wants cancelled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from common_compute_mocks.scenarios import Scenario, catalogue, scenario_of_text

_NEEDED = (
    "software",
    "command",
    "environment",
    "inputs",
    "outputs",
    "array",
    "resources",
    "backend_parameters",
)


@dataclass(frozen=True, slots=True)
class Order:
    """One accepted part: when it came, what should happen to it, and what it runs.

    `held_seconds` it waits longer than the scenario says, because the facility took up no work when it came.
    """

    submitted_at: datetime
    scenario: Scenario
    seed: int
    spec: Mapping[str, Any]
    held_seconds: float = 0.0

    def text(self) -> str:
        """Write the handle; a scenario that the mocks do not bring along is written out in it."""
        needed = {name: self.spec[name] for name in _NEEDED if name in self.spec}
        name = self.scenario.name
        known = catalogue().get(name) == self.scenario
        return json.dumps(
            {
                "submitted_at": self.submitted_at.isoformat(),
                "scenario": name,
                **({} if known else {"entry": self.scenario.entry}),
                "seed": self.seed,
                **({"held_seconds": self.held_seconds} if self.held_seconds else {}),
                "spec": needed,
            },
            separators=(",", ":"),
            ensure_ascii=False,
        )

    def elapsed(self, now: datetime) -> float:
        """Give the seconds since the submission."""
        return (now - self.submitted_at).total_seconds()

    def scenario_of(self, index: int) -> Scenario:
        """Give what happens to a task."""
        scenario = self.scenario.of_task(index)
        if not self.held_seconds:
            return scenario
        first, *others = scenario.attempts
        held = replace(first, waits_seconds=first.waits_seconds + self.held_seconds)
        return replace(scenario, attempts=(held, *others))

    @classmethod
    def read(cls, text: str) -> Order:
        """Read a handle; a scenario that the mocks brought along once and do not any more is as usual.

        Raises:
            ValueError: it is not one of ours.
        """
        try:
            values = json.loads(text)
            at = datetime.fromisoformat(values["submitted_at"])
            scenario = _scenario(values["scenario"], values.get("entry"))
            return cls(at, scenario, values["seed"], values["spec"], values.get("held_seconds", 0.0))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"no handle of a mock: {error!r}") from None


def _scenario(name: str, entry: Mapping[str, Any] | None) -> Scenario:
    if entry is not None:
        return scenario_of_text(name, json.dumps(entry))
    return catalogue().get(name) or catalogue()["succeeds"]
