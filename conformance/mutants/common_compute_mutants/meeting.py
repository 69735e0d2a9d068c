"""Let the kit meet one server, a mutant or a right one, and tell what it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common_compute_conformance.budget import QUICK
from common_compute_conformance.certificate import Certificate
from common_compute_conformance.outcome import Outcome
from common_compute_conformance.runner import certify
from common_compute_mutants.houses import running
from common_compute_mutants.registry import Mutant

_PATIENCE_SECONDS = 12.0
"""For the first job, which takes a fraction of a second here: who waits longer waits in vain."""


@dataclass(frozen=True)
class Meeting:
    """One run of the kit: against which server, with which seed and budget, and what has to turn red.

    `only` names the requirements that are met, all if it is empty; a mutant that meets its own alone is left
    at the first check that it fails, without a second try. Without `expected` nothing may turn red.
    """

    house: str
    seed: int
    mutant: Mutant | None = None
    expected: str | None = None
    only: tuple[str, ...] = ()
    budget: str = QUICK.name

    @property
    def name(self) -> str:
        """The name of the mutant, or of the house of a right server."""
        return self.mutant.name if self.mutant is not None else self.house


@dataclass(frozen=True)
class Row:
    """What came of a meeting.

    `observed` is the outcome of the requirement that had to turn red, or the verdict on a right server; `red`
    are the requirements that count and are not fine, with `message` about the one that matters.
    """

    meeting: Meeting
    observed: str
    red: tuple[str, ...] = ()
    message: str = ""
    seconds: float = 0.0

    @property
    def as_it_should_be(self) -> bool:
        """Tell whether the mutant failed the requirement that it is named for, or the right server none."""
        if self.meeting.expected is not None:
            return self.observed == Outcome.FAILED
        return self.observed in ("certified", "partial-passed")

    def document(self) -> dict[str, Any]:
        """Return the row as JSON."""
        meeting = self.meeting
        return {
            "server": meeting.name,
            "house": meeting.house,
            "seed": meeting.seed,
            "budget": meeting.budget,
            "met": list(meeting.only) or "all",
            **({"wrong": meeting.mutant.wrong} if meeting.mutant is not None else {}),
            **({"expected": meeting.expected} if meeting.expected is not None else {}),
            "observed": self.observed,
            "red": list(self.red),
            "message": self.message,
            "seconds": round(self.seconds, 3),
            "as_it_should_be": self.as_it_should_be,
        }


def meet(meeting: Meeting) -> Row:
    """Run the server, hold the kit against it, and return what came of it, whatever happens."""
    alone = meeting.expected is not None and bool(meeting.only)
    try:
        with running(meeting.house, meeting.mutant) as house:
            certificate = certify(
                house.url,
                token=house.token,
                other_token=house.other_token,
                only=meeting.only,
                budget=meeting.budget,
                seed=meeting.seed,
                patience=_PATIENCE_SECONDS,
                fail_fast=alone,
                second_tries=not alone,
            )
    except Exception as error:  # noqa: BLE001 (one that breaks the kit is told, and the others are met)
        return Row(meeting, "broke", message=f"{type(error).__name__}: {error}")
    if house.troubles:
        return Row(meeting, "broke", message=f"the mutant itself broke: {house.troubles[0]}")
    return _row(meeting, certificate)


def _row(meeting: Meeting, certificate: Certificate) -> Row:
    verdicts = {verdict.requirement.id: verdict for verdict in certificate.verdicts}
    red = tuple(name for name, verdict in verdicts.items() if not verdict.fine)
    seconds = float(certificate.facts["seconds"])
    if meeting.expected is not None:
        verdict = verdicts[meeting.expected]
        return Row(meeting, verdict.outcome.value, red, verdict.message, seconds)
    if certificate.stopped is not None or red:
        told = [f"{name} {verdicts[name].outcome.value}: {verdicts[name].message}" for name in red]
        return Row(meeting, "refused", red, certificate.stopped or "; ".join(told), seconds)
    # What was asked for may not apply to a right server at all: that is no false positive.
    return Row(meeting, "partial-passed" if certificate.partial else certificate.verdict, seconds=seconds)
