"""What a mocked facility was asked to do, as the text that the ground keeps for it.

The text is the connector's handle: everything that decides a part's future stands in it, so that a facility
whose memory is gone answers as before. A cancel is the only thing that happens to a part from outside; it is
kept in memory alone, because the ground asks again after a restart for what it wants cancelled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
    """One accepted part: when it came, what should happen to it, and what it runs."""

    submitted_at: datetime
    scenario: str
    seed: int
    spec: Mapping[str, Any]

    def text(self) -> str:
        """Write the handle."""
        needed = {name: self.spec[name] for name in _NEEDED if name in self.spec}
        return json.dumps(
            {
                "submitted_at": self.submitted_at.isoformat(),
                "scenario": self.scenario,
                "seed": self.seed,
                "spec": needed,
            },
            separators=(",", ":"),
            ensure_ascii=False,
        )

    def elapsed(self, now: datetime) -> float:
        """Give the seconds since the submission."""
        return (now - self.submitted_at).total_seconds()

    @classmethod
    def read(cls, text: str) -> Order:
        """Read a handle.

        Raises:
            ValueError: it is not one of ours.
        """
        try:
            values = json.loads(text)
            at = datetime.fromisoformat(values["submitted_at"])
            return cls(at, values["scenario"], values["seed"], values["spec"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"no handle of a mock: {error!r}") from None
