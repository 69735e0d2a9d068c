"""A right server, for the tests that hold the kit against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a mock with the flavour of Rosetta as a process; give its base URL."""
    room: Path = tmp_path_factory.mktemp("mock")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "common_compute_cli",
            "mock",
            "--flavour",
            "rosetta",
            "--port",
            "0",
            "--json",
        ],
        cwd=room,
        env={**os.environ, "HOME": str(room), "XDG_DATA_HOME": str(room)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"the mock ended with exit code {process.wait(timeout=10)} before it was ready"
        yield json.loads(line)["url"]
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()
