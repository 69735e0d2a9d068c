"""Name the outcomes of a check, and decide what several of them make together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What is known about a requirement on a target."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    FLAKY = "flaky"
    NOT_APPLICABLE = "not-applicable"
    NOT_ASSESSED = "not-assessed"


# The worst first. `not-applicable` is last: a requirement of which one check had something to look at was
# assessed.
_BY_WEIGHT = (
    Outcome.FAILED,
    Outcome.ERROR,
    Outcome.FLAKY,
    Outcome.NOT_ASSESSED,
    Outcome.PASSED,
    Outcome.NOT_APPLICABLE,
)
RED = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.FLAKY})
"""What is known not to be as it should be."""


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome that a requirement with these checks has; without any it is not assessed."""
    return min(outcomes, key=_BY_WEIGHT.index, default=Outcome.NOT_ASSESSED)


@dataclass(frozen=True)
class Result:
    """What one check found: its outcome, why, what it saw, and the redacted conversation.

    `expected` and `actual` are short texts of what a failed comparison held against each other; `reproduce`
    is shell text that shows the fault again. They are empty where there is nothing to say.
    """

    check: str
    outcome: Outcome
    message: str = ""
    witnesses: tuple[str, ...] = ()
    evidence: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    seconds: float = 0.0
    expected: str = ""
    actual: str = ""
    reproduce: str = field(default="", repr=False)
