"""Certify a target as part of a pytest session: `pytest -p common_compute_conformance.plugin --target URL`.

Each check is an item of its own, called by the id of its requirement, so that `-k CC-JOB-017`, `-x`,
`--junitxml` and the rest of pytest work on it; with some of them deselected the run is partial. What does not
decide (a SHOULD without `--target-strict`) is an expected failure. The tokens come from the environment,
COMMON_COMPUTE_TOKEN and COMMON_COMPUTE_OTHER_TOKEN.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from common_compute_conformance.budget import BUDGETS, QUICK
from common_compute_conformance.certificate import Certificate
from common_compute_conformance.certification import Assignment, Certification
from common_compute_conformance.errors import ConformanceError
from common_compute_conformance.hints import load_hints
from common_compute_conformance.outcome import RED, Outcome, Result
from common_compute_conformance.registry import Check
from common_compute_conformance.reporting.publication import write
from common_compute_conformance.reporting.report import report

_CERTIFICATION = pytest.StashKey[Certification]()
_ROUND = pytest.StashKey[int]()
_LEFT_OUT = pytest.StashKey[set[str]]()
_CERTIFICATE = pytest.StashKey[Certificate]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what the command line of the kit has."""
    group = parser.getgroup("common-compute", "certifying a server of the Common Compute API")
    group.addoption("--target", metavar="URL", help="the server's base URL, such as http://localhost:8080/v1")
    group.addoption("--target-facility", metavar="ID", help="the facility to run jobs at")
    group.addoption("--target-class", action="append", default=[], metavar="CLASS")
    group.addoption("--target-only", action="append", default=[], metavar="CC-AREA-NNN")
    group.addoption("--target-strict", action="store_true", help="let each SHOULD decide like a MUST")
    group.addoption("--target-seed", type=int, help="repeat what another run drew")
    group.addoption("--target-budget", choices=list(BUDGETS), default=QUICK.name)
    group.addoption("--target-patience", type=float, default=600.0, metavar="SECONDS")
    group.addoption("--target-out", type=Path, metavar="DIR", help="write the certificate and its page there")


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add the checks of the target to what was collected."""
    options = session.config.option
    if options.target is None:
        return
    try:
        certification = Certification(
            Assignment(
                url=options.target,
                token=os.environ.get("COMMON_COMPUTE_TOKEN"),
                other_token=os.environ.get("COMMON_COMPUTE_OTHER_TOKEN"),
                facility=options.target_facility,
                only=options.target_only,
                classes=options.target_class,
                strict=options.target_strict,
                seed=options.target_seed,
                budget=options.target_budget,
                patience=options.target_patience,
            )
        )
    except ConformanceError as error:
        raise pytest.UsageError(str(error)) from error
    try:
        checks = certification.begin()
    except ConformanceError as error:
        certification.end()
        raise pytest.UsageError(str(error)) from error
    session.stash[_CERTIFICATION] = certification
    items += CheckCollector.from_parent(session, name="common-compute", certification=certification).items(
        checks
    )


@pytest.hookimpl(tryfirst=True)
def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Let a run from which checks were taken be a partial one, about what is left."""
    for item in items:
        if isinstance(item, CheckItem):
            item.session.stash.setdefault(_LEFT_OUT, set()).add(item.requirement)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Clean up on the target; a server that is not certified fails the session, whatever its items said."""
    certification = session.stash.get(_CERTIFICATION, None)
    if certification is None:
        return
    if session.stash.get(_LEFT_OUT, None):
        certification.narrow({item.requirement for item in session.items if isinstance(item, CheckItem)})
    certification.end()
    certificate = session.stash[_CERTIFICATE] = certification.certificate()
    if session.config.option.target_out is not None:
        write(certificate, session.config.option.target_out)
    nothing_else = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    if nothing_else and certificate.exit_code and not session.config.option.collectonly:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the verdict."""
    session = terminalreporter._session
    certificate = session.stash.get(_CERTIFICATE, None) if session is not None else None
    if certificate is not None:
        terminalreporter.section("Common Compute")
        terminalreporter.write(report(certificate))


class CheckCollector(pytest.Collector):
    """The checks of one target."""

    def __init__(self, *, certification: Certification, **words: Any) -> None:
        super().__init__(**words)
        self.certification = certification

    def collect(self) -> list[pytest.Item]:
        """Give nothing: the items are made when the target was met."""
        return []

    def items(self, checks: list[Check]) -> list[pytest.Item]:
        """Make an item for each check and round."""
        if not checks:
            return [SmokeItem.from_parent(self, name="smoke", certification=self.certification)]
        return list(self._items(checks))

    def _items(self, checks: list[Check]) -> Iterator[pytest.Item]:
        for number in range(self.certification.rounds):
            again = f"[{number + 1}]" if number else ""
            for check in checks:
                name = f"{check.requirement}.{check.name}{again}"
                yield CheckItem.from_parent(
                    self, name=name, certification=self.certification, check=check, number=number
                )


class NotPassed(Exception):
    """Tell what a check found."""


class SmokeItem(pytest.Item):
    """Stands for all checks where the smoke stage stopped before them."""

    def __init__(self, *, certification: Certification, **words: Any) -> None:
        super().__init__(**words)
        self._certification = certification

    def runtest(self) -> None:
        """Tell why it stopped."""
        stopped = self._certification.certificate().stopped
        raise NotPassed(stopped or "there is nothing to check")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Tell it without a trace."""
        del style
        return str(excinfo.value)

    def reportinfo(self) -> tuple[str, None, str]:
        """Name the target."""
        return self._certification.assignment.url, None, "smoke"


class CheckItem(pytest.Item):
    """One check in one round."""

    def __init__(self, *, certification: Certification, check: Check, number: int, **words: Any) -> None:
        super().__init__(**words)
        self._certification = certification
        self._check = check
        self._round = number
        self.requirement = check.requirement

    def runtest(self) -> None:
        """Run the check and tell its outcome in pytest's words."""
        begun = self.session.stash.get(_ROUND, -1)
        if begun != self._round:
            self._certification.begin_round(self._round)
            self.session.stash[_ROUND] = self._round
        result = self._certification.assess(self._check)
        self.add_report_section("call", "witnesses", "\n".join(result.witnesses))
        if result.outcome is Outcome.NOT_APPLICABLE:
            pytest.skip(result.message)
        if result.outcome in RED or result.outcome is Outcome.NOT_ASSESSED:
            self._tell(result)

    def _tell(self, result: Result) -> None:
        requirement = self._certification.requirement_of(self._check)
        if requirement.level != "MUST" and not self._certification.assignment.strict:
            pytest.xfail(f"{requirement.level} {requirement.id}: {result.message}")
        lines = [
            f"{result.outcome.value.upper()} {requirement.id} {requirement.level}",
            requirement.sentence,
            f"-> {result.message}",
        ]
        if hint := load_hints().get(requirement.id):
            lines.append(f"Where to look: {hint}")
        if result.reproduce:
            lines += ["To see it again:", result.reproduce]
        raise NotPassed("\n".join(lines))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Tell what was found without a trace of the kit."""
        if isinstance(excinfo.value, NotPassed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, None, str]:
        """Name the target, the requirement and the check."""
        return self._certification.assignment.url, None, self.name
