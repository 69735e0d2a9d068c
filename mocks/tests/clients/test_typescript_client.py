"""A TypeScript client of openapi-typescript and openapi-fetch, at work with a live mock."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.real, pytest.mark.needs("node", "npm")]

SOURCES = Path(__file__).with_name("typescript")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, npm_programs: Path, contract: Path) -> Path:
    """Make the types of the contract, beside the sources that use them."""
    place = tmp_path_factory.mktemp("typescript")
    shutil.copytree(SOURCES, place, dirs_exist_ok=True)
    place.joinpath("node_modules").symlink_to(npm_programs.parent)
    # By itself it takes a member with a default for one that is always there, also of a request.
    options = ["--default-non-nullable=false", "--output", "contract.ts"]
    run(place, npm_programs / "openapi-typescript", contract, *options)
    return place


def run(place: Path, *command: str | Path) -> str:
    """Run a program there, which has to end well, and give what it printed."""
    ended = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120)
    assert 0 == ended.returncode, ended.stdout + ended.stderr
    return ended.stdout


def test_it_submits_polls_pages_downloads_and_releases(
    workshop: Path, npm_programs: Path, held_mock: Any
) -> None:
    """A strictly checked program takes jobs through their whole life, with nothing but the generated types."""
    run(workshop, npm_programs / "tsc", "--project", ".")
    assert "released\n" == run(workshop, "node", "journey.js", held_mock.url, "rosetta")


def test_the_types_refuse_what_the_contract_refuses(workshop: Path, npm_programs: Path) -> None:
    """The check can fail: a member that the contract does not have, and a state that it does not know."""
    wrong = 'import type { components } from "./contract.js";\n'
    wrong += 'export const output: components["schemas"]["Output"] = { path: "a", compress: true };\n'
    wrong += 'export const state: components["schemas"]["JobState"] = "held";\n'
    workshop.joinpath("wrong.ts").write_text(wrong)
    options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext"]
    ended = subprocess.run(
        [npm_programs / "tsc", *options, "wrong.ts"],
        cwd=workshop,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ["wrong.ts(2,", "wrong.ts(3,"] == [
        line[:11] for line in ended.stdout.splitlines() if "error" in line
    ]
