"""What a plain host remembers: after a server's restart, after a dead watcher, after a reboot."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from common_compute_connector.errors import FacilityUnavailable, LogUnavailable
from common_compute_connector.jobs import State
from common_compute_connector.protocol import Absent, Accepted, LivePart, Part, PartKey

pytestmark = pytest.mark.real


def children(pid: int) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*/stat"):
        number = int(process.parent.name)
        try:
            parent = int(stat_fields(number)[1])
        except OSError:
            continue
        if parent == pid:
            found.append(number)
    return found


def stat_fields(pid: int) -> list[str]:
    """Give what follows a process's name in its record: its state is the first field."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def kill_all_but_nobody(pid: int) -> None:
    """Kill a process and its descendants, it first."""
    below = children(pid)
    os.kill(pid, signal.SIGKILL)
    for child in below:
        kill_all_but_nobody(child)


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


async def test_a_fresh_connector_adopts_what_runs(house):
    """Known by its key alone, a running job is found, observed to its end, and its bytes come home."""
    spec = house.spec("sh", "-c", "echo one; sleep 0.5; echo two; echo x >f; exit 5", outputs=[{"path": "f"}])
    run = await house.submit(spec)
    await house.until(run, "running")
    house.reopen()
    forgotten = Part(run.part.key, run.part.owner, 0, 1)
    (answer,) = await house.connector.find([forgotten])
    assert Accepted(run.part.key, run.part.handle) == answer
    run.part = Part(run.part.key, run.part.owner, 0, 1, answer.handle)
    await house.collect(await house.end(run))
    assert (5, b"one\ntwo\n", {(0, "f"): b"x\n"}) == (run.task.exit_code, run.stdout, run.results)


async def test_what_was_never_submitted_is_absent(house):
    """The host answers for each part, also for one of another job whose id begins alike."""
    run = await house.run("true")
    other = Part(PartKey(run.part.key.job_id[:-1], 0), "anonymous", 0, 1)
    another = Part(PartKey(run.part.key.job_id, 1), "anonymous", 0, 1)
    answers = await house.connector.find([run.part, other, another])
    assert [Accepted, Absent, Absent] == [type(answer) for answer in answers]
    (observation,) = await house.connector.observe([LivePart(other, [0])])
    assert (other.key, False) == (observation.key, observation.known)


async def test_a_command_outlives_its_killed_watcher(house):
    """kill -9 of the watcher alone: the command goes on, counts as running, and its exit code is told."""
    run = await house.submit(house.spec("sh", "-c", "sleep 0.7; echo end; exit 6"))
    await house.until(run, "running")
    for lane in house.lanes():
        os.kill(lane, signal.SIGKILL)
    await house.clock.sleep(0.1)
    await house.observe(run)
    assert State.RUNNING == run.task.state
    await house.collect(await house.end(run))
    assert (6, b"end\n") == (run.task.exit_code, run.stdout)


async def test_a_task_whose_processes_are_all_gone_is_lost(house):
    """kill -9 of watcher, reaper and command: the task fails as lost, in words, and does not run for ever."""
    run = await house.submit(house.spec("sleep", "60"))
    await house.until(run, "running")
    for lane in house.lanes():
        kill_all_but_nobody(lane)
    await house.end(run)
    assert (State.FAILED, "lost") == (run.task.state, run.task.reason.code)
    assert "nobody saw" in run.task.reason.detail
    first = run.task
    run.seen.clear()
    assert first == (await house.end(run)).task


async def test_a_lane_killed_before_the_command_began_leaves_nothing(house):
    """A lane that died once its logs' copiers were started, and before anything wrote to them, leaves no process."""
    run = await house.submit(house.spec("sleep", "60"))
    await house.until(run, "running")
    for lane in house.lanes():
        kill_all_but_nobody(lane)
    directory = house.task_directory(run)
    await house.clock.sleep(0.1)
    copier = await asyncio.create_subprocess_exec("sh", "-c", f"exec cat <{directory}/out")
    await house.clock.sleep(0.1)
    assert copier.returncode is None
    await house.end(run)
    async with asyncio.timeout(10):
        assert 0 == await copier.wait()


async def test_what_waits_behind_a_killed_watcher_runs(house):
    """The queue goes on with the next look after its lanes were killed."""
    house.reopen(max_running=1)
    running = await house.submit(house.spec("sleep", "0.4"))
    await house.until(running, "running")
    waiting = await house.submit(house.spec("true"))
    for lane in house.lanes():
        os.kill(lane, signal.SIGKILL)
    assert State.SUCCEEDED == (await house.end(waiting)).task.state
    assert State.SUCCEEDED == (await house.end(running)).task.state


