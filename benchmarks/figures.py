"""What a measurement gives: the values of all rounds, what they are compared with, and the goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True)
class Goal:
    """A bound on a median; goals are shown, and no run fails on them."""

    of: Literal["value", "ratio"]
    sense: Literal["at least", "at most"]
    bound: float

    def is_met(self, reached: float) -> bool:
        """Tell whether a median keeps the bound."""
        return reached >= self.bound if self.sense == "at least" else reached <= self.bound

    def __str__(self) -> str:
        """Write it as a person would."""
        return f"{self.sense} {self.bound:g}{'x' if self.of == 'ratio' else ''}"


@dataclass(frozen=True)
class Figure:
    """One measured quantity, with one value for each round, and as many of its reference if it has one."""

    name: str
    values: Sequence[float]
    reference: Sequence[float] = ()
    goal: Goal | None = None

    @property
    def ratios(self) -> Sequence[float]:
        """Each round's value over the same round's reference; empty without a reference."""
        if not self.reference:
            return ()
        return [mine / other for mine, other in zip(self.values, self.reference, strict=True)]

    @property
    def verdict(self) -> str | None:
        """Say how the median stands to the goal; nothing if there is none."""
        if self.goal is None:
            return None
        reached = median(self.ratios if self.goal.of == "ratio" else self.values)
        return "met" if self.goal.is_met(reached) else "missed"

    def record(self) -> dict[str, Any]:
        """Give it for the JSON record."""
        members: dict[str, Any] = {"name": self.name, "value": spread(self.values)}
        if self.ratios:
            members["ratio"] = spread(self.ratios)
        if self.goal is not None:
            members |= {"goal": str(self.goal), "verdict": self.verdict}
        return members


@dataclass(frozen=True)
class Section:
    """Figures that belong into one table; `compared_with` is the name of their reference."""

    title: str
    unit: str
    figures: Sequence[Figure]
    compared_with: str = ""


def spread(values: Sequence[float]) -> dict[str, float]:
    """Give median, least and most, in four significant digits: more would be noise."""
    found = {"median": median(values), "min": min(values), "max": max(values)}
    return {name: float(f"{value:.4g}") for name, value in found.items()}
