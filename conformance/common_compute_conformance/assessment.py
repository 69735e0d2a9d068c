"""Run one check on a trial, and turn how it ends into a result."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePath

from common_compute_conformance.errors import (
    ConformanceError,
    Failure,
    Finding,
    Inconclusive,
    NotApplicable,
    NotAssessed,
)
from common_compute_conformance.journal import Redaction
from common_compute_conformance.outcome import RED, Outcome, Result, worst
from common_compute_conformance.registry import Check
from common_compute_conformance.reproducing.reproduction import reproduction
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
    trial.journal.turn()
    started = trial.pace.now()
    outcome, message, expected, actual = Outcome.PASSED, "", "", ""
    try:
        check.function(trial)
    except Finding as finding:
        outcome, message = _OUTCOME_OF[type(finding)], str(finding)
        if isinstance(finding, Failure):
            expected, actual = finding.expected, finding.actual
    except ConformanceError as error:
        outcome, message = Outcome.ERROR, str(error)
    except Exception as error:  # noqa: BLE001 (a check that breaks says so; it must not take the others with it)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{PurePath(frame.filename).name}:{frame.lineno}"
        outcome, message = Outcome.ERROR, f"the check broke: {type(error).__name__}: {error} ({where})"
    else:
        if not trial.witnesses:
            outcome, message = Outcome.ERROR, "the check saw nothing that it could name, so it proves nothing"
    shown = trial.journal.looked_at if outcome in (Outcome.FAILED, Outcome.ERROR) else []
    again = reproduction(
        shown,
        trial.journal.exchanges,
        trial.client.url,
        redaction=redaction,
        expected=expected,
        actual=actual,
    )
    return Result(
        check=check.name,
        outcome=outcome,
        message=redaction.text(message),
        witnesses=tuple(redaction.text(witness) for witness in trial.witnesses),
        evidence=tuple(redaction.evidence(exchange) for exchange in shown[-_KEPT_EXCHANGES:]),
        seconds=trial.pace.now() - started,
        expected=redaction.text(expected),
        actual=redaction.text(actual),
        reproduce=again,
    )


def worse(first: Result, second: Result) -> Result:
    """Return the worse of what two rounds found that did not do the same."""
    return first if worst((first.outcome, second.outcome)) is first.outcome else second


def together(first: Result, second: Result) -> Result:
    """Return what two tries of one check make.

    What was red once and passed once is flaky, which is not passed. A precondition that was not met the first
    time may be met the second.
    """
    passed = [each for each in (first, second) if each.outcome is Outcome.PASSED]
    red = [each for each in (first, second) if each.outcome in RED]
    if passed and red:
        message = red[0].message
        if red[0].outcome is not Outcome.FLAKY:
            message = f"red in one try, and passed in another: {message}"
        return replace(red[0], outcome=Outcome.FLAKY, message=message)
    return (passed or red or [first])[0] if first.outcome is Outcome.NOT_ASSESSED else (red or [first])[0]
