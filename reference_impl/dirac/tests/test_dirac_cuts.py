"""Exactly one submission for each accepted job, whatever is cut: the whole way from a client's POST to DIRAC.

`cuts/` is a program of its own, so that a point where something went wrong can be tried again by hand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.real, pytest.mark.needs("dirac")]

CUTS = Path(__file__).parent / "cuts"
RECORD = Path(__file__).parents[3] / "docs" / "records" / "dirac_cuts.md"
SEED = os.environ.get("COMMON_COMPUTE_CUTS_SEED", "0")


def run_cuts(facility: dict[str, Any], *options: str | Path) -> str:
    """Cut as the options say; what went wrong is told with the points where it did."""
    done = subprocess.run(
        [sys.executable, CUTS, "--seed", SEED, *options],
        input=json.dumps(facility),
        capture_output=True,
        text=True,
    )
    assert 0 == done.returncode, f"{done.stdout[-5000:]}\n{done.stderr[-5000:]}"
    return done.stdout.splitlines()[-1]


@pytest.mark.timeout(900)
def test_a_sample_of_cuts_loses_nothing_and_doubles_nothing(dirac_facility: dict[str, Any]) -> None:
    """Ten submissions, each cut at one of all points: every task ran once, and DIRAC has each job once."""
    assert f"10 cuts, 0 lost, 0 twice, seed {SEED}" == run_cuts(dirac_facility, "--sample", "10")


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_no_cut_at_any_point_loses_or_doubles_a_job(dirac_facility: dict[str, Any]) -> None:
    """The same at every point, at least a hundred cuts, whose dated record is kept."""
    last = run_cuts(dirac_facility, "--all", "--record", RECORD)
    cuts, _, rest = last.partition(" ")
    assert f"cuts, 0 lost, 0 twice, seed {SEED}" == rest
    assert int(cuts) >= 100
