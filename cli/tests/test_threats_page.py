"""The page of threats names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = sorted(set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", (ROOT / "docs" / "threats.md").read_text())))
ROOMS = ("cli", "conformance", "examples", "mocks", "proposal", "reference_impl")


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    """Give the files of tests by their names, which are unique."""
    return {file.name: file for room in ROOMS for file in (ROOT / room).glob("**/test_*.py")}


def test_every_threat_has_a_test() -> None:
    """Each line of a table names at least one."""
    lines = (ROOT / "docs" / "threats.md").read_text().splitlines()
    threats = [line for line in lines if line.startswith("|") and not line.startswith(("|---", "| threat"))]
    assert len(threats) > 20
    assert [] == [line for line in threats if not re.search(r"`test_\w+\.py::test_\w+`", line)]


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_is_there(files: dict[str, Path], file: str, name: str) -> None:
    """A test that the page names is in the file that it names."""
    assert re.search(rf"^(async )?def {name}\(", files[file].read_text(), re.MULTILINE)
