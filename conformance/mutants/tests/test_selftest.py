"""The selftest tells what it should: survivors, false positives, servers that break it."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from common_compute_cli.__main__ import run as command
from common_compute_mutants import registry, selftest
from common_compute_mutants.facility import BetweenGroundAndFacility
from common_compute_mutants.meeting import Meeting, Row
from common_compute_mutants.registry import Mutant
from common_compute_mutants.workers import hold

REQUIREMENT = "CC-SVC-008"
KILLED = "leave_out_the_version"
TWIST = """
import os

async def change_nothing(request, forward):
    return await forward(request)

async def end_the_process(request, forward):
    os._exit(3)

async def break_itself(request, forward):
    return (await forward(request)).json()["jobs"]
"""

Making = Callable[[str], Mutant]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Making:
    """Give a function that makes a mutant of a twist, where processes of the selftest find it, too."""
    (tmp_path / "twists_of_a_test.py").write_text(TWIST, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("twists_of_a_test")
    monkeypatch.delitem(sys.modules, "twists_of_a_test")

    def make(name: str) -> Mutant:
        registry.load_mutants()
        monkeypatch.setitem(sys.modules, "twists_of_a_test", module)
        mutant = Mutant(name, REQUIREMENT, "Made for a test.", "rosetta", twist=getattr(module, name))
        monkeypatch.setitem(registry.MUTANTS, name, mutant)
        return mutant

    return make


def _meetings(*mutants: Mutant) -> list[Meeting]:
    return selftest.against_mutants(mutants, [1])


@pytest.mark.real
def test_a_survivor_is_told(made: Making, capsys: pytest.CaptureFixture[str]) -> None:
    """A mutant that is not wrong survives, and the exit code is 1."""
    made("change_nothing")
    code = command(["selftest", "--mutant", "change_nothing", "--mutant", KILLED, "--seed", "1", "--json"])
    told = json.loads(capsys.readouterr().out)
    outcomes = {row["server"]: (row["observed"], row["as_it_should_be"]) for row in told["mutants"]}
    assert {"change_nothing": ("passed", False), KILLED: ("failed", True)} == outcomes
    assert (1, False, 1, 2, 0) == (code, told["fine"], told["killed"], told["of"], told["false_positives"])


@pytest.mark.real
def test_a_killed_mutant_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Where every mutant dies and the right server is clean, the table says so, and the exit code is 0."""
    code = command(["selftest", "--mutant", KILLED, "--seed", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert (0, [KILLED, REQUIREMENT, "failed", "1"]) == (code, lines[1].split()[:4])
    assert "killed 1 of 1, false positives 0 in 1 runs of right servers" == lines[-1]


@pytest.mark.real
def test_a_false_positive_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A right server at which something turns red makes the exit code 1."""
    wrong = registry.load_mutants()[KILLED]
    disguised = [Meeting("rosetta", 1, wrong, only=(REQUIREMENT,))]
    monkeypatch.setattr(selftest, "against_their_right_servers", lambda *_: disguised)
    code = command(["selftest", "--mutant", KILLED, "--seed", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert (1, "killed 1 of 1, false positives 1 in 1 runs of right servers") == (code, lines[-1])


@pytest.mark.real
def test_what_is_between_breaks_nothing(made: Making) -> None:
    """A twist that changes nothing and a connector that hands everything on are clean in a whole run."""
    wrapped = Mutant("hand_on", REQUIREMENT, "Made for a test.", "rosetta", wrap=BetweenGroundAndFacility)
    found = selftest.run([Meeting("rosetta", 1, mutant) for mutant in (made("change_nothing"), wrapped)])
    assert {} == {row.meeting.name: row.message for row in found.right if not row.as_it_should_be}
    assert 2 == len(found.right)


@pytest.mark.real
def test_a_process_that_ends_is_replaced(made: Making) -> None:
    """A mutant that takes its process along is told as such, and the next one is met all the same."""
    meetings = _meetings(made("end_the_process"), registry.MUTANTS[KILLED])
    rows = {row.meeting.name: row for row in hold(meetings, 1)}
    assert {"end_the_process": "broke", KILLED: "failed"} == {
        name: row.observed for name, row in rows.items()
    }
    assert "the process ended" in rows["end_the_process"].message


@pytest.mark.real
def test_a_mutant_that_breaks_itself_is_no_kill(made: Making) -> None:
    """A mutant whose own code breaks is told as such: the kit has found no fault of a server."""
    (row,) = hold(_meetings(made("break_itself")), 1)
    assert ("broke", False) == (row.observed, row.as_it_should_be)
    assert "the mutant itself broke: KeyError: 'jobs', at GET /service-info" == row.message


@pytest.mark.real
def test_a_meeting_without_an_end_is_ended() -> None:
    """A meeting that takes longer than it may is told as such."""
    meetings = _meetings(registry.load_mutants()[KILLED])
    assert ["broke"] == [row.observed for row in hold(meetings, 1, longest_seconds=0.01)]


def test_another_requirement_is_no_kill() -> None:
    """A mutant is killed by a failure of the requirement that it is named for, and by nothing less."""
    (meeting,) = _meetings(registry.load_mutants()[KILLED])
    observed = ("failed", "error", "flaky", "not-assessed", "not-applicable", "passed", "broke")
    rows = [Row(meeting, each, red=("CC-SVC-001",)) for each in observed]
    assert ["failed"] == [row.observed for row in rows if row.as_it_should_be]


def test_nothing_less_than_clean_is_clean() -> None:
    """A right server is clean if the verdict says so, and by nothing less."""
    meeting = Meeting("rosetta", 1)
    observed = ("certified", "partial-passed", "refused", "broke")
    rows = [Row(meeting, each) for each in observed]
    assert ["certified", "partial-passed"] == [row.observed for row in rows if row.as_it_should_be]


def test_a_selection_meets_its_right_servers_only() -> None:
    """Chosen mutants come with the right servers of their houses, about the same requirements."""
    mutants = selftest.chosen(requirements=["CC-FAC-008", "CC-FAC-009", REQUIREMENT])
    planned = selftest.against_their_right_servers(mutants, [1, 2])
    assert [
        ("rosetta", 1, (REQUIREMENT,)),
        ("dirac", 1, ("CC-FAC-008", "CC-FAC-009")),
        ("rosetta", 2, (REQUIREMENT,)),
        ("dirac", 2, ("CC-FAC-008", "CC-FAC-009")),
    ] == [(meeting.house, meeting.seed, meeting.only) for meeting in planned]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--mutant", "nobody"], "There is no mutant 'nobody': see common-compute selftest --list."),
        (["--requirement", "CC-SVC-003"], "There is no requirement with a mutant 'CC-SVC-003'"),
        (["--budget", "huge"], "There is no budget 'huge': there are quick, normal, thorough."),
    ],
)
def test_wrong_names_are_told(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What names nothing is said, and the exit code is 2."""
    code = command(["selftest", *arguments])
    assert (2, True) == (code, words in capsys.readouterr().err)


def test_the_list_names_every_mutant(capsys: pytest.CaptureFixture[str]) -> None:
    """--list names every mutant with its requirement, and meets none."""
    assert 0 == command(["selftest", "--list", "--json"])
    listed = {entry["mutant"]: entry["requirement"] for entry in json.loads(capsys.readouterr().out)}
    assert {name: mutant.requirement for name, mutant in registry.load_mutants().items()} == listed


def _anybody_is_left(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.real
def test_ctrl_c_ends_the_workers(tmp_path: Path) -> None:
    """Ctrl-C ends the command with 130; no process and no file of its workers is left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "common_compute_cli", "selftest", "--jobs", "2"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("common-compute-selftest-*/common-compute-mutant-*")):
            assert process.poll() is None, "the selftest ended before it met anything"
            assert time.monotonic() < deadline, "the selftest met nothing"
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        assert 130 == process.wait(timeout=60)
        assert [] == list(tmp_path.iterdir())
        while _anybody_is_left(process.pid):  # the module multiprocessing has one that ends after the others
            assert time.monotonic() < deadline, "a process of the selftest is left"
            time.sleep(0.05)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
