"""Jobs that are meant to be cancelled do not end by themselves before that."""

from __future__ import annotations

import pytest

from common_compute_conformance import specimens
from common_compute_conformance.budget import QUICK
from common_compute_conformance.contract import load_contract
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
