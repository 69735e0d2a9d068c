"""A second try never hides a failure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from common_compute_conformance.assessment import together
from common_compute_conformance.budget import BUDGETS, QUICK
from common_compute_conformance.errors import Failure, Inconclusive, NotApplicable, NotAssessed
from common_compute_conformance.journal import Journal, Redaction
from common_compute_conformance.outcome import Outcome, Result
from common_compute_conformance.pace import Pace
from common_compute_conformance.registry import Check
from common_compute_conformance.rounds import Rounds
from common_compute_conformance.trial import Trial

PASSED = None


class Bench:
    """A workbench that keeps nothing."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def prepare(self, names: object) -> None:
        """Submit nothing."""


class _Client:
    url = "http://x/v1"


def _rounds(*checks: Check) -> tuple[Rounds, list[Bench]]:
    used: list[Bench] = []

    def open_trial(bench: Any) -> Trial:
        used.append(bench)
        kept: Any = None
        client: Any = _Client()
        return Trial(client, None, kept, kept, kept, bench, Pace(seed=1), QUICK, Journal(), kept)

    new: Any = Bench
    return Rounds(checks, open_trial, new, Redaction()), used


def _check(*outcomes: Exception | None, name: str = "a_check") -> Check:
    """Return a check that ends in these ways, one after the other."""
    left = list(outcomes)

    def function(trial: Trial) -> None:
        outcome = left.pop(0)
        if outcome is not PASSED:
            raise outcome
        trial.witness("seen")

    return Check("CC-JOB-001", name, "CC-JOB-001: x.", function, ())


@pytest.mark.parametrize(
    ("tries", "outcome"),
    [
        ([PASSED], Outcome.PASSED),
        ([Failure("x"), Failure("y")], Outcome.FAILED),
        ([Failure("x"), PASSED], Outcome.FLAKY),
        ([Inconclusive("x"), PASSED], Outcome.FLAKY),
        ([Inconclusive("x"), Failure("y")], Outcome.ERROR),
        ([NotAssessed("x"), PASSED], Outcome.PASSED),
        ([NotAssessed("x"), NotAssessed("y")], Outcome.NOT_ASSESSED),
        ([NotAssessed("x"), Failure("y")], Outcome.FAILED),
        ([NotApplicable("x")], Outcome.NOT_APPLICABLE),
        ([Failure("x"), NotApplicable("y")], Outcome.FAILED),
    ],
)
def test_two_tries(tries: list[Exception | None], outcome: Outcome) -> None:
    """What was red once is never passed: with a second try that passes it is flaky."""
    check = _check(*tries)
    rounds, _ = _rounds(check)
    new: Any = Bench(7)
    rounds.begin(new)
    assert outcome is rounds.assess(check).outcome


def test_a_flaky_check_says_what_failed() -> None:
    """A flaky check tells the failure of the try that failed."""
    check = _check(Failure("the third byte was lost"), PASSED)
    rounds, _ = _rounds(check)
    new: Any = Bench(7)
    rounds.begin(new)
    assert "the third byte was lost" in rounds.assess(check).message


def test_the_second_try_is_on_other_jobs() -> None:
    """Second tries are on a workbench of their own, with the seed of the first."""
    check = _check(Failure("x"), Failure("x"))
    rounds, used = _rounds(check)
    first: Any = Bench(7)
    rounds.begin(first)
    rounds.assess(check)
    assert [7, 7] == [bench.seed for bench in used]
    assert used[0] is not used[1]


@pytest.mark.parametrize(("first", "tries"), [(Failure("x"), 1), (NotAssessed("x"), 2)])
def test_a_failure_may_be_believed(first: Exception, tries: int) -> None:
    """Who asks for no second tries gets none for a failure; what could not be assessed is tried again."""
    rounds, used = _rounds(_check(first, PASSED))
    rounds.believes_failures = True
    new: Any = Bench(7)
    rounds.begin(new)
    outcome = rounds.assess(rounds.checks[0]).outcome
    assert tries == len(used)
    assert (outcome is Outcome.FAILED) == (tries == 1)


def test_a_later_round_that_fails() -> None:
    """What passed in one round and failed in another, and in its second try, is flaky."""
    check = _check(PASSED, Failure("x"), Failure("x"))
    rounds, _ = _rounds(check)
    for seed in (7, 8):
        new: Any = Bench(seed)
        rounds.begin(new)
        result = rounds.assess(check)
    assert Outcome.FLAKY is result.outcome


@pytest.mark.parametrize("rounds_first_fails", [True, False])
def test_what_is_drawn_may_fail_in_one_round(rounds_first_fails: bool) -> None:
    """A check that does something else in each round has failed if it failed in one."""
    failing, passing = [Failure("x"), Failure("x")], [PASSED]
    tries = failing + passing if rounds_first_fails else passing + failing
    check = replace(_check(*tries), drawn=True)
    rounds, _ = _rounds(check)
    for seed in (7, 8):
        new: Any = Bench(seed)
        rounds.begin(new)
        result = rounds.assess(check)
    assert Outcome.FAILED is result.outcome


def test_second_tries_are_bounded() -> None:
    """A server that is red all over gets few second tries: its checks are told failed at once."""
    checks = [_check(Failure("x"), Failure("x"), name=f"check_{number}") for number in range(40)]
    rounds, used = _rounds(*checks)
    new: Any = Bench(7)
    rounds.begin(new)
    outcomes = {rounds.assess(check).outcome for check in checks}
    assert {Outcome.FAILED} == outcomes
    assert len(used) < 60


def test_flaky_stays_flaky() -> None:
    """A third try that passes does not make a flaky check pass, nor tell its message twice."""
    flaky = together(Result("c", Outcome.FAILED, "lost"), Result("c", Outcome.PASSED, "", ("seen",)))
    again = together(flaky, Result("c", Outcome.PASSED, "", ("seen",)))
    assert (Outcome.FLAKY, flaky.message) == (again.outcome, again.message)


@pytest.mark.parametrize(
    "member", ["jobs", "repetitions", "twins", "stories", "story_jobs", "generated_jobs"]
)
def test_budgets_grow(member: str) -> None:
    """A larger budget never does less."""
    figures = [getattr(budget, member) for budget in BUDGETS.values()]
    assert sorted(figures) == figures


def test_all_exit_codes() -> None:
    """A thorough run tries each exit code that there is."""
    assert set(range(256)) == set(BUDGETS["thorough"].exit_codes)
