"""Mutants turn the requirement red that they are named for, and right servers none."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from common_compute_mutants import selftest
from common_compute_mutants.houses import HOUSES
from common_compute_mutants.meeting import Row
from common_compute_mutants.registry import Mutant, load_mutants

SHARE_VARIABLE = "COMMON_COMPUTE_SHARE"
"""Says which share of the mutants meets everything, from 0 on; without it the day of the year does."""
HALVES, SHARES, FIFTHS = 2, 290, 5


def _number(shares: int) -> int:
    told = os.environ.get(SHARE_VARIABLE)
    return (int(told) if told else datetime.now(UTC).timetuple().tm_yday) % shares


def _told(rows: tuple[Row, ...]) -> dict[str, str]:
    """Return what is not as it should be, by name."""
    return {
        row.meeting.name: f"{row.meeting.expected or 'a right server'} was {row.observed}: {row.message[:300]}"
        for row in rows
        if not row.as_it_should_be
    }


def test_every_must_over_http_has_a_mutant() -> None:
    """Each MUST that is verified over HTTP is proven by at least one mutant."""
    assert [] == selftest.without_a_mutant()


def test_mutants_say_what_is_wrong_in_one_sentence() -> None:
    """A mutant says in one sentence what is wrong, and belongs to a house that there is."""
    wordy = [
        mutant.name
        for mutant in load_mutants().values()
        if not mutant.wrong.endswith(".") or ". " in mutant.wrong or mutant.house not in HOUSES
    ]
    assert [] == wordy


@pytest.mark.parametrize("shares", [SHARES, FIFTHS])
def test_every_share_comes_in_turn(shares: int) -> None:
    """All shares together are all mutants, each of them once."""
    mutants = selftest.chosen()
    met = [each.name for number in range(shares) for each in selftest.share(mutants, number, shares)]
    assert sorted(mutant.name for mutant in mutants) == sorted(met)


def test_all_parts_of_each_requirement_are_its_mutants() -> None:
    """Each part has a mutant of every requirement, and all parts together are all mutants."""
    mutants = selftest.chosen()
    assert len(load_mutants()) == len(mutants)
    halves = [selftest.part_of_each(mutants, number, HALVES) for number in range(HALVES)]
    assert {mutant.name for mutant in mutants} == {mutant.name for half in halves for mutant in half}
    for half in halves:
        assert {mutant.requirement for mutant in mutants} == {mutant.requirement for mutant in half}
        assert len(half) == len({mutant.name for mutant in half}) < 0.6 * len(mutants)
    # The only one of its requirement is in each.
    assert [mutants[:1]] * HALVES == [
        selftest.part_of_each(mutants[:1], number, HALVES) for number in range(HALVES)
    ]


@pytest.mark.real
@pytest.mark.timeout(1500)
@pytest.mark.parametrize(
    "number", [_number(HALVES)], ids=lambda number: f"half-{number}-of-0-to-{HALVES - 1}"
)
def test_half_of_each_requirements_mutants_die_on_it(number: int) -> None:
    """Each mutant of today's half fails the checks of the requirement that it is named for."""
    assert {} == _living(selftest.part_of_each(selftest.chosen(), number, HALVES))


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1500)
def test_every_mutant_dies_on_its_requirement() -> None:
    """Each mutant fails the checks of the requirement that it is named for."""
    assert {} == _living(selftest.chosen())


def _living(mutants: list[Mutant], budget: str | None = None) -> dict[str, str]:
    """Return the mutants that live, by name.

    Some are wrong only for a moment, which a busy machine may let pass: what lived is met again with two other
    seeds, and has to die then both times.
    """
    found = selftest.run(selftest.against_mutants(mutants, selftest.SEEDS[:1], budget=budget))
    lived = set(_told(found.mutants))
    again = [mutant for mutant in mutants if mutant.name in lived]
    if not again:
        return {}
    return _told(selftest.run(selftest.against_mutants(again, selftest.SEEDS[1:], budget=budget)).mutants)


def _die_among_everything(number: int, shares: int) -> None:
    mutants = selftest.share(selftest.chosen(), number, shares)
    assert {} == _living(mutants, "quick"), f"{SHARE_VARIABLE}={number} shows it again"


@pytest.mark.real
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "number", [_number(SHARES)], ids=lambda number: f"share-{number}-of-0-to-{SHARES - 1}"
)
def test_a_share_of_the_mutants_dies_among_everything(number: int) -> None:
    """Each mutant of today's share fails the requirement that it is named for in a whole quick run."""
    _die_among_everything(number, SHARES)


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "number", [_number(FIFTHS)], ids=lambda number: f"fifth-{number}-of-0-to-{FIFTHS - 1}"
)
def test_a_fifth_of_the_mutants_dies_among_everything(number: int) -> None:
    """Each mutant of today's fifth fails the requirement that it is named for in a whole quick run."""
    _die_among_everything(number, FIFTHS)


@pytest.mark.real
def test_right_servers_are_clean() -> None:
    """A whole quick run finds nothing red, flaky or unassessed at any right server."""
    found = selftest.run(selftest.against_right_servers(selftest.SEEDS[:1]))
    assert {} == _told(found.right)
    assert len(HOUSES) == len(found.right)
