"""What is seen of a facility when it is held against the table, and what it is asked to run for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common_compute_connector.jobs import TaskSeen
from common_compute_connector.protocol import Document


@dataclass(frozen=True, slots=True)
class Experiment:
    """A job of which task 0 is watched to its end: its command, and other members of its specification.

    `takes` says what somebody has to do to it while it runs.
    """

    command: Sequence[str]
    members: Mapping[str, Any] = field(default_factory=dict)
    takes: str | None = None


_SLEEPS = ("/bin/sh", "-c", "sleep 600")
_GROWS = ("/bin/sh", "-c", "x=abcdefgh; while :; do x=$x$x; done")

EXPERIMENTS: Mapping[str, Experiment] = {
    "succeeds": Experiment(("printf", "hello")),
    "exits with 3": Experiment(("/bin/sh", "-c", "exit 3")),
    "killed by 9": Experiment(("/bin/sh", "-c", "kill -9 $$")),
    "takes all memory": Experiment(_GROWS, {"resources": {"memory_bytes": 64 << 20}}),
    "takes too long": Experiment(("sleep", "5"), {"resources": {"wall_time_seconds": 2}}),
    "array": Experiment(("printf", "hello"), {"array": {"count": 2}}),
    "cancelled": Experiment(_SLEEPS, takes="a cancel"),
    "started again": Experiment(("sleep", "1"), takes="its node away, and give the job another one"),
    "loses its node": Experiment(_SLEEPS, takes="its node away, for good"),
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of one facility.

    `document` and `software` are what its connector describes; `lives` what it observed in the experiments,
    each from the first sight to the last. `array_ids` are the native ids of the array's two tasks.
    `outlives_cancel` tells whether a command was seen to go on when its job was cancelled already. `refusal`
    and `shut_out` are the facility's words to a submission that it does not take, and to one whose caller's
    credential does not work; `credentials` are the documents of one caller's, by state.
    """

    flavour: str
    document: Document
    software: Sequence[Document]
    tasks_per_part: int
    lives: Mapping[str, Sequence[TaskSeen]]
    array_ids: tuple[str, str]
    outlives_cancel: bool
    refusal: str
    shut_out: str
    credentials: Mapping[str, Document]

    def of(self, *, rosetta: Any, dirac: Any) -> Any:
        """Give what holds for this flavour."""
        return {"rosetta": rosetta, "dirac": dirac}[self.flavour]

    def natives(self, experiment: str) -> list[str]:
        """Give the native states of a life in their order; words behind a state are not part of it."""
        states = [
            ((seen.native and seen.native.state) or "").split(" ")[0] for seen in self.lives[experiment]
        ]
        return [state for place, state in enumerate(states) if place == 0 or state != states[place - 1]]

    def words(self, experiment: str, state: str | None = None) -> list[str]:
        """Give the words beside the native states of a life, or beside one of them."""
        natives = [seen.native for seen in self.lives[experiment] if seen.native]
        return [native.detail or "" for native in natives if state in (None, native.state)]

    def end(self, experiment: str) -> TaskSeen:
        """Give the last sight of a life."""
        return self.lives[experiment][-1]

    def last_words(self, experiment: str) -> tuple[str, str]:
        """Give the native state in which a life ended, and the words beside it."""
        native = self.end(experiment).native
        return ((native and native.state) or "", (native and native.detail) or "")

    def support(self, *names: str) -> list[str]:
        """Give what the facility does with these resources."""
        return [self.document["resources"][name]["support"] for name in names]
