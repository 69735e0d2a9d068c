"""How tasks on a plain host are ended before they end by themselves: limits, cancelling, what is left behind."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from common_compute_connector.jobs import State

pytestmark = pytest.mark.real

STUBBORN = "trap '' TERM; echo $$ >>../pids; while :; do sleep 0.1; done"


def pids(directory: Path) -> list[int]:
    return [int(pid) for pid in (directory / "pids").read_text().split()]


async def written(house, run, count: int) -> list[int]:
    """Wait until so many processes have written their ids."""
    file = house.task_directory(run) / "pids"
    async with asyncio.timeout(20):
        while not file.exists() or len(file.read_text().split()) < count:
            await house.clock.sleep(0.02)
    return pids(house.task_directory(run))


async def test_wall_time_is_enforced(house):
    """A command that runs longer than its wall time is killed, also if it ignores the first signal."""
    run = await house.run("sh", "-c", f"echo begun; {STUBBORN}", resources={"wall_time_seconds": 1})
    assert (State.FAILED, "wall-time-exceeded", 9) == (run.task.state, run.task.reason.code, run.task.signal)
    assert b"begun\n" == run.stdout


async def test_a_verdict_of_the_facility_wins_over_exit_code_0(house):
    """A command that ends well when its wall time is over has failed all the same."""
    run = await house.run(
        "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done", resources={"wall_time_seconds": 1}
    )
    assert ("wall-time-exceeded", 0) == (run.task.reason.code, run.task.exit_code)


async def test_memory_of_the_whole_group_is_enforced(house):
    """The resident memory of all processes of a task together is held below what was asked for."""
    hog = "a=$(head -c 30000000 /dev/zero | tr '\\0' x); echo $$ >>../pids; sleep 60"
    script = f'sh -c "{hog.replace("$", chr(92) + "$")}" & sh -c "{hog.replace("$", chr(92) + "$")}" & wait'
    within = await house.submit(house.spec("sh", "-c", script, resources={"memory_bytes": 2_000_000_000}))
    await written(house, within, 2)
    await house.clock.sleep(0.8)
    await house.observe(within)
    assert State.RUNNING == within.task.state
    beyond = await house.run("sh", "-c", script, resources={"memory_bytes": 50_000_000})
    assert (State.FAILED, "out-of-memory") == (beyond.task.state, beyond.task.reason.code)
    await house.connector.cancel([within.live])
    await house.end(within)


async def test_limits_have_defaults_in_the_configuration(house):
    """A job without a wish gets the facility's default."""
    house.reopen(default_wall_time_seconds=1)
    assert "wall-time-exceeded" == (await house.run("sleep", "30")).task.reason.code


async def test_cancelling_ends_all_processes_of_a_task(house, is_alive):
    """Cancel ends children in the group, in other groups of the session, and those that left the session."""
    child = "sh -c 'echo $$ >>../pids; trap : TERM; while :; do sleep 0.1; done'"
    script = f"{child} & setsid {child} & set -m; {child} & env -i {child} & {STUBBORN}"
    run = await house.submit(house.spec("bash", "-c", script))
    processes = await written(house, run, 5)
    await house.connector.cancel([run.live])
    await house.end(run)
    assert (State.CANCELLED, "cancelled-by-user") == (run.task.state, run.task.reason.code)
    assert [] == [pid for pid in processes if is_alive(pid)]


async def test_cancelling_asks_before_it_kills(house):
    """A command may clean up when it is cancelled; what it writes then comes home."""
    script = (
        "trap 'echo cleaned; echo x >saved; exit 7' TERM; echo ready >../pids; while :; do sleep 0.05; done"
    )
    run = await house.submit(
        house.spec("sh", "-c", script.replace("ready", "1"), outputs=[{"path": "saved"}])
    )
    await written(house, run, 1)
    await house.connector.cancel([run.live])
    await house.collect(await house.end(run))
    assert (State.CANCELLED, 7) == (run.task.state, run.task.exit_code)
    assert (b"cleaned\n", {(0, "saved"): b"x\n"}) == (run.stdout, run.results)


