"""Prove the kit: every mutant fails the requirement that it is named for, and no right server fails any."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from common_compute_conformance.requirements import load_requirements
from common_compute_mutants.houses import HOUSES
from common_compute_mutants.meeting import Meeting, Row
from common_compute_mutants.registry import Mutant, load_mutants
from common_compute_mutants.workers import hold

SEEDS = (1, 2, 3)

Progress = Callable[[Row], None]


class UnknownName(Exception):
    """There is no mutant, or no requirement with a mutant, of this name."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(kind, name)
        self.kind = kind
        self.name = name


def chosen(names: Collection[str] = (), requirements: Collection[str] = ()) -> list[Mutant]:
    """Return the mutants of these names and requirements; all of them if nothing is asked for.

    Raises:
        UnknownName: nothing is called like that.
    """
    mutants = load_mutants()
    for name in names:
        if name not in mutants:
            raise UnknownName("mutant", name)
    for requirement in requirements:
        if all(mutant.requirement != requirement for mutant in mutants.values()):
            raise UnknownName("requirement with a mutant", requirement)
    return [
        mutant
        for mutant in mutants.values()
        if not (names or requirements) or mutant.name in names or mutant.requirement in requirements
    ]


def share(mutants: Sequence[Mutant], number: int, shares: int) -> list[Mutant]:
    """Return one of so many shares of the mutants, every so manieth by name: a little of each area."""
    return sorted(mutants, key=lambda mutant: mutant.name)[number % shares :: shares]


def part_of_each(mutants: Iterable[Mutant], number: int, parts: int) -> list[Mutant]:
    """Return one of so many parts of every requirement's mutants, at least one of each requirement's."""
    of_requirement: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        of_requirement.setdefault(mutant.requirement, []).append(mutant)
    return [
        mutant
        for alike in of_requirement.values()
        for mutant in alike[number % min(parts, len(alike)) :: parts]
    ]


def against_mutants(
    mutants: Iterable[Mutant], seeds: Iterable[int], *, budget: str | None = None
) -> list[Meeting]:
    """Plan the meetings with mutants: each with its requirement alone, or whole within a budget."""
    return [
        Meeting(mutant.house, seed, mutant, mutant.requirement, (mutant.requirement,))
        if budget is None
        else Meeting(mutant.house, seed, mutant, mutant.requirement, budget=budget)
        for seed in seeds
        for mutant in mutants
    ]


def against_right_servers(seeds: Iterable[int], *, budget: str = "quick") -> list[Meeting]:
    """Plan the whole meetings with the right servers."""
    return [Meeting(house, seed, budget=budget) for seed in seeds for house in HOUSES]


def against_their_right_servers(mutants: Collection[Mutant], seeds: Iterable[int]) -> list[Meeting]:
    """Plan meetings with the right servers of these mutants, about the same requirements only."""
    wanted = {
        house: tuple(sorted({mutant.requirement for mutant in mutants if mutant.house == house}))
        for house in HOUSES
    }
    return [Meeting(house, seed, only=only) for seed in seeds for house, only in wanted.items() if only]


@dataclass(frozen=True)
class Selftest:
    """The rows of all meetings, those with mutants in the mutants' order."""

    mutants: tuple[Row, ...]
    right: tuple[Row, ...]

    @property
    def killed(self) -> int:
        """How many mutants failed the requirement that they are named for."""
        return sum(row.as_it_should_be for row in self.mutants)

    @property
    def false_positives(self) -> int:
        """How many runs of right servers found something."""
        return sum(not row.as_it_should_be for row in self.right)

    @property
    def fine(self) -> bool:
        """Tell whether all mutants were killed, and no right server was."""
        return self.killed == len(self.mutants) and not self.false_positives

    @property
    def summary(self) -> str:
        """The closing line."""
        return (
            f"killed {self.killed} of {len(self.mutants)}, "
            f"false positives {self.false_positives} in {len(self.right)} runs of right servers"
        )

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "fine": self.fine,
            "killed": self.killed,
            "of": len(self.mutants),
            "false_positives": self.false_positives,
            "runs_of_right_servers": len(self.right),
            "mutants": [row.document() for row in self.mutants],
            "right_servers": [row.document() for row in self.right],
        }


def run(
    meetings: Sequence[Meeting], *, jobs: int | None = None, progress: Progress | None = None
) -> Selftest:
    """Hold these meetings in worker processes, two to a core unless `jobs` says how many.

    Whole meetings come first, so that none of them is waited for at the end.
    """
    order = sorted(range(len(meetings)), key=lambda number: bool(meetings[number].only))
    rows: dict[Meeting, Row] = {}
    with closing(hold([meetings[number] for number in order], jobs or _at_once())) as held:
        for row in held:
            rows[row.meeting] = row
            if progress is not None:
                progress(row)
    found = [rows[meeting] for meeting in meetings]
    return Selftest(
        tuple(row for row in found if row.meeting.expected is not None),
        tuple(row for row in found if row.meeting.expected is None),
    )


def _at_once() -> int:
    # Half of a meeting's time is waiting: for a job's end, for the disk.
    return 2 * (os.cpu_count() or 1)


def without_a_mutant() -> list[str]:
    """Return the MUSTs that are verified over HTTP and have no mutant."""
    proven = {mutant.requirement for mutant in load_mutants().values()}
    return [
        requirement.id
        for requirement in load_requirements()
        if requirement.level == "MUST" and requirement.verified_by == "http" and requirement.id not in proven
    ]
