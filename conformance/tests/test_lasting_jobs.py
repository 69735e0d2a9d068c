"""Jobs that are meant to be cancelled do not end by themselves before that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from common_compute_conformance import specimens
from common_compute_conformance.budget import QUICK
from common_compute_conformance.contract import load_contract
from common_compute_conformance.ledger import Ledger
from common_compute_conformance.pace import Pace
from common_compute_conformance.specimens import Occasion
from common_compute_conformance.specimens.lasting import lasting_seconds
from common_compute_conformance.target import Target

# Seconds of a job, the grace of the facility, and what a lasting job outlasts.
PACES = [(0.2, None, 299), (20.0, None, 260), (90.0, None, 600), (20.0, 1800, 2060)]


def _occasion(job_seconds: float, grace: int | None) -> Occasion:
    facility = {
        "id": "x",
        "conforms_to": ["core", "software"],
        "limits": {} if grace is None else {"cancel_grace_seconds": grace},
        "resources": {"wall_time_seconds": {"support": "enforced", "default": 60, "max": 86400}},
        "probe": {"installed": {"name": "posix-shell"}},
    }
    pace = Pace(seed=1)
    pace.saw_job_take(job_seconds)
    return Occasion(Target("http://x/v1", {}, facility, load_contract()), pace, QUICK, "run")


@pytest.mark.parametrize(("job_seconds", "grace", "least"), PACES)
def test_a_lasting_job_outlives_the_wait_for_its_end(
    job_seconds: float, grace: int | None, least: int
) -> None:
    """A slow facility may take its time to cancel: the job has to be there still, whatever comes in vain."""
    occasion = _occasion(job_seconds, grace)
    lasting = lasting_seconds(occasion)
    assert lasting > least
    assert lasting > occasion.pace.cancel_patience + (grace or 0)
    occasion.pace.waited_in_vain()
    assert lasting == lasting_seconds(occasion)


@pytest.mark.parametrize(("job_seconds", "grace", "least"), PACES)
def test_its_wall_time_leaves_it_alone(job_seconds: float, grace: int | None, least: int) -> None:
    """A job that sleeps for longer than the facility's default asks for more."""
    occasion = _occasion(job_seconds, grace)
    body = specimens.write("silent", occasion)
    assert int(body["command"][-1]) >= least
    assert body["resources"]["wall_time_seconds"] > int(body["command"][-1])


class _SlowToEnd:
    """A caller whose job is alive until it was cancelled and a while went by."""

    def __init__(self, pace: _Held, seconds: float) -> None:
        self._pace = pace
        self._seconds = seconds
        self._cancelled: float | None = None

    def call(self, operation_id: str, *, job_id: str) -> Any:
        del job_id
        if operation_id == "cancel_job":
            self._cancelled = self._pace.now()
            return SimpleNamespace(status=202)
        over = self._cancelled is not None and self._pace.now() >= self._cancelled + self._seconds
        return SimpleNamespace(status=204 if over else 409)


class _Held(Pace):
    """A pace whose time passes only while it sleeps."""

    passed = 0.0

    def now(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


@pytest.mark.parametrize(("grace", "left"), [(0, ["x"]), (1800, [])])
def test_clean_up_waits_as_long_as_the_facility_says(grace: int, left: list[str]) -> None:
    """A facility that announces its grace is given it before a job is told as left behind."""
    pace, ledger = _Held(seed=1), Ledger()
    ledger.made("x", _SlowToEnd(pace, 1500))
    assert left == ledger.clean_up(pace, grace)
