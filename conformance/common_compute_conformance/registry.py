"""Register checks under the ids of the requirements that they assess."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from common_compute_conformance.trial import Trial

CheckFunction = Callable[[Trial], None]

# In the order in which they run: first what asks for nothing but answers, while the specimens run at the
# facility; last what ends jobs, and what looks back on the whole conversation.
AREAS = (
    "service",
    "facilities",
    "errors",
    "hostile",
    "order",
    "bodies",
    "capabilities",
    "limits",
    "validation",
    "arrays",
    "listing",
    "idempotency",
    "execution",
    "outcomes",
    "history",
    "results",
    "outputs",
    "logs",
    "ranges",
    "replacement",
    "software",
    "containers",
    "access",
    "staging",
    "generated",
    "running",
    "credentials",
    "conventions",
    "watching",
    "waking",
    "cancelling",
    "release",
    "stories",
    "every_answer",
)


@dataclass(frozen=True)
class Check:
    """One check: what it assesses, which specimens it will look at, and how it goes about it.

    One that is `drawn` does something else in each round, by the seed.
    """

    requirement: str
    name: str
    law: str
    function: CheckFunction
    specimens: tuple[str, ...]
    drawn: bool = False

    @property
    def area(self) -> str:
        """The module that it stands in."""
        return self.function.__module__.rpartition(".")[2]


class Registry:
    """The checks of a kit, in the order in which they were registered."""

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def check(
        self, requirement: str, *, specimens: tuple[str, ...] = (), drawn: bool = False
    ) -> Callable[[CheckFunction], CheckFunction]:
        """Register the decorated function as a check of this requirement.

        Name in `specimens` the jobs that it looks at, so that they are submitted early and run side by side.
        """

        def register(function: CheckFunction) -> CheckFunction:
            law = (function.__doc__ or "").strip()
            self.checks.append(Check(requirement, function.__name__, law, function, specimens, drawn))
            return function

        return register


REGISTRY = Registry()
check = REGISTRY.check


def load_checks() -> Registry:
    """Import all areas, and return what they registered."""
    for area in AREAS:
        import_module(f"common_compute_conformance.checks.{area}")
    # One area may have imported another before its turn.
    REGISTRY.checks.sort(key=lambda check: AREAS.index(check.area))
    return REGISTRY
