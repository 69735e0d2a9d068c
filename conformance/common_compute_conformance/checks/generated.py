"""Report what requests generated from the contract found, requirement by requirement."""

from __future__ import annotations

from common_compute_conformance.contract_check import examine
from common_compute_conformance.errors import Failure
from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial

_PLAIN = ("plain",)


def _report(trial: Trial, requirement: str, otherwise: str, *operation_ids: str) -> None:
    """Tell what was found of a requirement; `otherwise` is what right answers did, for the witness."""
    found = examine(trial, requirement, operation_ids)
    if found.deviations:
        smallest = found.smallest
        trial.client.recall(smallest.exchange)
        more = len(found.deviations) - 1
        others = f", and {more} more of {found.asked} deviate" if more else ""
        raise Failure(f"{smallest}{others}", expected=smallest.expected, actual=smallest.actual)
    if not found.asked:
        trial.not_applicable("no generated request is about this here")
    trial.witness(f"{found.asked} generated requests to {', '.join(sorted(found.operations))} {otherwise}")


@check("CC-SVC-004", specimens=_PLAIN)
def generated_requests_are_answered_in_form(trial: Trial) -> None:
    """CC-SVC-004: whatever is asked, the answer has a status of its operation and a body that fits it."""
    _report(trial, "CC-SVC-004", "were answered as their operations say")
