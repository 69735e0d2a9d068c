"""The guide for those who write clients names what there is; its blocks run with those of the other pages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "mocks.md"


def test_the_options_of_the_guide_are_those_of_the_command() -> None:
    """The guide names no option that `common-compute mock` lacks."""
    program = Path(sys.executable).with_name("common-compute")
    told = subprocess.run([program, "mock", "--help"], capture_output=True, text=True, env={"COLUMNS": "200"})
    named = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", GUIDE.read_text(encoding="utf-8"))) - {"--help"}
    assert not {option for option in named if option not in told.stdout}
