"""The mocks as they are served, certified in the normal budget."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from served import PROGRAM

from common_compute_cli.client import Client

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(1200)]

RECORDS = Path(__file__).parents[2] / "docs" / "certificates"


def _enrol(url: str, token: str, facility: str) -> None:
    """Set up a caller's credential, and wait until the mock has done the caller's part."""
    with Client(url, token) as client:
        client.put_credential(facility, {})
        for _ in range(100):
            if client.get_credential(facility)["state"] == "valid":
                return
            threading.Event().wait(0.1)
        raise AssertionError(client.get_credential(facility))


@pytest.mark.parametrize("flavour", ["rosetta", "dirac"])
def test_the_normal_budget_certifies_it(flavour: str, tmp_path: Path) -> None:
    """A mock keeps the contract for two callers with tokens; the certificate is kept."""
    command = [PROGRAM, "mock", "--flavour", flavour, "--bearer", "--json", "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            told = json.loads(process.stdout.readline())
            mine, theirs = told["tokens"].values()
            for token in (mine, theirs):
                _enrol(told["url"], token, flavour)
            tokens = ["--token", mine, "--other-token", theirs]
            command = [PROGRAM, "certify", told["url"], *tokens, "--budget", "normal", "--out", tmp_path]
            done = subprocess.run(command, capture_output=True, text=True)
        finally:
            process.stdin.close()
    assert 0 == done.returncode, done.stdout + done.stderr
    RECORDS.mkdir(exist_ok=True)
    shutil.copy(tmp_path / "certificate.json", RECORDS / f"mock_{flavour}.json")
