"""How many mutants the kit kills, how often it finds fault with a right server, and how long it takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common_compute_mutants import selftest
from common_compute_mutants.meeting import Meeting, Row
from common_compute_mutants.registry import Mutant
from figures import Figure, Goal, Section

_ALONE = "its requirement alone"
_ALL = Goal("value", "at least", 100)
_NONE = Goal("value", "at most", 0)
_SAMPLE = 25
"""Of a normal run, which takes minutes of a core, one mutant in so many has to do."""


def measure(rounds: int) -> list[Section]:
    """Hold the kit against all mutants, alone and in whole quick runs, and against the right servers."""
    mutants = selftest.chosen()
    sample = sorted(mutants, key=lambda mutant: mutant.name)[::_SAMPLE]
    plans = {
        _ALONE: selftest.against_mutants(mutants, [1]),
        "quick": selftest.against_mutants(mutants, [1], budget="quick"),
        f"normal, one mutant in {_SAMPLE}": selftest.against_mutants(sample, [1], budget="normal"),
    }
    rows = {name: _rows(plan) for name, plan in plans.items()}
    seeds = range(1, rounds + 1)
    right = {
        budget: _rows(selftest.against_right_servers(seeds, budget=budget)) for budget in ("quick", "normal")
    }
    for found in (*rows.values(), *right.values()):
        _tell(found)
    return [
        Section(
            f"Mutants killed, of {len(mutants)} of {_requirements(mutants)} requirements",
            "% of the mutants met",
            [Figure(name, [_share(found)], goal=_ALL) for name, found in rows.items()],
        ),
        Section(
            f"Requirements red at a right server, in {rounds} runs of each",
            "in a run",
            [
                Figure(f"{budget}: {house}", [float(len(row.red)) for row in of_house], goal=_NONE)
                for budget, found in right.items()
                for house, of_house in _by_house(found).items()
            ],
        ),
        Section(
            "One run of the kit",
            "seconds",
            [
                *(
                    Figure(f"a mutant, {name}", [row.seconds for row in found])
                    for name, found in rows.items()
                ),
                *(
                    Figure(f"a right server, {budget}", [row.seconds for row in found])
                    for budget, found in right.items()
                ),
            ],
        ),
    ]


def _rows(plan: Sequence[Meeting]) -> tuple[Row, ...]:
    found = selftest.run(plan)
    return (*found.mutants, *found.right)


def _share(rows: Sequence[Row]) -> float:
    return 100 * sum(row.as_it_should_be for row in rows) / len(rows)


def _requirements(mutants: Iterable[Mutant]) -> int:
    return len({mutant.requirement for mutant in mutants})


def _by_house(rows: Iterable[Row]) -> dict[str, list[Row]]:
    houses: dict[str, list[Row]] = {}
    for row in rows:
        houses.setdefault(row.meeting.house, []).append(row)
    return houses


def _tell(rows: Iterable[Row]) -> None:
    """Name what is not as it should be: a table of medians has no place for names."""
    for row in rows:
        if not row.as_it_should_be:
            meeting = row.meeting
            expected = meeting.expected or "nothing red"
            print(f"  {meeting.name} ({meeting.budget}): expected {expected}, was {row.observed}")
