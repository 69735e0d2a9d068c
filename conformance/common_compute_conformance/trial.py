"""Give a check what it works with, and turn how it ends into a result."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, NoReturn

from common_compute_conformance.client import Client, Exchange, Journal, Redaction
from common_compute_conformance.contract import Contract, Transitions
from common_compute_conformance.errors import (
    ConformanceError,
    Failure,
    Finding,
    Inconclusive,
    NotApplicable,
    NotAssessed,
)
from common_compute_conformance.outcome import Outcome, Result
from common_compute_conformance.pace import Pace
from common_compute_conformance.registry import Check
from common_compute_conformance.target import Target
from common_compute_conformance.workbench import Workbench

_KEPT_EXCHANGES = 12

_OUTCOME_OF: dict[type[Finding], Outcome] = {
    Failure: Outcome.FAILED,
    Inconclusive: Outcome.ERROR,
    NotApplicable: Outcome.NOT_APPLICABLE,
    NotAssessed: Outcome.NOT_ASSESSED,
}


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
    journal: Journal
    witnesses: list[str] = field(default_factory=list)

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
            raise Failure(f"{what}: expected {_shown(expected)}, got {_shown(actual)}")

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


def assess(check: Check, open_trial: Callable[[], Trial], redaction: Redaction) -> Result:
    """Run one check and return its result, whatever it raises."""
    trial = open_trial()
    mark, started = trial.journal.mark(), trial.pace.now()
    outcome, message = Outcome.PASSED, ""
    try:
        check.function(trial)
    except Finding as finding:
        outcome, message = _OUTCOME_OF[type(finding)], str(finding)
    except ConformanceError as error:
        outcome, message = Outcome.ERROR, str(error)
    except Exception as error:  # noqa: BLE001 (a check that breaks says so; it must not take the others with it)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{PurePath(frame.filename).name}:{frame.lineno}"
        outcome, message = Outcome.ERROR, f"the check broke: {type(error).__name__}: {error} ({where})"
    else:
        if not trial.witnesses:
            outcome, message = Outcome.ERROR, "the check saw nothing that it could name, so it proves nothing"
    exchanges = trial.journal.since(mark)
    shown: list[Exchange] = [] if outcome in (Outcome.PASSED, Outcome.NOT_APPLICABLE) else exchanges
    return Result(
        check=check.name,
        outcome=outcome,
        message=redaction.text(message),
        witnesses=tuple(redaction.text(witness) for witness in trial.witnesses),
        evidence=tuple(redaction.evidence(exchange) for exchange in shown[-_KEPT_EXCHANGES:]),
        seconds=trial.pace.now() - started,
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"
