"""Stories of several jobs and callers find what is wrong, and tell it shortly."""

from __future__ import annotations

import re

import pytest

from common_compute_conformance.outcome import Outcome, Result
from common_compute_conformance.runner import certify
from common_compute_mutants.houses import running
from common_compute_mutants.registry import load_mutants

pytestmark = pytest.mark.real


def _story_of(mutant_name: str | None, requirement: str, house: str, seed: int = 1) -> Result:
    """Return what the stories of a normal budget found about one requirement."""
    mutant = load_mutants()[mutant_name] if mutant_name else None
    with running(house, mutant) as met:
        tokens = {"token": met.token, "other_token": met.other_token}
        certificate = certify(met.url, only=[requirement], seed=seed, budget="normal", patience=12, **tokens)
    (verdict,) = certificate.verdicts
    name = "stories_keep_" + requirement.lower().replace("-", "_")
    return next(result for result in verdict.results if result.check == name)


@pytest.mark.parametrize(
    ("mutant", "requirement"),
    [
        ("release_again_and_again", "CC-JOB-039"),
        ("change_the_mind", "CC-JOB-029"),
    ],
)
def test_a_story_that_breaks_something(mutant: str, requirement: str) -> None:
    """A story ends where the requirement breaks, is told step by step, and is short."""
    result = _story_of(mutant, requirement, "rosetta")
    assert Outcome.FAILED is result.outcome, result
    steps = re.findall(r"(?:^|; |: )\d+\. caller", result.message)
    assert 2 <= len(steps) <= 8, result.message


@pytest.mark.parametrize("seed", [1, 2])
def test_a_right_server_keeps_every_story(seed: int) -> None:
    """At a right server with two callers a story breaks nothing, and says how often it came to the requirement."""
    result = _story_of(None, "CC-JOB-002", "guarded", seed)
    assert Outcome.PASSED is result.outcome, result
    assert re.match(r"\d+ times in \d+ random stories", result.witnesses[0])
