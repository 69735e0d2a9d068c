"""Register the recipes of specimens by name, and put together what they have in common."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common_compute_conformance.budget import Budget
from common_compute_conformance.pace import Pace
from common_compute_conformance.target import Target

Body = dict[str, Any]

# Jobs that go on until they are cancelled: at most one at a time, since a facility may have few places.
LASTING = frozenset({"long", "silent", "long-array"})
# Jobs that carry the label of the shelf: with it they are found in lists, and nothing else is.
SHELF = ("tour", "brim", "optional", "exit-nonzero", "output-missing")
# Jobs that arrive while a list is walked through, and so are not submitted before.
ARRIVING = ("same-1", "same-2")
# Jobs that are submitted under an Idempotency-Key.
# Two of them differ in the case of one letter.
KEYED = {"tour": "a", "brim": "A"}

_WITHOUT_LABELS = frozenset({"silent"})  # sent as bare as a body can be


@dataclass(frozen=True)
class Occasion:
    """Where, at which pace, for which budget and in which run a specimen is written."""

    target: Target
    pace: Pace
    budget: Budget
    run_name: str

    @property
    def inline_bytes(self) -> int:
        """How many bytes of inline inputs a job may have here."""
        return int(self.target.limits["max_inline_total_bytes"])

    @property
    def environment_bytes(self) -> int:
        """How many bytes of environment a job may have here."""
        return int(self.target.limits["max_environment_bytes"])

    @property
    def request_bytes(self) -> int:
        """How many bytes a body may have here."""
        return int(self.target.service_info["limits"]["max_request_bytes"])

    def most(self, resource: str, wanted: int) -> int:
        """Return so much of a resource, or as much as a job may have here if that is less."""
        limits = [self.target.resource(resource).get("max", wanted)]
        if self.target.resource("queue")["support"] != "unsupported":
            limits += [
                queue.get(f"max_{resource}", wanted)
                for queue in self.target.facility["queues"]
                if queue.get("default")
            ]
        return min(wanted, *map(int, limits))


Recipe = Callable[[Occasion], Body]
_RECIPES: dict[str, Recipe] = {}


def recipe(*names: str) -> Callable[[Recipe], Recipe]:
    """Register the decorated function as what writes the specimens of these names."""

    def register(function: Recipe) -> Recipe:
        for name in names:
            _RECIPES[name] = function
        return function

    return register


def write(name: str, occasion: Occasion) -> Body:
    """Return the body of a specimen; raises NotApplicable where the facility has no place for it.

    All but the barest carry a label with the name of this run.
    """
    body = _RECIPES[name](occasion)
    if name in _WITHOUT_LABELS:
        return body
    shelf = {"shelf": "one"} if name in SHELF else {}
    return {**body, "labels": {"run": occasion.run_name, **shelf, **body.get("labels", {})}}


def names() -> frozenset[str]:
    """Return the names of all specimens."""
    return frozenset(_RECIPES)


def inline(path: str, content: bytes, **members: Any) -> Body:
    """Return an input with its bytes in the job specification."""
    return {
        "path": path,
        "source": {"kind": "inline", "content_base64": b64encode(content).decode()},
        **members,
    }


def job(target: Target, *command: str, **members: Any) -> Body:
    """Return the smallest body for this command, and the members given."""
    return {
        "facility_id": target.facility_id,
        "software": target.software,
        "command": list(command),
        **members,
    }


def script(target: Target, text: str, *arguments: str, **members: Any) -> Body:
    """Return a body that runs a shell script."""
    return job(target, "/bin/sh", "-c", text, "sh", *arguments, **members)
