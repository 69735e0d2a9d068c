"""The kit as a pytest plug-in certifies as the command does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.real

PLUGIN = ("-p", "common_compute_conformance.plugin", "-p", "no:cacheprovider")


def _pytest(room: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", *PLUGIN, "--rootdir", str(room), *words]
    return subprocess.run(command, cwd=room, capture_output=True, text=True, timeout=200)


def test_some_requirements(mock: str, tmp_path: Path) -> None:
    """Each check is an item, its witnesses are in the report, and the certificate is written."""
    out = tmp_path / "out"
    words = ("--target", mock, "--target-only", "CC-JOB-017", "--target-only", "CC-RES-002")
    run = _pytest(tmp_path, *words, "--target-out", str(out), "--junitxml", str(tmp_path / "items.xml"))
    assert 0 == run.returncode, run.stdout
    assert "PARTIAL RUN, no certificate: all that was asked for passed" in run.stdout
    names = {case.get("name", "") for case in ET.parse(tmp_path / "items.xml").iter("testcase")}
    assert {"CC-JOB-017", "CC-RES-002"} == {name.partition(".")[0] for name in names}
    certificate = json.loads((out / "certificate.json").read_text())
    assert ("partial-passed", []) == (certificate["verdict"], certificate["left_behind"])


def test_a_selection(mock: str, tmp_path: Path) -> None:
    """With -k the run is partial, and judged on what was selected."""
    run = _pytest(tmp_path, "--target", mock, "-k", "CC-IDEM-001 or CC-IDEM-003")
    assert 0 == run.returncode, run.stdout
    assert "PARTIAL RUN, no certificate: all that was asked for passed" in run.stdout


def test_beside_other_tests(mock: str, tmp_path: Path) -> None:
    """The checks stand beside the tests of a project of one's own, and its failures stay failures."""
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    assert 1 == 2\n")
    run = _pytest(tmp_path, "--target", mock, "--target-only", "CC-SVC-001", "test_mine.py")
    assert 1 == run.returncode
    assert "1 failed, 1 passed" in run.stdout


def test_nothing_listens(tmp_path: Path) -> None:
    """A target at which nothing listens is a wrong use, told in one sentence."""
    run = _pytest(tmp_path, "--target", "http://127.0.0.1:1/v1")
    assert pytest.ExitCode.USAGE_ERROR == run.returncode
    assert "Nothing answers at http://127.0.0.1:1/v1" in run.stderr


def test_without_a_target(tmp_path: Path) -> None:
    """Without a target the plug-in adds nothing."""
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    pass\n")
    run = _pytest(tmp_path)
    assert (0, True) == (run.returncode, "1 passed" in run.stdout)
