"""The guide for those who write clients: its Python runs as it stands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "mocks.md"


def _blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def test_the_tests_of_the_guide_pass(tmp_path: Path) -> None:
    """Whoever copies the block of tests into a file has two tests that pass."""
    (block,) = (block for block in _blocks("python") if "def test_" in block)
    (tmp_path / "test_guide.py").write_text(block)
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_guide.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert 0 == done.returncode, done.stdout
    assert "2 passed" in done.stdout


def test_the_program_of_the_guide_runs() -> None:
    """The block without pytest is a program that runs."""
    (block,) = (block for block in _blocks("python") if "def test_" not in block)
    done = subprocess.run([sys.executable, "-W", "error", "-c", block], capture_output=True, text=True)
    assert (0, "") == (done.returncode, done.stderr)


def test_the_options_of_the_guide_are_those_of_the_command() -> None:
    """The guide names no option that `common-compute mock` lacks."""
    program = Path(sys.executable).with_name("common-compute")
    told = subprocess.run([program, "mock", "--help"], capture_output=True, text=True, env={"COLUMNS": "200"})
    named = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", GUIDE.read_text(encoding="utf-8"))) - {"--help"}
    assert not {option for option in named if option not in told.stdout}


def test_the_json_of_the_guide_is_json() -> None:
    """What is shown as a job can be sent."""
    assert all(json.loads(block) for block in _blocks("json"))
