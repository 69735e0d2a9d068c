"""The scenarios of jobs: each does what its summary says, in both flavours, by steps that the contract allows."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector.jobs import State, Task, advance, conclude
from common_compute_connector.protocol import Part, Refused
from common_compute_mocks import flavours
from common_compute_mocks.endings import announced
from common_compute_mocks.scenarios import LABEL, catalogue

TELLS = [name for name, each in catalogue().items() if not each.refused and name != "forgotten"]


@pytest.mark.parametrize("name", TELLS)
def test_every_scenario_steps_as_the_contract_says(bench: Any, name: str) -> None:
    """Whatever happens, the ground takes every observation over, and every reason is one that was announced."""
    codes = flavours.load(bench.flavour).facility["reason_codes"]
    outcome = bench.offer(bench.spec("sleep", "1", scenario=name))
    if isinstance(outcome, Refused):
        assert outcome.reason.code in codes
        return
    part = Part(outcome.key, "anna", 0, 1, outcome.handle)
    task, created = Task(0), bench.clock.now()
    while task.ending is None:
        seen = bench.observe(part)
        if seen is not None:
            told = seen.tasks[0]
            task = advance(task, told, bench.clock.now(), created)
            assert told.attempt == task.attempt
            assert told.state == (task.ending.state if task.ending else task.state)
        change = bench.connector.next_change(bench.clock.now())
        assert change is not None or task.ending is not None
        bench.clock.advance((change - bench.clock.now()).total_seconds() if change else 0)
    assert task.ending.reason is None or task.ending.reason.code in codes
    assert conclude(task, (), ()).state.terminal


def test_every_ready_scenario_has_a_test() -> None:
    """A scenario cannot be added to the catalogue without a test that bears its name."""
    texts = (path.read_text() for path in Path(__file__).parent.glob("test_mock_scenario*.py"))
    tested = {name for text in texts for name in re.findall(r"^def test_(\w+)\(", text, re.MULTILINE)}
    assert [] == [name for name in catalogue() if name not in tested]


def ended(bench: Any, *command: str, scenario: str, **members: Any) -> Any:
    """Let a job come to its end, and give its last look and what came home."""
    spec = bench.spec(*(command or ("sleep", "1")), scenario=scenario, **members)
    part = bench.submit(spec, f"job-{command}")
    end = bench.end(part)
    return end, bench.home(part, spec)


def cause(end: Any) -> tuple[Any, ...]:
    return (end.state, end.reason and end.reason.code, end.exit_code, end.signal)


def test_succeeds(bench: Any) -> None:
    """`succeeds` leaves the command as it is: what is known is worked out, what is not has plausible outputs."""
    known, _ = ended(bench, "/bin/sh", "-c", "exit 5", scenario="succeeds")
    assert 5 == known.exit_code
    outputs = [{"path": "out.csv"}]
    unknown, home = ended(bench, "python", "fit.py", scenario="succeeds", outputs=outputs)
    assert (State.SUCCEEDED, None, 0, None) == cause(unknown)
    assert (True, ["out.csv"]) == (home.logs["stdout"].startswith(b"python fit.py\n"), list(home.files))


def test_slow_queue(bench: Any) -> None:
    """`slow_queue` waits half a minute, where the facility's jobs wait, and then runs as usual."""
    part = bench.submit(bench.spec("true", scenario="slow_queue"))
    bench.clock.advance(29)
    waiting = {"rosetta": "PENDING", "dirac": "Waiting"}[bench.flavour]
    assert (State.QUEUED, waiting) == (bench.see(part).state, bench.see(part).native.state)
    assert State.SUCCEEDED == bench.end(part).state


def test_long_run(bench: Any) -> None:
    """`long_run` takes five minutes and prints a line every two seconds, whatever the command is."""
    spec = bench.spec("/bin/sh", "-c", "exit 9", scenario="long_run", outputs=[{"path": "image.fits"}])
    part = bench.submit(spec)
    bench.clock.advance(290)
    assert State.RUNNING == bench.see(part).state
    assert State.SUCCEEDED == bench.end(part).state
    home = bench.home(part, spec)
    lines = home.logs["stdout"].decode().splitlines()
    assert "step 1 of 150: /bin/sh -c 'exit 9'" == lines[0]
    assert [f"step {n} of 150" for n in range(1, 151)] == [line.partition(":")[0] for line in lines[:-1]]
    assert home.files["image.fits"].startswith(b"SIMPLE  =")


def test_the_log_of_a_long_run_grows(rosetta: Any) -> None:
    """Where logs are live, that of a long run has one line more every two seconds."""
    part = rosetta.submit(rosetta.spec("true", scenario="long_run"))
    rosetta.until(part, "RUNNING")
    counts = []
    for _ in range(4):
        rosetta.clock.advance(2)
        counts.append(rosetta.log(part).count(b"\n"))
    assert [1, 2, 3, 4] == counts
    assert rosetta.log(part) == rosetta.log(part, "stdout", 0, 9) + rosetta.log(part, "stdout", 9)


