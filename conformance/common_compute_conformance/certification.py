"""Hold one certification together: meet the target, run one job, assess check by check, clean up, judge."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from common_compute_conformance.budget import BUDGETS, QUICK
from common_compute_conformance.certificate import Certificate, kit_facts, verdict_of
from common_compute_conformance.client import Client
from common_compute_conformance.contract import Document, load_contract, load_transitions
from common_compute_conformance.errors import NothingAnswers, WrongArgument
from common_compute_conformance.journal import Journal, Redaction
from common_compute_conformance.ledger import Ledger
from common_compute_conformance.outcome import RED, Outcome, Result
from common_compute_conformance.pace import Pace
from common_compute_conformance.registry import Check, load_checks
from common_compute_conformance.reproducing.reproduction import reproduction
from common_compute_conformance.requirements import Requirement, load_requirements
from common_compute_conformance.rounds import Rounds
from common_compute_conformance.smoke import Stopped, make_ready, meet, run_one_job
from common_compute_conformance.specimens import Occasion
from common_compute_conformance.target import Target, target_url
from common_compute_conformance.trial import Trial
from common_compute_conformance.workbench import Workbench


@dataclass(frozen=True)
class Assignment:
    """What is asked for: which target, as whom, which requirements, at what cost.

    `url` includes the base path; `patience` is how long the first job may take, in seconds. With `only` or
    `classes` the run is partial.

    Raises:
        WrongArgument: `url`, `only`, `classes` or `budget` names nothing that is there.
    """

    url: str
    token: str | None = None
    other_token: str | None = None
    facility: str | None = None
    only: Collection[str] = ()
    classes: Collection[str] = ()
    strict: bool = False
    seed: int | None = None
    budget: str = QUICK.name
    patience: float = 600.0

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        object.__setattr__(self, "url", target_url(self.url))
        requirements = load_requirements()
        ids = {requirement.id for requirement in requirements}
        if unknown := sorted(set(self.only) - ids):
            told = ", ".join(unknown)
            raise WrongArgument(f"There is no requirement {told}: see `common-compute spec requirements`")
        classes = {requirement.conformance_class for requirement in requirements}
        if unknown := sorted(set(self.classes) - classes):
            known = ", ".join(sorted(classes))
            raise WrongArgument(f"There is no class {', '.join(unknown)}: the classes are {known}")
        if self.budget not in BUDGETS:
            known = ", ".join(BUDGETS)
            raise WrongArgument(f"There is no budget {self.budget!r}: the budgets are {known}")

    @property
    def partial(self) -> bool:
        """Tell whether less than all is asked for."""
        return bool(self.only or self.classes)

    def holds(self, requirement: Requirement) -> bool:
        """Tell whether a requirement is asked for."""
        if not self.partial:
            return True
        return requirement.id in self.only or requirement.conformance_class in self.classes


class Certification:
    """One certification, from its first request to its certificate.

    `begin`, then for each round `begin_round` and `assess` for every check, then `end`, whatever happened,
    and `certificate`. What was made on the target is cancelled and released by `end`. Where the facility
    claims `credentials`, a missing credential of either caller is put, and the second caller's is deleted and
    put again.
    """

    def __init__(self, assignment: Assignment, *, second_tries: bool = True) -> None:
        self.assignment = assignment
        self._second_tries = second_tries
        self.budget = BUDGETS[assignment.budget]
        self._contract, self._transitions = load_contract(), load_transitions()
        self._pace = Pace(assignment.seed, assignment.patience)
        self._journal, self._ledger = Journal(), Ledger()
        secrets = (assignment.token, assignment.other_token)
        self._redaction = Redaction(tuple(secret for secret in secrets if secret))
        self._requirements = {requirement.id: requirement for requirement in load_requirements()}
        self._began, self._started = self._pace.utc(), self._pace.now()
        self._client = Client(
            assignment.url, assignment.token, self._contract, self._journal, self._ledger, self._pace
        )
        other = assignment.other_token
        self._other = self._client.as_caller(other) if other else None
        self._target: Target | None = None
        self._stopped: Stopped | None = None
        self._rounds: Rounds | None = None
        self._first: Workbench | None = None
        self._left: list[str] = []

    @property
    def rounds(self) -> int:
        """How often every check is run."""
        return self.budget.repetitions

    def requirement_of(self, check: Check) -> Requirement:
        """Return the requirement that a check assesses."""
        return self._requirements[check.requirement]

    def begin(self) -> list[Check]:
        """Meet the target, run one job, and return the checks to run: none where the smoke stage stopped.

        Raises:
            NothingAnswers: no HTTP server answers.
            WrongArgument: the target has no facility of this name.
        """
        try:
            anonymous = self._client.as_caller(None)
            target = meet(self._client, anonymous, self._contract, self.assignment.facility)
            self._target = target
            make_ready(target, self._client, self._other)
            self._first = self._new_workbench(self._pace.seed)
            if not self.assignment.partial:
                run_one_job(self._first, self._pace)
        except Stopped as stopped:
            self._stopped = stopped
            return []
        checks = [each for each in load_checks().checks if self._is_due(self.requirement_of(each), target)]
        self._rounds = Rounds(
            checks,
            self._open_trial,
            self._new_workbench,
            self._redaction,
            believes_failures=not self._second_tries,
        )
        return checks

    def _is_due(self, requirement: Requirement, target: Target) -> bool:
        return self.assignment.holds(requirement) and target.claims(requirement.conformance_class)

    def narrow(self, only: Collection[str]) -> None:
        """Let the run be a partial one, about these requirements."""
        self.assignment = replace(self.assignment, only=frozenset(only))

    def begin_round(self, number: int) -> None:
        """Begin a round, the first of which has the number 0, on jobs of its own."""
        assert self._rounds is not None
        workbench = self._first if number == 0 else None
        self._rounds.begin(workbench or self._new_workbench(self._pace.seed + number))

    def assess(self, check: Check) -> Result:
        """Run a check and return what is known by now."""
        assert self._rounds is not None
        return self._rounds.assess(check)

    def end(self) -> None:
        """Clean up on the target, and hang up."""
        try:
            grace = self._target.cancel_grace_seconds if self._target is not None else 0
            self._left = self._ledger.clean_up(self._pace, grace)
        except NothingAnswers:
            self._left = self._ledger.remaining
        finally:
            self._client.close()

    def certificate(self) -> Certificate:
        """Judge what was found."""
        verdicts = tuple(
            verdict_of(
                requirement,
                claimed=self._claims(requirement),
                strict=self.assignment.strict,
                results=self._results_of(requirement),
            )
            for requirement in load_requirements()
            if self.assignment.holds(requirement)
        )
        stopped = self._redaction.text(str(self._stopped)) if self._stopped is not None else None
        return Certificate(verdicts, self.assignment.partial, stopped, self._facts())

    def _claims(self, requirement: Requirement) -> bool:
        if self._target is None:
            return requirement.conformance_class == "core"
        return self._target.claims(requirement.conformance_class)

    def _results_of(self, requirement: Requirement) -> list[Result]:
        results = self._rounds.results_of(requirement.id) if self._rounds is not None else []
        if self._stopped is None or any(result.outcome in RED for result in results):
            return results
        if self._stopped.requirement != requirement.id:
            return [Result("smoke", Outcome.NOT_ASSESSED, "the smoke stage stopped before it")]
        evidence = tuple(self._redaction.evidence(each) for each in self._journal.exchanges[-5:])
        message = self._redaction.text(str(self._stopped))
        again = reproduction(
            self._journal.exchanges[-5:], self._journal.exchanges, self._client.url, redaction=self._redaction
        )
        return [Result("smoke", Outcome.FAILED, message, evidence=evidence, reproduce=again)]

    def _facts(self) -> dict[str, Any]:
        return {
            **kit_facts(),
            "seed": self._pace.seed,
            "budget": self.budget.name,
            "strict": self.assignment.strict,
            "started_at": self._began.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "seconds": round(self._pace.now() - self._started, 3),
            "native_jobs": self._ledger.submissions,
            "requests": len(self._journal.exchanges),
            "left_behind": self._left,
            "target": self._target_facts(),
        }

    def _target_facts(self) -> dict[str, Any]:
        target = self._target
        if target is None:
            return {"url": self.assignment.url}
        return {
            "url": self.assignment.url,
            "facility_id": target.facility_id,
            "service_info": self._redacted(target.service_info),
            "facility": self._redacted(target.facility),
            "claimed_classes": {
                "service": sorted(target.service_classes),
                "facility": sorted(target.facility_classes),
            },
        }

    def _redacted(self, document: Document) -> Any:
        return json.loads(self._redaction.text(json.dumps(document, ensure_ascii=False)))

    def _new_workbench(self, seed: int) -> Workbench:
        assert self._target is not None
        occasion = Occasion(self._target, self._pace, self.budget, self._pace.draw_name("run"))
        return Workbench(self._client, occasion, self._transitions, seed)

    def _open_trial(self, workbench: Workbench) -> Trial:
        assert self._target is not None
        return Trial(
            client=self._client,
            other=self._other,
            target=self._target,
            contract=self._contract,
            transitions=self._transitions,
            workbench=workbench,
            pace=self._pace,
            budget=self.budget,
            journal=self._journal,
            ledger=self._ledger,
        )
