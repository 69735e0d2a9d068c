"""Certify a target: smoke stage, specimens, checks, clean-up, certificate."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common_compute_conformance.budget import BUDGETS, QUICK, Budget
from common_compute_conformance.certificate import Certificate, kit_facts, verdict_of
from common_compute_conformance.client import Client, Journal, Ledger, Redaction
from common_compute_conformance.contract import load_contract, load_transitions
from common_compute_conformance.errors import NothingAnswers, WrongArgument
from common_compute_conformance.junit import junit
from common_compute_conformance.outcome import Outcome, Result
from common_compute_conformance.pace import Pace
from common_compute_conformance.registry import Check, load_checks
from common_compute_conformance.requirements import Requirement, load_requirements
from common_compute_conformance.rounds import Rounds
from common_compute_conformance.smoke import Stopped, make_ready, meet, run_one_job
from common_compute_conformance.specimens import Occasion
from common_compute_conformance.target import Target, target_url
from common_compute_conformance.trial import Trial
from common_compute_conformance.workbench import Workbench

Progress = Callable[[Requirement, Result], None]


@dataclass(frozen=True)
class Scope:
    """What is asked for: all, or some requirements or classes, which makes a partial run."""

    only: frozenset[str]
    classes: frozenset[str]

    @property
    def partial(self) -> bool:
        """Tell whether less than all is asked for."""
        return bool(self.only or self.classes)

    def holds(self, requirement: Requirement) -> bool:
        """Tell whether a requirement is asked for."""
        if not self.partial:
            return True
        return requirement.id in self.only or requirement.conformance_class in self.classes


@dataclass
class _Run:
    """What one certification has found until now."""

    target: Target | None = None
    stopped: Stopped | None = None
    rounds: Rounds | None = None

    def results(self) -> dict[str, list[Result]]:
        """Return what was found, by requirement."""
        return self.rounds.by_requirement() if self.rounds is not None else {}


def certify(
    url: str,
    *,
    token: str | None = None,
    other_token: str | None = None,
    facility: str | None = None,
    only: Collection[str] = (),
    classes: Collection[str] = (),
    strict: bool = False,
    seed: int | None = None,
    budget: str = QUICK.name,
    patience: float = 600.0,
    progress: Progress | None = None,
) -> Certificate:
    """Certify the target at `url`, which includes the base path, with jobs at one facility.

    `patience` is how long the first job may take, in seconds. Everything that was made on the target is
    cancelled and released before this returns, also after Ctrl-C. Where the facility claims `credentials`, a
    missing credential of either caller is put, and the second caller's is deleted and put again.

    Raises:
        NothingAnswers: no HTTP server answers at `url`.
        WrongArgument: `url`, `facility`, `only`, `classes` or `budget` names nothing that is there.
    """
    contract, transitions = load_contract(), load_transitions()
    scope, effort = _scope(only, classes), _budget(budget)
    pace = Pace(seed, patience)
    journal, ledger = Journal(), Ledger()
    redaction = Redaction(tuple(secret for secret in (token, other_token) if secret))
    started, began = pace.now(), pace.utc()
    client = Client(target_url(url), token, contract, journal, ledger, pace)
    other = client.as_caller(other_token) if other_token else None
    requirements = {requirement.id: requirement for requirement in load_requirements()}
    run = _Run()
    left: list[str] = []
    try:
        run.target = target = meet(client, client.as_caller(None), contract, facility)
        make_ready(target, client, other)

        def new_workbench(seed: int) -> Workbench:
            occasion = Occasion(target, pace, effort, pace.draw_name("run"))
            return Workbench(client, occasion, transitions, seed)

        def open_trial(workbench: Workbench) -> Trial:
            return Trial(
                client, other, target, contract, transitions, workbench, pace, effort, journal, ledger
            )

        def tell(check: Check, result: Result) -> None:
            if progress is not None:
                progress(requirements[check.requirement], result)

        workbench = new_workbench(pace.seed)
        if not scope.partial:
            run_one_job(workbench, pace)
        checks = [
            check
            for check in load_checks().checks
            if _assessable(requirements[check.requirement], scope, target)
        ]
        run.rounds = Rounds(checks, open_trial, new_workbench, redaction, tell)
        run.rounds.run(workbench)
        for number in range(1, effort.repetitions):
            run.rounds.run(new_workbench(pace.seed + number))
    except Stopped as stopped:
        run.stopped = stopped
    finally:
        try:
            left = _clean_up(ledger, pace)
        finally:
            client.close()
    facts = {
        **kit_facts(),
        "seed": pace.seed,
        "budget": effort.name,
        "strict": strict,
        "started_at": began.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seconds": round(pace.now() - started, 3),
        "native_jobs": ledger.submissions,
        "requests": len(journal.exchanges),
        "left_behind": left,
        "target": _target_facts(client.url, run.target),
    }
    return _certificate(run, scope, facts, redaction, journal, strict=strict)


def _certificate(
    run: _Run, scope: Scope, facts: dict[str, Any], redaction: Redaction, journal: Journal, *, strict: bool
) -> Certificate:
    results = run.results()
    if run.stopped is not None:
        evidence = tuple(redaction.evidence(exchange) for exchange in journal.exchanges[-5:])
        result = Result("smoke", Outcome.FAILED, redaction.text(str(run.stopped)), evidence=evidence)
        results.setdefault(run.stopped.requirement, []).append(result)
    verdicts = tuple(
        verdict_of(
            requirement,
            claimed=_claims(run.target, requirement),
            strict=strict,
            results=results.get(requirement.id) or _untried(run.stopped),
        )
        for requirement in load_requirements()
        if scope.holds(requirement)
    )
    stopped = redaction.text(str(run.stopped)) if run.stopped is not None else None
    return Certificate(verdicts, scope.partial, stopped, facts)


def _untried(stopped: Stopped | None) -> list[Result]:
    if stopped is None:
        return []
    return [Result("smoke", Outcome.NOT_ASSESSED, "the smoke stage stopped before it")]


def _claims(target: Target | None, requirement: Requirement) -> bool:
    return (
        requirement.conformance_class == "core"
        if target is None
        else target.claims(requirement.conformance_class)
    )


def _assessable(requirement: Requirement, scope: Scope, target: Target) -> bool:
    return scope.holds(requirement) and target.claims(requirement.conformance_class)


def _clean_up(ledger: Ledger, pace: Pace) -> list[str]:
    try:
        return ledger.clean_up(pace)
    except NothingAnswers:
        return ledger.remaining


def _budget(name: str) -> Budget:
    if name not in BUDGETS:
        raise WrongArgument(f"There is no budget {name!r}: the budgets are {', '.join(BUDGETS)}")
    return BUDGETS[name]


def _scope(only: Collection[str], classes: Collection[str]) -> Scope:
    requirements = load_requirements()
    known = {requirement.id for requirement in requirements}
    unknown = sorted(set(only) - known)
    if unknown:
        raise WrongArgument(
            f"There is no requirement {', '.join(unknown)}: see `common-compute spec requirements`"
        )
    names = {requirement.conformance_class for requirement in requirements}
    unknown = sorted(set(classes) - names)
    if unknown:
        raise WrongArgument(
            f"There is no class {', '.join(unknown)}: the classes are {', '.join(sorted(names))}"
        )
    return Scope(frozenset(only), frozenset(classes))


def _target_facts(url: str, target: Target | None) -> dict[str, Any]:
    if target is None:
        return {"url": url}
    return {
        "url": url,
        "facility_id": target.facility_id,
        "service_info": target.service_info,
        "facility": target.facility,
        "claimed_classes": {
            "service": sorted(target.service_classes),
            "facility": sorted(target.facility_classes),
        },
    }


def write(certificate: Certificate, folder: Path) -> Sequence[Path]:
    """Write certificate.json and junit.xml into a folder, made if it is missing; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    document = folder / "certificate.json"
    document.write_text(
        json.dumps(certificate.document(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    cases = folder / "junit.xml"
    cases.write_bytes(junit(certificate))
    return document, cases
