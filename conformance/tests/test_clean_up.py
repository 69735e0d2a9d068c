"""A certification leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import httpx
import pytest

from common_compute_conformance.runner import certify

pytestmark = pytest.mark.real


def _jobs(url: str) -> set[str]:
    return {each["id"] for each in httpx.get(f"{url}/jobs?page_size=1000", trust_env=False).json()["jobs"]}


def test_a_whole_run(mock: str) -> None:
    """A right server is certified, and after it has the jobs that it had before."""
    before = _jobs(mock)
    certificate = certify(mock, seed=7, patience=60, strict=True)
    red = {verdict.requirement.id: verdict.message for verdict in certificate.verdicts if not verdict.fine}
    assert {} == red
    assert ("certified", []) == (certificate.verdict, certificate.facts["left_behind"])
    assert before == _jobs(mock)
    passed = [verdict for verdict in certificate.verdicts if verdict.outcome.value == "passed"]
    assert all(any(result.witnesses for result in verdict.results) for verdict in passed)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run(mock: str, ending: signal.Signals) -> None:
    """A run that a signal ends releases what it made, and says so."""
    before = _jobs(mock)
    run = subprocess.Popen(
        [sys.executable, "-m", "common_compute_conformance", mock, "--patience", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        if len(_jobs(mock) - before) > 3:
            break
        time.sleep(0.05)
    assert len(_jobs(mock) - before) > 3, "the run submitted nothing"
    run.send_signal(ending)
    _, told = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Interrupted" in told
    assert before == _jobs(mock)
