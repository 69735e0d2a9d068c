"""Register mutants under the requirement that each has to turn red."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from common_compute_mutants.exchange import Twist

AREAS = (
    "service",
    "conventions",
    "parameters",
    "paging",
    "facilities",
    "probes",
    "problems",
    "routes",
    "bodies",
    "faults",
    "order",
    "shape",
    "values",
    "labels",
    "capabilities",
    "limits",
    "asked_software",
    "array_specs",
    "validate",
    "submission",
    "execution",
    "surroundings",
    "inputs",
    "endings",
    "signals",
    "software",
    "lives",
    "terminal",
    "tags",
    "watching",
    "cancelling",
    "releasing",
    "listing",
    "filters",
    "task_lists",
    "arrays",
    "placeholders",
    "results",
    "outputs",
    "patterns",
    "manifests",
    "ranges",
    "logs",
    "live_logs",
    "idempotency",
    "equality",
    "keys",
    "access",
    "isolation",
    "credentials",
    "credential_needs",
    "staging",
)

Wrap = Callable[[Any], Any]


@dataclass(frozen=True)
class Mutant:
    """A server that is wrong in one way.

    `twist` changes requests or answers of the right server `house`, which then answers below the path `base`;
    `wrap` puts something between its ground and its facility. `wrong` says in one sentence what is wrong.
    """

    name: str
    requirement: str
    wrong: str
    house: str
    twist: Twist | None = None
    wrap: Wrap | None = None
    base: str = "/v1"


MUTANTS: dict[str, Mutant] = {}


def _register(mutant: Mutant) -> None:
    if mutant.name in MUTANTS:
        raise ValueError(f"two mutants are called {mutant.name}")
    if not mutant.wrong:
        raise ValueError(f"the mutant {mutant.name} does not say what is wrong")
    MUTANTS[mutant.name] = mutant


def _sentence(thing: Any) -> str:
    return " ".join((thing.__doc__ or "").split())


def twists(requirement: str, house: str = "rosetta", *, base: str = "/v1") -> Callable[[Twist], Twist]:
    """Register the decorated function, which changes what passes between client and server."""

    def register(twist: Any) -> Twist:
        _register(Mutant(twist.__name__, requirement, _sentence(twist), house, twist=twist, base=base))
        return twist  # type: ignore[no-any-return]

    return register


def wraps(requirement: str, house: str = "rosetta") -> Callable[[type], type]:
    """Register the decorated class, which stands between the ground and the facility."""

    def register(wrap: type) -> type:
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in wrap.__name__)
        _register(Mutant(name.lstrip("_"), requirement, _sentence(wrap), house, wrap=wrap))
        return wrap

    return register


def load_mutants() -> dict[str, Mutant]:
    """Import all areas, and return what they registered, by name."""
    for area in AREAS:
        import_module(f"common_compute_mutants.{area}")
    return MUTANTS
