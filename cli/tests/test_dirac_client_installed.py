"""`dirac install-client`: what is in the way is told in a sentence, and what is made has DIRAC."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from common_compute_cli import dirac_client
from common_compute_cli.__main__ import run
from common_compute_cli.dirac_client import Installer, interpreter_line

Tells = Callable[..., tuple[int, str]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Tells:
    """Give the way to run the command: its exit code, and what it complains of."""

    def ask(*arguments: object) -> tuple[int, str]:
        capsys.readouterr()
        return run(["dirac", "install-client", *map(str, arguments)]), capsys.readouterr().err

    return ask


def program(path: Path, text: str) -> Path:
    """Write a program in shell."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the only directory in which programs are found, an empty one."""
    place = tmp_path / "programs"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place))
    return place


def test_a_place_with_something_in_it_is_refused(tmp_path: Path, told: Tells) -> None:
    """Nothing that somebody has there is touched, be it a directory or a file."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    for place in (tmp_path / "full", tmp_path / "full" / "thesis.tex"):
        code, words = told(place)
        assert (2, True) == (code, "is there already, and not empty: give another directory" in words)
        assert "Installing" not in words
    assert "x" == (tmp_path / "full" / "thesis.tex").read_text()


def test_a_place_that_cannot_be_made_is_told(told: Tells) -> None:
    """Where no directory can be made, it is said why."""
    code, words = told("/dev/null/dirac")
    assert (2, True) == (code, "/dev/null/dirac cannot be made (Not a directory)" in words)


def test_another_python_is_refused(tmp_path: Path, told: Tells) -> None:
    """A Python of another version, or what is none, is told with what to name instead."""
    old = program(tmp_path / "python3.9", "echo 3.9")
    code, words = told(tmp_path / "dirac", "--python", old)
    assert (2, True) == (code, f"{old} is Python 3.9: name a python3.11 with --python" in words)
    for none in (program(tmp_path / "none", "exit 1"), tmp_path / "not-there"):
        code, words = told(tmp_path / "dirac", "--python", none)
        assert (2, True) == (code, f"{none} is no Python that runs" in words)
    assert not (tmp_path / "dirac").exists()


def test_no_python_is_told(
    empty_path: Path, tmp_path: Path, told: Tells, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no Python of the version is found, it is said which package brings one."""
    monkeypatch.setattr(dirac_client, "_VERSION", (3, 99))
    code, words = told(tmp_path / "dirac")
    assert (2, True) == (code, "there is none here: install it (Debian 12: apt install python3.11)" in words)


def test_no_installer_is_told(empty_path: Path, tmp_path: Path, told: Tells) -> None:
    """Without uv, and with a Python that lacks pip, it is said what to install."""
    bare = program(tmp_path / "python3.11", 'case "$3" in *ensurepip*) exit 1 ;; esac; echo 3.11')
    code, words = told(tmp_path / "dirac", "--python", bare)
    assert (2, True) == (code, "There is nothing to install with: no program uv here" in words)
    assert "apt install python3.11-venv" in words


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(
    ("complaint", "hint"),
    [
        ("error: Failed to fetch `https://index/`", "the network, or the package index, may be the reason"),
        ("Failed to build M2Crypto==0.49: swig: not found", "apt install gcc libc6-dev swig libssl-dev"),
    ],
)
def test_a_failure_leaves_nothing_behind(
    empty_path: Path, tmp_path: Path, told: Tells, complaint: str, hint: str, there: bool
) -> None:
    """What the installer complains of last is told with what may help, and the place is as it was."""
    place = tmp_path / "dirac"
    if there:
        place.mkdir()
    uv = "\n".join(
        [
            'case "$1" in venv) for place; do :; done; /bin/mkdir -p "$place/bin"; exit 0 ;; esac',
            f"echo '{complaint}' >&2; exit 1",
        ]
    )
    program(empty_path / "uv", uv)
    python = program(tmp_path / "python3.11", "echo 3.11")
    code, words = told(place, "--python", python)
    assert 1 == code
    for word in (f"Nothing is installed in {place}: ", hint, f"  {complaint}"):
        assert word in words
    assert [] == list(place.iterdir()) if there else not place.exists()


def test_the_line_is_one_of_a_configuration(tmp_path: Path) -> None:
    """However the directory is called, TOML reads the path of its Python, from wherever it was named."""
    line = interpreter_line(tmp_path / 'a "b" \\ é')
    assert {"interpreter": str(tmp_path / 'a "b" \\ é' / "bin" / "python")} == tomllib.loads(line)
    assert tomllib.loads(interpreter_line(Path("here")))["interpreter"] == f"{Path.cwd()}/here/bin/python"


def test_pip_does_where_there_is_no_uv(tmp_path: Path) -> None:
    """Python's own modules make the environment, and nothing but the pins is asked for."""
    make, fill = Installer(Path(sys.executable), None).commands(tmp_path, Path("pins"))
    assert [sys.executable, "-m", "venv", str(tmp_path)] == make
    assert ["--no-deps", "--requirement", "pins"] == fill[-3:]


@pytest.mark.real
@pytest.mark.long
@pytest.mark.needs("dirac")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("means", ["uv", "pip"])
def test_dirac_is_there(
    dirac_facility: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, means: str
) -> None:
    """From the index, by either means, an environment is made whose Python imports DIRAC, and the line names it."""
    uv = shutil.which("uv") or str(Path(__file__).parents[2] / ".uv" / "bin" / "uv")
    monkeypatch.setenv("PATH", f"{Path(uv).parent}:/usr/bin:/bin" if means == "uv" else "/usr/bin:/bin")
    program = Path(sys.executable).with_name("common-compute")
    place = tmp_path / "dirac client"
    done = subprocess.run([program, "dirac", "install-client", place], capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr
    assert means in done.stderr.splitlines()[0].split()[-2]
    interpreter = tomllib.loads(done.stdout)["interpreter"]
    assert str(place / "bin" / "python") == interpreter
    source = "import os, sys; os.environ['DIRAC_ROOT_PATH'] = sys.argv[1]; import DIRAC; print(DIRAC.version)"
    told = subprocess.run(
        [interpreter, "-I", "-c", source, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert told.stdout.strip() in done.stderr