def test_fails(bench: Any) -> None:
    """`fails` exits with 3 although the command would not, and keeps what it wrote."""
    script = "echo text; echo kept > f"
    end, home = ended(bench, "/bin/sh", "-c", script, scenario="fails", outputs=[{"path": "f"}])
    assert (State.FAILED, "exit-nonzero", 3, None) == cause(end)
    assert (b"text\n", {"f": b"kept\n"}) == (home.logs["stdout"], home.files)


def test_killed(bench: Any) -> None:
    """`killed` cuts the command off, and the signal is told; DIRAC itself knows nothing of it."""
    end, home = ended(bench, "/bin/sh", "-c", "echo begun; sleep 9; echo never", scenario="killed")
    assert (State.FAILED, "signal", None, 9) == cause(end)
    words = {"rosetta": ("FAILED", "ExitCode 137:0, NonZeroExitCode"), "dirac": ("Done", "Requests done")}
    assert words[bench.flavour] == (end.native.state, end.native.detail)
    assert b"begun\n" == home.logs["stdout"]


def test_out_of_memory(bench: Any) -> None:
    """`out_of_memory` is Slurm's verdict; from DIRAC comes home that the command was killed."""
    end, home = ended(bench, "/bin/sh", "-c", "echo begun; sleep 9; echo never", scenario="out_of_memory")
    told = {"rosetta": "out-of-memory", "dirac": "signal"}[bench.flavour]
    assert (State.FAILED, told, None, 9) == cause(end)
    assert {"rosetta": "OUT_OF_MEMORY", "dirac": "Done"}[bench.flavour] == end.native.state
    assert b"begun\n" == home.logs["stdout"]


def test_wall_time(bench: Any) -> None:
    """`wall_time` ends the command after two seconds; Slurm has words for that, and shows by which signal."""
    end, home = ended(
        bench, "/bin/sh", "-c", "echo 0; sleep 1; echo 1; sleep 9; echo 10", scenario="wall_time"
    )
    signal = {"rosetta": 15, "dirac": None}[bench.flavour]
    assert (State.FAILED, "wall-time-exceeded", None, signal) == cause(end)
    assert 2 == (end.finished_at - end.started_at).total_seconds()
    words = {"rosetta": "ExitCode 143:0, TimeLimit", "dirac": "Requests done"}[bench.flavour]
    assert words == end.native.detail
    assert b"0\n1\n" == home.logs["stdout"]


def test_image_unavailable(bench: Any) -> None:
    """`image_unavailable` runs nothing: there is no image to give to Slurm, or no software at a grid's site."""
    if bench.flavour == "rosetta":
        outcome = bench.offer(bench.spec("echo", "ran", scenario="image_unavailable"))
        assert isinstance(outcome, Refused)
        assert "image-unavailable" == outcome.reason.code
        return
    end, home = ended(bench, "echo", "ran", scenario="image_unavailable")
    assert (State.FAILED, "software-unavailable", None, None) == cause(end)
    assert {"stdout": b"", "stderr": b""} == home.logs


def test_submission_rejected(bench: Any) -> None:
    """`submission_rejected` is refused for good, in the facility's own words."""
    outcome = bench.offer(bench.spec("true", scenario="submission_rejected"))
    assert isinstance(outcome, Refused)
    assert "submission-rejected" == outcome.reason.code
    words = {"rosetta": "Batch job submission failed", "dirac": "Invalid job specification"}[bench.flavour]
    assert words in outcome.reason.detail


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


def test_node_failure(bench: Any) -> None:
    """`node_failure` is the facility's verdict, and what the command wrote before is kept."""
    end, home = ended(bench, "/bin/sh", "-c", "echo begun; sleep 9", scenario="node_failure")
    assert (State.FAILED, "node-failure", None, None) == cause(end)
    assert {"rosetta": "NODE_FAIL", "dirac": "Failed"}[bench.flavour] == end.native.state
    assert (1, b"begun\n") == (end.attempt, home.logs["stdout"])


def test_some_tasks_fail(bench: Any) -> None:
    """`some_tasks_fail` lets tasks 1, 4, 7 of an array exit with 3, and no other."""
    part = bench.submit(bench.spec("true", scenario="some_tasks_fail", array={"count": 9}))
    bench.clock.advance(10)
    failed = {seen.index: seen.exit_code for seen in bench.observe(part).tasks if seen.state is State.FAILED}
    assert {1: 3, 4: 3, 7: 3} == failed
    alone = bench.submit(bench.spec("true", scenario="some_tasks_fail"), "job-2")
    assert State.SUCCEEDED == bench.end(alone).state


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


