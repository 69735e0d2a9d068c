"""Give a check what it works with: callers, target and specimens, and words to say what it sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

from common_compute_conformance.budget import Budget
from common_compute_conformance.client import Client
from common_compute_conformance.contract import Contract, Transitions
from common_compute_conformance.errors import Failure, NotApplicable, NotAssessed
from common_compute_conformance.journal import Journal
from common_compute_conformance.ledger import Ledger
from common_compute_conformance.pace import Pace
from common_compute_conformance.specimens import Occasion
from common_compute_conformance.target import Target
from common_compute_conformance.workbench import Workbench


@dataclass
class Trial:
    """One run of one check: the callers, the target, the specimens, and the witnesses it records."""

    client: Client
    other: Client | None
    target: Target
    contract: Contract
    transitions: Transitions
    workbench: Workbench
    pace: Pace
    budget: Budget
    journal: Journal
    ledger: Ledger
    witnesses: list[str] = field(default_factory=list)

    @property
    def occasion(self) -> Occasion:
        """For what the specimens are written."""
        return self.workbench.occasion

    def jobs_left(self, wanted: int) -> int:
        """Return how many of so many jobs the budget has left."""
        return max(0, min(wanted, self.budget.jobs - self.ledger.submissions))

    def witness(self, what: str) -> None:
        """Record what was positively seen; without at least one witness no check passes."""
        self.witnesses.append(what)

    def require(self, condition: bool, otherwise: str) -> None:
        """Go on only if the condition holds; raises Failure with these words if not."""
        if not condition:
            raise Failure(otherwise)

    def equal(self, expected: object, actual: object, what: str) -> None:
        """Go on only if both are equal; raises Failure that shows both if not."""
        if expected != actual:
            wanted, came = _shown(expected), _shown(actual)
            raise Failure(f"{what}: expected {wanted}, got {came}", expected=wanted, actual=came)

    def not_applicable(self, reason: str) -> NoReturn:
        """End the check: there is nothing to check on this target."""
        raise NotApplicable(reason)

    def not_assessed(self, reason: str) -> NoReturn:
        """End the check: a precondition is not met."""
        raise NotAssessed(reason)

    def other_caller(self) -> Client:
        """Return the second caller; raises NotAssessed if the certification was given none."""
        if self.other is None:
            raise NotAssessed("it takes a second caller: give --other-token")
        return self.other


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"
