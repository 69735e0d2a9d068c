"""Run one check on a trial, and turn how it ends into a result."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import PurePath

from common_compute_conformance.client import Exchange, Redaction
from common_compute_conformance.errors import (
    ConformanceError,
    Failure,
    Finding,
    Inconclusive,
    NotApplicable,
    NotAssessed,
)
from common_compute_conformance.outcome import Outcome, Result
from common_compute_conformance.registry import Check
from common_compute_conformance.trial import Trial

_KEPT_EXCHANGES = 12

_OUTCOME_OF: dict[type[Finding], Outcome] = {
    Failure: Outcome.FAILED,
    Inconclusive: Outcome.ERROR,
    NotApplicable: Outcome.NOT_APPLICABLE,
    NotAssessed: Outcome.NOT_ASSESSED,
}


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
