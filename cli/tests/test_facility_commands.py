"""`facility up|down|status`: what has no scripts, or no right to run them, is told in a sentence."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from common_compute_cli import facilities
from common_compute_cli.__main__ import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder, in which the program looks for facilities."""
    monkeypatch.setattr(facilities, "FOLDER", tmp_path)
    return tmp_path


def echoing(folder: Path, name: str, exit_code: int = 0) -> None:
    """Make a facility whose script tells what it was asked."""
    script = folder / name / "facility"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\necho "$@"\nexit {exit_code}\n', encoding="utf-8")
    script.chmod(0o755)


@pytest.mark.parametrize("command", ["up", "down", "status"])
def test_without_the_scripts_it_says_where_they_are(
    command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An installation without the sources' scripts brings up nothing, and says what does."""
    assert 2 == run(["facility", command, "slurm"])
    assert "get the sources of Common Compute" in capsys.readouterr().err


def test_an_unknown_facility_is_answered_with_the_known_ones(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong name is answered with the names that there are."""
    echoing(folder, "slurm")
    echoing(folder, "dirac")
    assert 2 == run(["facility", "up", "slrum"])
    assert "There is no facility 'slrum' to bring up: there is dirac, slurm." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["up", "slurm"], "up"),
        (["up", "slurm", "--directory", "/x y"], "up --directory /x y"),
        (["down", "slurm"], "down"),
        (["down", "slurm", "--purge", "--directory", "d"], "down --directory d --purge"),
        (["status", "slurm"], "status"),
        (["status", "slurm", "--json"], "status --json"),
    ],
)
def test_the_script_is_asked_what_the_command_was(
    arguments: list[str], asked: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each command asks the script for the same, and what it says and its exit code are the command's."""
    echoing(folder, "slurm", exit_code=1)
    assert 1 == run(["facility", *arguments])
    assert f"{asked}\n" == capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["frobnicate"], {}, "facility up"),
        (["up", "--purge"], {}, "facility down [--purge]"),
        (["check"], {"COMMON_COMPUTE_SLURM_CGROUPS": "v3"}, "COMMON_COMPUTE_SLURM_CGROUPS is 'v3'"),
        (["check"], {"COMMON_COMPUTE_SLURM_FIRST_PORT": "ssh"}, "COMMON_COMPUTE_SLURM_FIRST_PORT is 'ssh'"),
        (["check", "--directory", "/a b"], {}, "'/a b' is no absolute path of letters"),
    ],
)
@pytest.mark.real
@pytest.mark.needs("slurm")
def test_the_script_refuses_what_it_cannot_do(
    arguments: list[str], variables: dict[str, str], words: str
) -> None:
    """A word or a setting that cannot be used is refused with exit code 2, and what can be is said."""
    script = Path(__file__).parents[2] / "facilities" / "slurm" / "facility"
    refused = subprocess.run(
        [script, *arguments], env={"PATH": "/usr/bin:/bin", **variables}, stderr=subprocess.PIPE, text=True
    )
    assert (2, True) == (refused.returncode, words in refused.stderr), refused.stderr
