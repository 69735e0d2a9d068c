"""Run the checks in rounds, each on jobs of its own, and give what is red a second try on other jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from common_compute_conformance.assessment import assess, together
from common_compute_conformance.client import Redaction
from common_compute_conformance.outcome import RED, Outcome, Result
from common_compute_conformance.registry import Check
from common_compute_conformance.trial import Trial
from common_compute_conformance.workbench import Workbench

# A server that is red in more checks than these is not flaky: their second tries would only take its time.
_MOST_SECOND_TRIES = 12

Tell = Callable[[Check, Result], None]


@dataclass
class Rounds:
    """What the rounds of one certification have found, by check.

    `open_trial` gives a check what it works with, on a workbench; a workbench is new for a seed. The second
    tries of a round share a workbench of their own, of the same seed, so that they neither see what the first
    ones left nor submit everything again.
    """

    checks: Sequence[Check]
    open_trial: Callable[[Workbench], Trial]
    new_workbench: Callable[[int], Workbench]
    redaction: Redaction
    tell: Tell
    results: dict[Check, Result] = field(default_factory=dict)
    _second: Workbench | None = None
    _second_tries: int = 0

    def run(self, workbench: Workbench) -> None:
        """Run every check once; what it finds is put together with what earlier rounds found."""
        self._second = None
        names = [name for check in self.checks for name in check.specimens]
        workbench.prepare(dict.fromkeys(names))
        for check in self.checks:
            result = assess(check, lambda: self.open_trial(workbench), self.redaction)
            if result.outcome in RED or result.outcome is Outcome.NOT_ASSESSED:
                result = self._second_try(check, result, workbench.seed)
            if check in self.results:
                result = together(self.results[check], result)
            self.results[check] = result
            self.tell(check, result)

    def _second_try(self, check: Check, result: Result, seed: int) -> Result:
        if self._second_tries == _MOST_SECOND_TRIES:
            return result
        self._second_tries += 1
        if self._second is None:
            self._second = self.new_workbench(seed)
        second = self._second
        return together(result, assess(check, lambda: self.open_trial(second), self.redaction))

    def by_requirement(self) -> dict[str, list[Result]]:
        """Return the results of each requirement's checks."""
        found: dict[str, list[Result]] = {}
        for check, result in self.results.items():
            found.setdefault(check.requirement, []).append(result)
        return found
