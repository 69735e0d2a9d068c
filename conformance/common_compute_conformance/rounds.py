"""Run the checks in rounds, each on jobs of its own, and give what is red a second try on other jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from common_compute_conformance.assessment import assess, together, worse
from common_compute_conformance.journal import Redaction
from common_compute_conformance.outcome import RED, Outcome, Result
from common_compute_conformance.registry import Check
from common_compute_conformance.trial import Trial
from common_compute_conformance.workbench import Workbench

# A server that is red in more checks than these is not flaky: their second tries would only take its time.
_MOST_SECOND_TRIES = 12


@dataclass
class Rounds:
    """What the rounds of one certification have found, by check.

    `open_trial` gives a check what it works with, on a workbench; a workbench is new for a seed. The second
    tries of a round share a workbench of their own, of the same seed, so that they neither see what the first
    ones left nor submit everything again. With `believes_failures` a check that fails gets no second try.
    """

    checks: Sequence[Check]
    open_trial: Callable[[Workbench], Trial]
    new_workbench: Callable[[int], Workbench]
    redaction: Redaction
    believes_failures: bool = False
    results: dict[Check, Result] = field(default_factory=dict)
    _workbench: Workbench | None = None
    _second: Workbench | None = None
    _second_tries: int = 0

    def begin(self, workbench: Workbench) -> None:
        """Begin a round: submit the jobs that its checks look at, so that they run side by side."""
        self._workbench, self._second = workbench, None
        names = [name for check in self.checks for name in check.specimens]
        workbench.prepare(dict.fromkeys(names))

    def assess(self, check: Check) -> Result:
        """Run a check in the present round, and put what it finds together with what earlier rounds found."""
        workbench = self._workbench
        assert workbench is not None, "a round begins before its first check"
        result = assess(check, lambda: self.open_trial(workbench), self.redaction)
        if result.outcome in RED or result.outcome is Outcome.NOT_ASSESSED:
            result = self._second_try(check, result, workbench.seed)
        if check in self.results:
            join = worse if check.drawn else together
            result = join(self.results[check], result)
        self.results[check] = result
        return result

    def _second_try(self, check: Check, result: Result, seed: int) -> Result:
        believed = self.believes_failures and result.outcome is Outcome.FAILED
        if believed or self._second_tries == _MOST_SECOND_TRIES:
            return result
        self._second_tries += 1
        if self._second is None:
            self._second = self.new_workbench(seed)
        second = self._second
        return together(result, assess(check, lambda: self.open_trial(second), self.redaction))

    def results_of(self, requirement: str) -> list[Result]:
        """Return what the checks of a requirement have found."""
        return [result for check, result in self.results.items() if check.requirement == requirement]
