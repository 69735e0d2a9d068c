"""The scenarios: each does what its summary says, in both flavours, and steps only where the contract allows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from common_compute_connector.jobs import State, Task, advance
from common_compute_connector.protocol import Refused
from common_compute_mocks.scenarios import LABEL, catalogue, read_scenario


@pytest.mark.parametrize("name", [name for name, each in catalogue().items() if not each.refused])
def test_every_scenario_steps_as_the_contract_says(bench: Any, name: str) -> None:
    """Whatever happens, the ground takes every observation over: no step of a scenario is an illegal one."""
    part = bench.submit(bench.spec("sleep", "1", scenario=name))
    task, created = Task(0), bench.clock.now()
    for _ in range(20_000):
        seen = bench.observe(part)
        if seen is not None:
            told = seen.tasks[0]
            task = advance(task, told, bench.clock.now(), created)
            assert told.attempt == task.attempt
            assert told.state == (task.ending.state if task.ending else task.state)
            if task.ending:
                break
        bench.clock.advance(0.01)
    assert task.ending is not None


def test_fails(bench: Any) -> None:
    """`fails` exits with 3 although the command would not, and keeps what it wrote."""
    spec = bench.spec("/bin/sh", "-c", "echo text; echo kept > f", scenario="fails", outputs=[{"path": "f"}])
    part = bench.submit(spec)
    end = bench.end(part)
    assert (State.FAILED, "exit-nonzero", 3, None) == (end.state, end.reason.code, end.exit_code, end.signal)
    assert (b"text\n", {"f": b"kept\n"}) == (
        bench.home(part, spec).logs["stdout"],
        bench.home(part, spec).files,
    )


def test_killed(rosetta: Any, dirac: Any) -> None:
    """`killed` cuts the command off; Slurm tells the signal, and of DIRAC an exit code above 128 comes home."""
    ends = {}
    for bench in (rosetta, dirac):
        spec = bench.spec("/bin/sh", "-c", "echo begun; sleep 9; echo never", scenario="killed")
        part = bench.submit(spec)
        end = bench.end(part)
        ends[bench.flavour] = (end.reason.code, end.exit_code, end.signal)
        assert b"begun\n" == bench.home(part, spec).logs["stdout"]
    assert {"rosetta": ("signal", None, 9), "dirac": ("exit-nonzero", 137, None)} == ends


def test_submission_rejected(bench: Any) -> None:
    """`submission_rejected` is refused for good, in the facility's own words."""
    outcome = bench.offer(bench.spec("true", scenario="submission_rejected"))
    assert isinstance(outcome, Refused)
    assert "submission-rejected" == outcome.reason.code
    words = {"rosetta": "sbatch: error", "dirac": "Invalid job specification"}[bench.flavour]
    assert words in outcome.reason.detail


def test_slow_queue(bench: Any) -> None:
    """`slow_queue` waits half a minute and then runs as usual."""
    part = bench.submit(bench.spec("true", scenario="slow_queue"))
    bench.clock.advance(29)
    assert State.QUEUED == bench.see(part).state
    assert State.SUCCEEDED == bench.end(part).state


def test_requeue(bench: Any) -> None:
    """`requeue` falls back to the queue with attempt 2, and logs are those of the last attempt alone."""
    spec = bench.spec("/bin/sh", "-c", "echo once; sleep 0.1; echo twice", scenario="requeue")
    part = bench.submit(spec)
    life = bench.life(part)
    states = [(seen.attempt, str(seen.state)) for seen in life]
    compressed = [state for place, state in enumerate(states) if place == 0 or state != states[place - 1]]
    expected = [(1, "queued"), (1, "running"), (2, "queued"), (2, "running"), (2, "succeeded")]
    assert expected == compressed
    second_wait = next(seen for seen in life if seen.attempt == 2)
    assert second_wait.started_at is None
    assert {"rosetta": "BeginTime", "dirac": "Job Rescheduled"}[bench.flavour] == second_wait.native.detail
    assert b"once\ntwice\n" == bench.home(part, spec).logs["stdout"]


def test_lost_contact(bench: Any) -> None:
    """`lost_contact` leaves the part out of the answers for longer than it takes to turn stale, then goes on."""
    part = bench.submit(bench.spec("true", scenario="lost_contact"))
    assert bench.observe(part) is not None
    bench.clock.advance(0.3)
    assert bench.observe(part) is None
    limits = asyncio.run(bench.connector.describe())["limits"]
    bench.clock.advance(limits["stale_after_seconds"] + 2)
    assert bench.observe(part) is None
    bench.clock.advance(5)
    assert State.SUCCEEDED == bench.see(part).state


def test_an_unknown_scenario_is_rejected_with_the_known_ones(bench: Any) -> None:
    """A label that names no scenario is told at once, with those that there are."""
    outcome = bench.offer(bench.spec("true", scenario="no_such"))
    assert isinstance(outcome, Refused)
    assert all(name in outcome.reason.detail for name in ("no_such", *catalogue()))


def test_the_facility_has_a_scenario_for_jobs_without_a_label(bench: Any) -> None:
    """The configured scenario holds for jobs that choose none, and a label wins over it."""
    other = type(bench)(bench.flavour, scenario="fails")
    assert 3 == other.end(other.submit(other.spec("true"))).exit_code
    assert 0 == other.end(other.submit(other.spec("true", scenario="succeeds"), "job-2")).exit_code


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"summary": "x", "attempt": []}, "there is no attempt"),
        ({"summary": "x", "attempts": []}, "at least one attempt"),
        ({}, "summary"),
        ({"summary": "x", "attempts": [{"exit_code": 1, "signal": 2}]}, "in one way only"),
        ({"summary": "x", "attempts": [{"runs_at_most_seconds": 1}]}, "how it ends"),
        ({"summary": "x", "attempts": [{"waits": 1}]}, "waits"),
        ({"summary": "x", "silence": {"after_seconds": 1}}, "for_seconds"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(entry: dict[str, Any], complaint: str) -> None:
    """A faulty entry of a scenario file is told by its name and its fault."""
    with pytest.raises(ValueError, match=complaint) as told:
        read_scenario("odd", entry)
    assert str(told.value).startswith("odd: ")


def test_the_label_is_one_that_the_contract_allows() -> None:
    """The label's key is a legal key of labels, and each scenario's name a legal value."""
    assert "mock.scenario" == LABEL
    assert all(0 < len(name) <= 255 and name.isascii() for name in catalogue())
