"""Hold a body that is right against validate_job, so that no job has to be run to see that it is accepted."""

from __future__ import annotations

from typing import Any

from common_compute_conformance.trial import Trial


def accepted(trial: Trial, body: dict[str, Any], what: str) -> None:
    """Go on if the body is valid; a service without the class `validation` is not asked.

    What validate_job says is what submit_job does: that is a requirement of its own, CC-VAL-021.
    """
    if not trial.target.claims("validation"):
        return
    verdict = trial.client.call("validate_job", body=body).expect(200).document()
    trial.require(verdict["valid"] is True, f"{what} is refused: {str(verdict['errors'])[:500]}")
    trial.witness(f"{what} is accepted")
