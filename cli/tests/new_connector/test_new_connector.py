"""`common-compute new-connector`: the project that it writes runs at once, and is red for one reason that it names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common_compute_cli.__main__ import run
from common_compute_cli.new_connector.project import NAME, project

UNFINISHED = "CC-JOB-018"


def stand_against(report: str) -> list[str]:
    """Give the ids of what stands against a certificate, out of the report of a certification."""
    return re.findall(r"^(?:E +)?(?:FAILED|ERROR|NOT-ASSESSED) (CC-\w+-\d+)", report, re.MULTILINE)


def finish(new: Any) -> None:
    """Make the two changes that the project's README shows as differences: what to mend, and what to claim."""
    blocks = re.findall(r"```diff\n(.*?)```", (new.folder / "README.md").read_text(), re.DOTALL)
    for module, block in zip(("states.py", "describe.py"), blocks, strict=True):
        lines = block.splitlines(keepends=True)
        before, after = ("".join(line[1:] for line in lines if line.startswith(sign)) for sign in "-+")
        text = (new.package / module).read_text()
        assert 1 == text.count(before)
        (new.package / module).write_text(text.replace(before, after))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "cannot be a connector's name"),
        ("Bees", "cannot be a connector's name"),
        ("9bees", "cannot be a connector's name"),
        ("bee_hive", "cannot be a connector's name"),
        ("bee--hive", "cannot be a connector's name"),
        ("bees-", "cannot be a connector's name"),
        ("../bees", "cannot be a connector's name"),
        ("bienenstöcke", "cannot be a connector's name"),
        ("b" * 41, "at most 40 characters"),
        ("internal", "There is a connector 'internal' already: take another name than dirac, internal, mock"),
    ],
)
def test_a_name_that_will_not_do_is_told(
    name: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A wrong or taken name is told in one sentence, with exit code 2, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    assert 2 == run(["new-connector", name])
    told = capsys.readouterr().err
    assert words in told
    assert (1, []) == (told.count("\n"), list(tmp_path.iterdir()))


def test_what_is_there_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with something in it, a file in its place and a place that cannot be are told, and left alone."""
    full, file = tmp_path / "full", tmp_path / "file"
    full.mkdir()
    (full / "README.md").write_text("mine")
    file.write_text("mine")
    for out, words in (
        (full, f"{full} is there already"),
        (file, f"{file} is there already"),
        (file / "below", f"{file / 'below'} cannot be written (Not a directory)"),
    ):
        assert 2 == run(["new-connector", "bees", "--out", str(out)])
        assert words in capsys.readouterr().err
    assert [("mine", "mine")] == [((full / "README.md").read_text(), file.read_text())]
    assert [full / "README.md"] == list(full.iterdir())


def test_it_lies_in_this_folder_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --out the project is NAME-connector here, also if that folder is there and empty."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bee-hive-connector").mkdir()
    assert 0 == run(["new-connector", "bee-hive"])
    written = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert {f"bee-hive-connector/{path}" for path in project("bee-hive")} == written
    assert "cd bee-hive-connector\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["bees", "bee-hive-2"])
def test_every_file_is_what_its_name_says(name: str) -> None:
    """No placeholder is left, Python is Python, TOML is TOML, and the entry point is where it says."""
    assert NAME.fullmatch(name)
    texts = project(name)
    package = f"{name.replace('-', '_')}_connector"
    assert {"README.md", ".gitignore", "pyproject.toml", "facility.toml"} < set(texts)
    for path, text in texts.items():
        assert not re.search(r"\$(name|package)|\$\{(name|package)", text), path
        if path.endswith(".py"):
            compile(text, path, "exec")
    tables = {path: tomllib.loads(text) for path, text in texts.items() if path.endswith(".toml")}
    points = tables["pyproject.toml"]["project"]["entry-points"]["common_compute.connectors"]
    assert {name: f"{package}.connector:open_connector"} == points
    assert "def open_connector(" in texts[f"{package}/connector.py"]
    assert [name] == [facility["connector"] for facility in tables["facility.toml"]["facility"]]


def test_its_readme_names_every_module_and_no_other_file() -> None:
    """The table of files in the README is the list of files, but for those that speak for themselves."""
    texts = project("bees")
    table = texts["README.md"].partition("## What is where")[2]
    silent = {"README.md", ".gitignore", "pyproject.toml", "bees_connector/__init__.py"}
    assert sorted(set(texts) - silent) == sorted(re.findall(r"^\| `([^`]+)`", table, re.MULTILINE))


@pytest.mark.real
def test_its_code_is_as_clean_as_ours(new_project: Callable[[str], Any]) -> None:
    """What is written passes ruff and mypy as strictly as this repository does."""
    new = new_project("bees")
    settings = str(Path(__file__).parents[3] / "pyproject.toml")
    for arguments in (
        ("ruff", "format", "--config", settings, "--check", "."),
        ("ruff", "check", "--config", settings, "--no-cache", "."),
        ("mypy", "--config-file=", "--strict", "-p", "bees_connector"),
    ):
        done = new.python(*arguments)
        assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.real
def test_its_configuration_is_in_order_and_a_wrong_one_is_told(new_project: Callable[[str], Any]) -> None:
    """`config check` finds facility.toml in order, and tells every fault of the connector's own settings."""
    new = new_project("bees")
    done = new.program("config", "check", "facility.toml")
    assert (0, "facility.toml is in order; its facilities: bees\n") == (done.returncode, done.stdout)
    file = new.folder / "facility.toml"
    file.write_text(file.read_text().replace("root = ", "rot = "))
    done = new.program("config", "check", "facility.toml")
    assert 2 == done.returncode
    assert "there is no setting 'rot'" in done.stderr
    assert "`root` must be given" in done.stderr


@pytest.mark.real
@pytest.mark.timeout(600)  # three certifications
def test_it_is_red_for_the_reason_that_it_names_and_green_after_the_change(
    new_project: Callable[[str], Any], serve: Callable[[Any], Any]
) -> None:
    """Untouched, only CC-JOB-018 stands against its certificate; with the README's changes its own test passes."""
    new = new_project("bees")
    red = new.python("pytest", "-q", "-p", "no:cacheprovider")
    assert (1, [UNFINISHED]) == (red.returncode, stand_against(red.stdout)), red.stdout + red.stderr
    only = new.program("certify", serve(new).url, "--only", UNFINISHED)
    assert (1, [UNFINISHED]) == (only.returncode, stand_against(only.stdout)), only.stdout + only.stderr
    assert f"--only {UNFINISHED}" in (new.folder / "README.md").read_text()
    finish(new)
    green = new.python("pytest", "-q", "-p", "no:cacheprovider")
    assert 0 == green.returncode, green.stdout + green.stderr
