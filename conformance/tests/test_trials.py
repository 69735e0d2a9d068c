"""No check passes by accident, and no secret leaves a certification."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common_compute_conformance.assessment import assess
from common_compute_conformance.budget import QUICK
from common_compute_conformance.contract import Document, parse_json
from common_compute_conformance.errors import Failure, Inconclusive, NothingAnswers
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.journal import Journal, Redaction
from common_compute_conformance.outcome import Outcome, Result, worst
from common_compute_conformance.pace import Pace
from common_compute_conformance.registry import Check, CheckFunction
from common_compute_conformance.trial import Trial


class _Client:
    url = "http://x/v1"


def _assess(function: CheckFunction, journal: Journal | None = None, *secrets: str) -> Result:
    kept: Any = None
    journal = journal or Journal()

    def open_trial() -> Trial:
        client: Any = _Client()
        return Trial(client, None, kept, kept, kept, kept, Pace(seed=1), QUICK, journal, kept)

    return assess(
        Check("CC-JOB-001", "a_check", "CC-JOB-001: x.", function, ()), open_trial, Redaction(secrets)
    )


def _exchange(status: int = 200, content: bytes = b"{}", **headers: str) -> Exchange:
    sent = httpx.Headers({"Authorization": "Bearer s3cret", **headers})
    return Exchange(
        "GET", "http://x/v1/jobs?t=s3cret", sent, b"s3cret", status, httpx.Headers(), content, 0.1
    )


def test_no_witness_no_pass() -> None:
    """A check that records no witness does not pass, whatever it did."""
    result = _assess(lambda _: None)
    assert result.outcome is Outcome.ERROR
    assert "proves nothing" in result.message


def test_a_witness_passes() -> None:
    """A check that records a witness and raises nothing passes, and its witness is kept."""
    result = _assess(lambda trial: trial.witness("a job succeeded"))
    assert (result.outcome, result.witnesses) == (Outcome.PASSED, ("a job succeeded",))


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Failure("x"), Outcome.FAILED),
        (Inconclusive("x"), Outcome.ERROR),
        (NothingAnswers("http://x", "refused"), Outcome.ERROR),
        (ZeroDivisionError("x"), Outcome.ERROR),
    ],
)
def test_a_witness_before_a_failure_is_no_pass(error: Exception, outcome: Outcome) -> None:
    """A check that records a witness and then fails or breaks does not pass."""

    def function(trial: Trial) -> None:
        trial.witness("something")
        raise error

    assert _assess(function).outcome is outcome


def test_a_precondition_that_is_not_met() -> None:
    """A check that needs a second caller is not assessed without one."""
    assert _assess(lambda trial: trial.witness(str(trial.other_caller()))).outcome is Outcome.NOT_ASSESSED


def test_a_missing_member_is_the_servers_failure() -> None:
    """Asking an answer for a member that it lacks fails the check, and does not break it."""
    document = parse_json(b'{"a": {"b": 1}}')
    assert isinstance(document, Document)
    result = _assess(lambda trial: trial.witness(document["a"]["c"]))
    assert (result.outcome, "'c' is missing" in result.message) == (Outcome.FAILED, True)


@pytest.mark.parametrize(
    ("status", "error"),
    [(502, Inconclusive), (500, Failure), (503, Inconclusive), (404, Failure), (302, Failure)],
)
def test_expectations(status: int, error: type[Exception]) -> None:
    """Trouble that may pass leaves open what another wrong status decides."""
    with pytest.raises(error):
        _exchange(status).expect(200)
    assert _exchange(status).expect(status).status == status


def test_secrets_are_redacted() -> None:
    """No token is in a result: not in headers, URLs, bodies, messages or witnesses."""
    journal = Journal()

    def function(trial: Trial) -> None:
        trial.journal.add(_exchange(content=b"your token is s3cret", Cookie="session"))
        trial.witness("s3cret")
        trial.require(False, "the server said s3cret")

    result = _assess(function, journal, "s3cret")
    assert result.outcome is Outcome.FAILED
    assert "s3cret" not in repr(result)
    assert "session" not in repr(result)
    assert len(result.evidence) == 1


def test_worst_outcome() -> None:
    """A requirement is as good as the worst of its checks, and without any it is not assessed."""
    assert worst([]) is Outcome.NOT_ASSESSED
    assert worst([Outcome.PASSED, Outcome.NOT_APPLICABLE]) is Outcome.PASSED
    assert worst([Outcome.PASSED, Outcome.NOT_ASSESSED]) is Outcome.NOT_ASSESSED
    assert worst([Outcome.NOT_ASSESSED, Outcome.ERROR]) is Outcome.ERROR
    assert worst([Outcome.ERROR, Outcome.FAILED, Outcome.PASSED]) is Outcome.FAILED