async def test_a_machine_that_was_started_anew(house):
    """A task that ran when the machine went down fails as node-failure; what waited runs."""
    house.reopen(max_running=1)
    running = await house.submit(house.spec("sleep", "60"))
    await house.until(running, "running")
    waiting = await house.submit(house.spec("echo", "later"))
    for lane in house.lanes():
        kill_all_but_nobody(lane)
    # The number and the start of a living process, but of another boot.
    born = stat_fields(os.getpid())[19]
    record = house.task_directory(running) / "taken"
    record.write_text(f"another-boot {os.getpid()} {born}\n")
    (house.task_directory(running) / "start").write_text(f"{os.getpid()} {born} 1700000000.5 .\n")
    for slot in house.base.glob("lanes/[0-9]*"):
        slot.write_text(record.read_text())
    await house.end(running)
    assert (State.FAILED, "node-failure") == (running.task.state, running.task.reason.code)
    assert State.SUCCEEDED == (await house.end(waiting)).task.state


async def test_a_process_of_the_same_number_is_another_one(house):
    """A record whose process id was given to somebody else since counts as dead, and nobody is killed for it."""
    run = await house.submit(house.spec("sleep", "60"))
    await house.until(run, "running")
    for lane in house.lanes():
        kill_all_but_nobody(lane)
    boot = boot_id()
    (house.task_directory(run) / "taken").write_text(f"{boot} {os.getpid()} 1\n")
    (house.task_directory(run) / "start").write_text(f"{os.getpid()} 1 1700000000.5 .\n")
    await house.connector.cancel([run.live])
    await house.end(run)
    assert State.CANCELLED == run.task.state


async def test_lanes_are_gone_when_nothing_waits(house):
    """A facility without jobs has no process."""
    await house.run("true", array={"count": 4}, count=4)
    async with asyncio.timeout(10):
        while house.lanes():
            await house.clock.sleep(0.02)
    assert [] == list(house.base.glob("queue/*"))


async def test_a_released_part_leaves_nothing(house):
    """Release removes the directory, may be repeated, and answers for parts that were never there."""
    run = await house.run("sh", "-c", "mkdir -p a/b; echo x >a/b/c; chmod 000 a/b a")
    never = Part(PartKey("neverthere", 3), "anonymous", 0, 1)
    other = await house.run("true")
    assert {run.part.key, never.key} == set(await house.connector.release([run.part, never]))
    assert [run.part.key] == list(await house.connector.release([run.part]))
    (answer,) = await house.connector.find([run.part])
    assert Absent(run.part.key) == answer
    names = [entry.name for entry in (house.base / "parts").iterdir()]
    assert ([f"{other.part.key.job_id}.0"], []) == (names, list((house.base / "trash").iterdir()))


async def test_a_log_can_be_read_while_it_grows(house):
    """A range of a growing log is a prefix of what comes in the end; its present length is told."""
    await_file = 'while [ ! -e "$HOME/go" ]; do sleep 0.02; done'
    run = await house.submit(house.spec("sh", "-c", f"printf 0123456789; {await_file}; printf abc"))
    await house.until(run, "running")

    async def read(start: int, stop: int | None, stream: str = "stdout") -> tuple[int, bytes]:
        found = await house.connector.read_log(run.part, 0, stream, start, stop)
        return found.size_bytes, b"".join([chunk async for chunk in found.chunks])

    async with asyncio.timeout(10):
        while (await read(0, None))[0] < 10:
            await house.clock.sleep(0.02)
    assert (10, b"0123456789") == await read(0, None)
    assert (10, b"34") == await read(3, 5)
    assert (10, b"9") == await read(9, 500)
    assert (10, b"") == await read(10, None)
    assert (0, b"") == await read(0, None, "stderr")
    (house.task_directory(run) / "work" / "go").touch()
    await house.end(run)
    assert (13, b"9abc") == await read(9, None)
    await house.connector.release([run.part])
    with pytest.raises(LogUnavailable):
        await read(0, None)


async def test_a_log_of_a_task_that_waits_is_empty(house):
    """While nothing could have been written, a log is empty and there."""
    house.reopen(max_running=1)
    running = await house.submit(house.spec("sleep", "60"))
    waiting = await house.submit(house.spec("true"))
    found = await house.connector.read_log(waiting.part, 0, "stdout", 0, None)
    assert (0, []) == (found.size_bytes, [chunk async for chunk in found.chunks])
    await house.connector.cancel([running.live, waiting.live])
    await house.end(running)


async def test_a_host_without_its_root_is_unavailable(house):
    """Where the directory is not to be had, nothing is said about jobs."""
    run = await house.run("true")
    house.base.rename(house.root / "aside")
    for verb in (house.connector.observe([LivePart(run.part, [0])]), house.connector.find([run.part])):
        with pytest.raises(FacilityUnavailable):
            await verb
    with pytest.raises(FacilityUnavailable):
        await house.connector.release([run.part])
    with pytest.raises(FacilityUnavailable):
        await house.collect(run)
