"""The page for platforms' authors: its blocks run in their order, as a reader would run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

PAGE = Path(__file__).parents[2] / "docs" / "platforms.md"


def blocks(language: str) -> list[str]:
    """Give the page's blocks in one language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Serve the mock that the page begins with."""
    (command,) = re.findall(r"common-compute (mock .*) --port \d+", "".join(blocks("text")))
    program = [sys.executable, "-m", "common_compute_cli", *command.split(), "--json", "--until-stdin-closes"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
        process.stdin.close()


def run(program: list[str | Path], url: str, room: Path) -> str:
    """Run a program where the page's blocks find what they need, and give what it prints."""
    environment = {**os.environ, "COMMON_COMPUTE_URL": url, "JOURNAL": str(room / "journal")}
    done = subprocess.run(program, env=environment, cwd=room, capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def test_the_python_of_the_page(url: str, tmp_path: Path) -> None:
    """One after the other, the blocks submit, survive a crash, wait, fetch and release; what they assert holds."""
    (tmp_path / "page.py").write_text("\n".join(blocks("python")))
    run([sys.executable, tmp_path / "page.py"], url, tmp_path)
    assert 1 == len((tmp_path / "journal").read_text().splitlines())


@pytest.mark.needs("node")
def test_the_javascript_of_the_page(url: str, tmp_path: Path) -> None:
    """The block for browsers submits, waits and reads the log."""
    (block,) = blocks("js")
    (tmp_path / "page.mjs").write_text(block)
    assert "hello\n" == run(["node", tmp_path / "page.mjs"], url, tmp_path)
