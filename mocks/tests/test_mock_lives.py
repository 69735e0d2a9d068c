"""The life of a task at each mocked facility: native states, pace, determinism, restarts, cancels."""

from __future__ import annotations

from typing import Any

import pytest

from common_compute_connector.jobs import State
from common_compute_mocks import flavours

LIVES = {
    "rosetta": ["PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "COMPLETED"],
    "dirac": ["Received", "Checking", "Waiting", "Matched", "Running", "Completing", "Completed", "Done"],
}
STATES = {
    "rosetta": ["queued", "queued", "running", "running", "succeeded"],
    "dirac": ["queued", "queued", "queued", "queued", "running", "running", "running", "succeeded"],
}


def test_a_task_passes_through_the_native_states_in_their_order(bench: Any) -> None:
    """A task that succeeds shows its facility's native states, each once and in order, and ours with them."""
    life = bench.life(bench.submit(bench.spec("printf", "hello")))
    shown = [(seen.native.state, str(seen.state)) for seen in life]
    assert list(zip(LIVES[bench.flavour], STATES[bench.flavour], strict=True)) == list(dict.fromkeys(shown))
    assert {1} == {seen.attempt for seen in life}
    assert (0, None, None) == (life[-1].exit_code, life[-1].signal, life[-1].reason)


def test_times_and_places_are_told_once_they_are_there(bench: Any) -> None:
    """A task has no start before it runs, no end before it ended, and its times lie between its submission and now."""
    begin = bench.clock.now()
    life = bench.life(bench.submit(bench.spec("sleep", "2")))
    waiting = [seen for seen in life if seen.state is State.QUEUED]
    assert {(None, None, None)} == {(s.started_at, s.finished_at, s.resolved) for s in waiting}
    running = [seen for seen in life if seen.state is State.RUNNING]
    assert {None} == {seen.finished_at for seen in running}
    end = life[-1]
    assert begin < end.started_at < end.finished_at <= bench.clock.now()
    assert (end.finished_at - end.started_at).total_seconds() >= 2
    assert end.resolved.host is not None


def test_the_seed_decides_everything(bench: Any) -> None:
    """The same seed, job and time of submission give the same life; another seed gives another pace."""
    lives = []
    for seed in (7, 7, 8):
        other = type(bench)(bench.flavour, seed)
        lives.append(other.life(other.submit(other.spec("sleep", "1")), step=0.001))
    assert lives[0] == lives[1]
    assert lives[0] != lives[2]


@pytest.mark.parametrize("scenario", ["succeeds", "fails", "killed", "requeue"])
def test_a_restart_changes_nothing(bench: Any, scenario: str) -> None:
    """A connector without memory tells from the handle alone what one with memory tells."""
    spec = bench.spec("/bin/sh", "-c", "echo one; sleep 1; echo two > f; sleep 1", scenario=scenario)
    spec |= {"outputs": [{"path": "f", "required": False}]}
    other = type(bench)(bench.flavour)
    part, same = bench.submit(spec), other.submit(spec)
    assert same == part
    while not bench.see(part).state.terminal:
        other.restart()
        assert bench.see(part) == other.see(part)
        for each in (bench, other):
            each.clock.advance(0.1)
    other.restart()
    assert bench.see(part) == other.see(part)
    assert bench.home(part, spec) == other.home(part, spec)


def test_a_part_is_submitted_once(bench: Any) -> None:
    """A part that is submitted again is the one that is there, with its time and its handle."""
    spec = bench.spec("true")
    part = bench.submit(spec)
    bench.clock.advance(0.1)
    assert part == bench.submit(spec)


def test_cancelled_in_the_queue(bench: Any) -> None:
    """A task that is cancelled while it waits never runs: no start, no log, no result."""
    spec = bench.spec("/bin/sh", "-c", "echo ran > f", outputs=[{"path": "f"}])
    part = bench.submit(spec)
    bench.cancel(part)
    end = bench.end(part)
    assert (State.CANCELLED, "cancelled-by-user", None) == (end.state, end.reason.code, end.started_at)
    home = bench.home(part, spec)
    assert ({"stdout": b"", "stderr": b""}, {}) == (home.logs, home.files)


def test_cancelled_while_it_runs(bench: Any) -> None:
    """A running task that is cancelled ends soon, with what its command had written until then."""
    script = "echo started; echo part > f; sleep 60; echo never; echo whole > f"
    spec = bench.spec("/bin/sh", "-c", script, outputs=[{"path": "f"}])
    part = bench.submit(spec)
    while bench.see(part).state is not State.RUNNING:
        bench.clock.advance(0.01)
    at = bench.clock.now()
    bench.cancel(part)
    end = bench.end(part)
    assert (State.CANCELLED, "cancelled-by-user") == (end.state, end.reason.code)
    assert (bench.clock.now() - at).total_seconds() < 1
    home = bench.home(part, spec)
    assert ({"stdout": b"started\n", "stderr": b""}, {"f": b"part\n"}) == (home.logs, home.files)


def test_dirac_says_killed_before_the_process_dies(dirac: Any) -> None:
    """DIRAC sets Killed at once, and the payload goes on to the next heartbeat; Slurm ends it first."""
    script = "i=0; while [ $i -lt 100 ]; do printf x; sleep 0.1; i=$((i+1)); done"
    part = dirac.submit(dirac.spec("/bin/sh", "-c", script))
    dirac.until(part, "Running")
    dirac.clock.advance(1)
    dirac.cancel(part)
    dirac.clock.advance(0.05)
    assert ("Killed", "Marked for termination") == (
        dirac.see(part).native.state,
        dirac.see(part).native.detail,
    )
    assert len(dirac.home(part, {}).logs["stdout"]) > 12


def test_a_cancel_that_comes_too_late_changes_nothing(bench: Any) -> None:
    """A cancel after the command's end loses the race: the task ends as it would have."""
    part = bench.submit(bench.spec("/bin/sh", "-c", "exit 5"))
    bench.until(part, {"rosetta": "COMPLETING", "dirac": "Completing"}[bench.flavour])
    bench.cancel(part)
    assert (State.FAILED, 5) == (bench.end(part).state, bench.end(part).exit_code)


def test_a_cancel_is_repeated_after_a_restart(bench: Any) -> None:
    """A cancel is the one thing that a restart forgets; asked again, the facility ends the task."""
    part = bench.submit(bench.spec("sleep", "600"))
    bench.clock.advance(5)
    bench.cancel(part)
    bench.restart()
    bench.clock.advance(1)
    assert State.RUNNING == bench.see(part).state
    bench.cancel(part)
    assert State.CANCELLED == bench.end(part).state


def test_tasks_of_an_array_live_apart(bench: Any) -> None:
    """Each task of an array has its own number, pace, parameters and end; cancelling one leaves the others."""
    spec = bench.spec("/bin/sh", "-c", 'printf %s "$CC_TASK_INDEX-$P-{{P}}"; sleep $P; exit $CC_TASK_INDEX')
    spec |= {"array": {"parameters": [{"P": "0"}, {"P": "1"}, {"P": "600"}]}}
    part = bench.submit(spec)
    assert [0, 1, 2] == [seen.index for seen in bench.observe(part).tasks]
    assert 3 == len({seen.native.id for seen in bench.observe(part).tasks})
    bench.clock.advance(3)
    bench.cancel(part, 2)
    bench.clock.advance(1)
    ends = bench.observe(part).tasks
    assert [State.SUCCEEDED, State.FAILED, State.CANCELLED] == [seen.state for seen in ends]
    assert [0, 1, None] == [seen.exit_code for seen in ends]
    assert [b"0-0-0", b"1-1-1", b"2-600-600"] == [bench.home(part, spec, i).logs["stdout"] for i in range(3)]
    starts = {seen.started_at for seen in ends}
    assert 3 == len(starts)


def test_native_numbers_are_those_of_the_facility(rosetta: Any, dirac: Any) -> None:
    """Slurm calls the tasks of an array by one number and their index, DIRAC gives each a number of its own."""
    shapes = {}
    for bench in (rosetta, dirac):
        part = bench.submit(bench.spec("true", array={"count": 2}))
        shapes[bench.flavour] = [seen.native.id for seen in bench.observe(part).tasks]
    job, index = shapes["rosetta"][1].split("_")
    assert [f"{job}_0", "1"] == [shapes["rosetta"][0], index]
    assert int(shapes["dirac"][0]) + 1 == int(shapes["dirac"][1])


def test_an_unknown_part_is_unknown(bench: Any, without_handle: Any) -> None:
    """A facility that was never handed a part, or lost it before its handle was kept, says that it lacks it."""
    part = bench.submit(bench.spec("true"))
    assert part.handle == bench.connector_find(part).handle
    bench.restart()
    assert not bench.observe(without_handle(part)).known
    assert "Absent" == type(bench.connector_find(part)).__name__


def test_what_is_released_is_forgotten(bench: Any, without_handle: Any) -> None:
    """Nothing of a released part is left, and a release of an unknown one leaves nothing as well."""
    part = bench.submit(bench.spec("true"))
    bench.end(part)
    assert [part.key] == bench.release(part)
    assert not bench.observe(without_handle(part)).known
    assert [part.key] == bench.release(part)


@pytest.mark.parametrize("name", flavours.names())
def test_a_native_state_that_nobody_knows_has_no_state_of_ours(name: str) -> None:
    """An unknown native state leaves our state open; words behind a known one do not matter."""
    flavour = flavours.load(name)
    assert flavour.state_of("NO_SUCH_STATE") is None
    known = next(iter(flavour.states))
    assert flavour.states[known] == flavour.state_of(f"{known} by 1000")
