"""The kit assesses every requirement that it is for, and nothing that is none."""

from __future__ import annotations

import inspect

from common_compute_conformance import specimens
from common_compute_conformance.registry import AREAS, load_checks
from common_compute_conformance.requirements import load_requirements


def test_every_requirement_has_a_check_or_a_reason() -> None:
    """Every requirement has a check, or says why it cannot be tested from outside."""
    assessed = {check.requirement for check in load_checks().checks}
    excused = {each.id for each in load_requirements() if each.verified_by != "http" and each.why}
    assert set() == {each.id for each in load_requirements()} - assessed - excused


def test_every_check_has_a_requirement() -> None:
    """No check assesses an id that the contract does not have, or that is not verified over HTTP."""
    known = {each.id for each in load_requirements() if each.verified_by == "http"}
    assert set() == {check.requirement for check in load_checks().checks} - known


def test_checks_begin_with_their_id() -> None:
    """A check's docstring begins with the id of its requirement."""
    wrong = [
        check.name for check in load_checks().checks if not check.law.startswith(f"{check.requirement}: ")
    ]
    assert [] == wrong


def test_checks_name_specimens_that_exist() -> None:
    """A check names only specimens that can be written."""
    named = {name for check in load_checks().checks for name in check.specimens}
    assert set() == named - specimens.names()


def test_checks_run_area_by_area() -> None:
    """Checks run in the order of the areas, whichever area imports another."""
    areas = [AREAS.index(check.area) for check in load_checks().checks]
    assert sorted(areas) == areas


def test_lasting_jobs_come_late() -> None:
    """No check before the area `running` starts a job that lasts: a facility with one place would stand still."""
    early = AREAS[: AREAS.index("running")]
    lasting = [
        check.name
        for check in load_checks().checks
        if check.area in early
        and any(f'"{name}"' in inspect.getsource(check.function) for name in specimens.LASTING)
    ]
    assert [] == lasting