async def test_a_cancelled_task_in_the_queue_never_runs(house):
    """Cancelling what waits is confirmed at once, and it never begins."""
    house.reopen(max_running=1)
    first = await house.submit(house.spec("sleep", "60"))
    await house.until(first, "running")
    mark = house.root.parent / "ran"
    spec = house.spec("sh", "-c", f"echo x >>{mark}", array={"count": 3}, outputs=[{"path": "*"}])
    waiting = await house.submit(spec, 3)
    await house.connector.cancel([waiting.live])
    await house.connector.cancel([waiting.live])
    await house.observe(waiting)
    assert [State.CANCELLED] * 3 == [seen.state for seen in waiting.seen.values()]
    await house.connector.cancel([first.live])
    await house.end(first)
    assert 0 == (await house.run("true")).task.exit_code
    assert not mark.exists()
    await house.collect(waiting)
    assert (b"", {}, [()] * 3) == (waiting.stdout, waiting.results, list(waiting.lost.values()))


async def test_single_tasks_of_an_array_can_be_cancelled(house):
    """Cancelling some tasks leaves the others alone."""
    run = await house.submit(house.spec("sleep", "0.5", array={"count": 2}), 2)
    await house.until(run, "running")
    await house.connector.cancel([type(run.live)(run.part, [1])])
    await house.end(run)
    assert [State.SUCCEEDED, State.CANCELLED] == [run.seen[index].state for index in range(2)]


async def test_what_ended_cannot_be_cancelled(house):
    """Cancelling a task that has ended changes nothing."""
    run = await house.run("true")
    await house.connector.cancel([type(run.live)(run.part, [0])])
    run.seen.clear()
    assert State.SUCCEEDED == (await house.end(run)).task.state


async def test_a_log_is_complete_before_the_end_is_told(house):
    """A task has not ended as long as something of its log is on its way."""
    run = await house.submit(house.spec("sh", "-c", "echo $$ >>../pids; sleep 0.3; echo last words"))
    await written(house, run, 1)
    copying = [pid for pid in children_of(house.lanes()) if is_copier(pid)]
    assert 2 == len(copying)
    for copier in copying:
        os.kill(copier, signal.SIGSTOP)
    await house.clock.sleep(0.8)
    await house.observe(run)
    assert State.RUNNING == run.task.state
    for copier in copying:
        os.kill(copier, signal.SIGCONT)
    await house.collect(await house.end(run))
    assert b"last words\n" == run.stdout


def children_of(parents: list[int]) -> list[int]:
    lists = [Path(f"/proc/{pid}/task/{pid}/children") for pid in parents]
    return [int(pid) for file in lists for pid in file.read_text().split()]


def is_copier(pid: int) -> bool:
    return Path(f"/proc/{pid}/comm").read_text() == "tee\n"


async def test_what_a_command_leaves_behind_ends_with_it(house, is_alive):
    """Children that outlive the command are killed, and the logs are complete without waiting for them."""
    child = "sh -c 'echo $$ >>../pids; sleep 60'"
    script = f"{child} & setsid {child} & while [ $(wc -l <../pids) -lt 2 ]; do sleep 0.02; done; echo done"
    run = await house.run("sh", "-c", f": >../pids; {script}")
    assert (State.SUCCEEDED, b"done\n") == (run.task.state, run.stdout)
    assert [] == [pid for pid in pids(house.task_directory(run)) if is_alive(pid)]


async def test_a_child_in_disguise_cannot_hold_up_the_end(house):
    """A child that left the session with an empty environment is not found, but the task ends without it."""
    script = "setsid env -i sh -c 'echo $$ >../pids; exec sleep 30' & while [ ! -s ../pids ]; do sleep 0.02; done; echo x"
    run = await house.run("sh", "-c", script)
    assert (State.SUCCEEDED, b"x\n") == (run.task.state, run.stdout)
