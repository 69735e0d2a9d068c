"""Hold a refused submission against what the contract says of refusals, for all checks of validation."""

from __future__ import annotations

from enum import Enum
from typing import Any

from common_compute_conformance.contract import Document
from common_compute_conformance.trial import Trial


class Near(Enum):
    """How near to the expected member a pointer has to be."""

    EXACTLY = "that member"
    AROUND = "that member or one that encloses it"
    AROUND_OR_WITHIN = "that member, one that encloses it or one inside it"

    def fits(self, pointer: object, wanted: str) -> bool:
        """Tell whether a pointer is near enough."""
        if self is Near.EXACTLY:
            return pointer == wanted
        if encloses(pointer, wanted):
            return True
        return self is Near.AROUND_OR_WITHIN and encloses(wanted, str(pointer))


def step(name: str) -> str:
    """Return a member's name as it stands in a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def encloses(pointer: object, wanted: str) -> bool:
    """Tell whether a JSON pointer names `wanted` or a member that encloses it."""
    return isinstance(pointer, str) and (wanted == pointer or wanted.startswith(pointer + "/"))


def refused(
    trial: Trial, body: Any, *codes: str, pointer: str | None = None, what: str = "", near: Near = Near.AROUND
) -> Document:
    """Submit a body that is to be refused with 422, and return the problem.

    `codes` are those that will do; with `pointer` an error must name that member, or one as `near` to it.
    """
    exchange = trial.client.call("submit_job", body=body)
    trial.require(exchange.status != 201, f"{what or 'a faulty body'} was accepted with 201")
    problem = exchange.problem(422, *codes)
    if pointer is not None:
        pointers = [error.get("pointer") for error in problem.get("errors", [])]
        fits = any(near.fits(each, pointer) for each in pointers)
        trial.require(
            fits, f"{what or exchange}: no error points to {pointer or 'the body'}, but to {pointers}"
        )
    return problem
