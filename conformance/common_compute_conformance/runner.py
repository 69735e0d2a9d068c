"""Certify a target, check by check."""

from __future__ import annotations

from collections.abc import Callable, Collection

from common_compute_conformance.budget import QUICK
from common_compute_conformance.certificate import Certificate
from common_compute_conformance.certification import Assignment, Certification
from common_compute_conformance.outcome import RED, Result
from common_compute_conformance.requirements import Requirement

Progress = Callable[[Requirement, Result], None]


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
    fail_fast: bool = False,
    second_tries: bool = True,
    progress: Progress | None = None,
) -> Certificate:
    """Certify the target at `url`, which includes the base path, as `Assignment` and `Certification` say.

    With `fail_fast` the first check that is red is the last, and what comes after it is not assessed. Without
    `second_tries` a check that failed once has failed: nobody learns whether it is flaky.

    Raises:
        NothingAnswers: no HTTP server answers at `url`.
        WrongArgument: what was asked for names nothing that is there.
    """
    certification = Certification(
        Assignment(
            url=url,
            token=token,
            other_token=other_token,
            facility=facility,
            only=only,
            classes=classes,
            strict=strict,
            seed=seed,
            budget=budget,
            patience=patience,
        ),
        second_tries=second_tries,
    )
    try:
        _run(certification, progress, fail_fast=fail_fast)
    finally:
        certification.end()
    return certification.certificate()


def _run(certification: Certification, progress: Progress | None, *, fail_fast: bool) -> None:
    checks = certification.begin()
    for number in range(certification.rounds if checks else 0):
        certification.begin_round(number)
        for check in checks:
            result = certification.assess(check)
            if progress is not None:
                progress(certification.requirement_of(check), result)
            if fail_fast and result.outcome in RED:
                return