def test_forgotten(bench: Any) -> None:
    """`forgotten` is known for a second, and then the facility answers that it is not."""
    part = bench.submit(bench.spec("true", scenario="forgotten"))
    bench.clock.advance(0.99)
    assert State.QUEUED == bench.see(part).state
    bench.clock.advance(0.01)
    assert (False, []) == (bench.observe(part).known, list(bench.observe(part).tasks))
    bench.clock.advance(60)
    assert not bench.observe(part).known


OUTPUTS = [{"path": "fit.json"}, {"path": "plots/*.png"}]


def test_results_lost(bench: Any) -> None:
    """`results_lost` gives logs alone, and names each result that is gone."""
    end, home = ended(bench, "ctapipe-process", scenario="results_lost", outputs=OUTPUTS)
    assert (State.SUCCEEDED, {}) == (end.state, home.files)
    assert b"ctapipe-process\n" == home.logs["stdout"][:16]
    lost = ["fit.json is no longer there", "plots/output.png is no longer there"]
    assert [f"the result {words}" for words in lost] == list(home.lost)


def test_logs_lost(bench: Any) -> None:
    """`logs_lost` gives results alone, and says that both logs are gone."""
    end, home = ended(bench, "ctapipe-process", scenario="logs_lost", outputs=OUTPUTS)
    assert (State.SUCCEEDED, {}) == (end.state, home.logs)
    assert ["fit.json", "plots/output.png"] == list(home.files)
    assert ["the log stdout is no longer there", "the log stderr is no longer there"] == list(home.lost)


def test_output_missing(bench: Any) -> None:
    """`output_missing` gives logs and no file, and nothing is said to be lost."""
    end, home = ended(bench, "ctapipe-process", scenario="output_missing", outputs=OUTPUTS)
    assert (State.SUCCEEDED, {}, ()) == (end.state, home.files, home.lost)
    assert b"" != home.logs["stdout"]


def test_non_ascii_names(bench: Any) -> None:
    """`non_ascii_names` prints many scripts, and names in them the files whose names the job leaves open."""
    outputs = [{"path": "*.csv"}, {"path": "größe.txt"}, {"path": "**"}]
    end, home = ended(bench, "echo", "é", scenario="non_ascii_names", outputs=outputs)
    assert State.SUCCEEDED == end.state
    names = ["größe.txt", "Größe μ данные 数据 🔭", "Größe μ данные 数据 🔭.csv"]
    assert sorted(names) == sorted(home.files)
    lines = home.logs["stdout"].decode().splitlines()
    assert "Schritt 1/4: Größe ½″, данные, 数据, 🔭 (echo 'é')" == lines[0]
    assert f"wrote {names[2]}" in lines


def test_cancel_loses_race(bench: Any) -> None:
    """`cancel_loses_race` goes on after a cancel, in the queue as on a node, and succeeds."""
    spec = bench.spec("true", scenario="cancel_loses_race", outputs=[{"path": "f.txt"}])
    part = bench.submit(spec)
    bench.cancel(part)
    bench.clock.advance(15)
    assert State.RUNNING == bench.see(part).state
    bench.cancel(part)
    assert (State.SUCCEEDED, None, 0, None) == cause(bench.end(part))
    assert ["f.txt"] == list(bench.home(part, spec).files)


def test_slow_cancel(bench: Any) -> None:
    """`slow_cancel` shows a running task for twenty seconds after the cancel, and then that it is cancelled."""
    part = bench.submit(bench.spec("true", scenario="slow_cancel"))
    bench.clock.advance(60)
    bench.cancel(part)
    bench.clock.advance(19.5)
    bench.cancel(part)
    assert State.RUNNING == bench.see(part).state
    bench.clock.advance(1)
    signal = {"rosetta": 15, "dirac": None}[bench.flavour]
    assert (State.CANCELLED, "cancelled-by-user", None, signal) == cause(bench.see(part))


def test_an_end_before_a_slow_cancel_wins(bench: Any) -> None:
    """A task that ends before its facility heeds a cancel ends by its own way."""
    part = bench.submit(bench.spec("true", scenario="slow_cancel"))
    bench.clock.advance(590)
    bench.cancel(part)
    assert (State.SUCCEEDED, None, 0, None) == cause(bench.end(part))


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


def test_a_cause_that_is_not_announced_is_told_as_another() -> None:
    """A facility tells a cause by a code that it announces: the nearest one, or that it does not know."""
    dirac = flavours.load("dirac")
    causes = ("wall-time-exceeded", "preempted", "software-unavailable", "quota-exceeded")
    told = ["wall-time-exceeded", "node-failure", "software-unavailable", "quota-exceeded"]
    assert told == [announced(dirac, cause) for cause in causes]


def test_the_label_is_one_that_the_contract_allows() -> None:
    """The label's key is a legal key of labels, and each scenario's name a legal value."""
    assert "mock.scenario" == LABEL
    assert all(0 < len(name) <= 255 and name.isascii() for name in catalogue())
