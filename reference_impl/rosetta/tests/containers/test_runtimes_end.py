"""How commands in containers are ended: signals reach them, nothing is left of them, memory is held."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from common_compute_connector.jobs import State
from common_compute_connector.protocol import Refused

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("slurm"), pytest.mark.timeout(600)]

each_runtime = pytest.mark.parametrize("runtime", ["charliecloud", "podman", "bubblewrap", "docker"])


async def until_written(house, run, text: str) -> None:
    """Wait until a file of a command's has this content."""
    file = house.task_directory(run) / "work" / "said"
    async with asyncio.timeout(60):
        while not file.exists() or text not in file.read_text():
            await house.clock.sleep(0.05)


def left_of(run) -> list[int]:
    """Give the processes that carry a job's id in their environment."""
    mark = f"CC_JOB_ID={run.part.key.job_id}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark in variables:
            found.append(int(process.name))
    return found


def processes() -> Iterator[tuple[int, list[bytes]]]:
    """Give all processes with their words."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield int(process.name), (process / "cmdline").read_bytes().split(b"\0")


@each_runtime
async def test_a_signal_reaches_the_command_once(with_runtime, runtime):
    """A command that is cancelled gets SIGTERM exactly once, and may end as it likes."""
    house = with_runtime(runtime)
    house.reopen(kill_grace_seconds=20)
    script = "trap 'echo TERM >>said' TERM; echo up >>said; for i in $(seq 40); do sleep 0.1; [ $(wc -l <said) = 1 ] || j=$((j+1)); [ \"$j\" = 8 ] && exit 9; done"
    run = await house.submit(house.spec("sh", "-c", script, outputs=[{"path": "said"}]))
    await until_written(house, run, "up")
    await house.connector.cancel([run.live])
    await house.collect(await house.end(run))
    assert (State.CANCELLED, 9) == (run.task.state, run.task.exit_code)
    assert b"up\nTERM\n" == run.results[0, "said"]
    assert [] == left_of(run)


@each_runtime
async def test_a_command_without_a_handler_ends_at_once(with_runtime, runtime):
    """SIGTERM ends a command that does not heed it, long before the grace is over."""
    house = with_runtime(runtime)
    house.reopen(kill_grace_seconds=60)
    run = await house.submit(house.spec("sh", "-c", "echo up >said; exec sleep 300"))
    await until_written(house, run, "up")
    await house.connector.cancel([run.live])
    async with asyncio.timeout(30):
        await house.end(run)
    assert State.CANCELLED == run.task.state
    assert (15 if runtime == "charliecloud" else 143) == (run.task.signal or run.task.exit_code)
    assert [] == left_of(run)


@each_runtime
async def test_a_stubborn_command_is_killed(with_runtime, runtime):
    """After its wall time and the grace a command that ignores SIGTERM is killed, with all that it started."""
    house = with_runtime(runtime)
    script = "trap '' TERM; echo up >said; (trap '' TERM; setsid sleep 300) & while :; do sleep 0.1; done"
    run = await house.run("sh", "-c", script, resources={"wall_time_seconds": 3})
    assert (State.FAILED, "wall-time-exceeded") == (run.task.state, run.task.reason.code)
    assert [] == left_of(run)


@each_runtime
async def test_nothing_outlives_the_command(with_runtime, runtime):
    """What a command leaves in the background is killed when it ends."""
    house = with_runtime(runtime)
    run = await house.run("sh", "-c", "setsid sleep 300 & echo done")
    assert (0, b"done\n") == (run.task.exit_code, run.stdout)
    assert [] == left_of(run)


@each_runtime
async def test_memory_is_held(with_runtime, runtime):
    """A command that uses more memory than was asked for is killed; what the runtime itself uses does not count."""
    house = with_runtime(runtime)
    hog = "import time; a = bytearray(300_000_000); print('has it', flush=True); time.sleep(60)"
    beyond = await house.run("python3", "-c", hog, image="python", resources={"memory_bytes": 100_000_000})
    assert (State.FAILED, "out-of-memory") == (beyond.task.state, beyond.task.reason.code)
    house.reopen(max_running=6)
    small = house.spec("sleep", "1", array={"count": 12}, resources={"memory_bytes": 20_000_000})
    within = await house.end(await house.submit(small, 12))
    assert [(State.SUCCEEDED, None)] * 12 == [(seen.state, seen.reason) for seen in within.seen.values()]


@pytest.mark.parametrize("runtime", ["podman", "bubblewrap", "docker"])
async def test_a_runtime_that_is_killed_takes_its_command_along(with_runtime, runtime):
    """Killed from outside, the runtime leaves no command behind, and the job has failed."""
    house = with_runtime(runtime)
    run = await house.submit(house.spec("sh", "-c", "echo up >said; exec sleep 300"))
    await until_written(house, run, "up")
    names = {"podman": b"podman", "docker": b"podman", "bubblewrap": b"bwrap"}
    ours = [
        pid
        for pid, words in processes()
        if words[0].endswith(names[runtime]) and any(run.part.key.job_id.encode() in word for word in words)
    ]
    for pid in ours:
        os.kill(pid, signal.SIGKILL)
    assert ours
    await house.end(run)
    assert State.FAILED == run.task.state
    assert [] == left_of(run)


async def test_secrets_do_not_stand_in_the_list_of_processes(with_runtime):
    """A variable's value is in no argument that other users of the host could read while the command runs."""
    for runtime in ("charliecloud", "podman", "bubblewrap", "docker"):
        house = with_runtime(runtime)
        run = await house.submit(
            house.spec("sh", "-c", "echo up >said; sleep 60", environment={"TOKEN": "s3cr3t-t0k3n"})
        )
        await until_written(house, run, "up")
        assert [] == [words for _, words in processes() if b"s3cr3t-t0k3n" in b"".join(words)]
        await house.connector.cancel([run.live])
        await house.end(run)


@each_runtime
async def test_two_users_keep_out_of_each_others_way(with_runtime, runtime):
    """Two users run the same image on one host at once, and neither can read what the other has."""
    houses = [with_runtime(runtime, user) for user in ("alice", "bob")]
    runs = await asyncio.gather(
        *(
            house.run("sh", "-c", "echo mine >said; sleep 1; id -u", outputs=[{"path": "said"}])
            for house in houses
        )
    )
    assert [b"mine\n"] * 2 == [run.results[0, "said"] for run in runs]
    alice, bob = houses
    told = await bob.as_user(
        f"cat {alice.there}/facility/test-service/parts/*/tasks/0/work/said; ls {alice.there}"
    )
    assert "" == told


async def test_a_runtime_without_the_image_says_so(with_runtime):
    """An image that vanished between submission and start ends its job as unavailable."""
    house = with_runtime("bubblewrap")
    house.reopen(max_running=1)
    blocker = await house.submit(house.spec("sleep", "60"))
    waiting = await house.submit(house.spec("true", image="odd"))
    digest = house.images["odd"].partition("@")[2].replace(":", "-")
    await house.as_user(f"mv {house.shelf_of_images}/tree/{digest} {house.there}/away")
    try:
        await house.connector.cancel([blocker.live])
        await house.end(waiting)
    finally:
        await house.as_user(f"mv {house.there}/away {house.shelf_of_images}/tree/{digest}")
    assert (State.FAILED, "image-unavailable") == (waiting.task.state, waiting.task.reason.code)
    assert "not on this host" in waiting.task.reason.detail


async def test_too_many_variables_for_bubblewrap(with_runtime):
    """What bubblewrap cannot be told is refused in words."""
    house = with_runtime("bubblewrap")
    environment = {f"V{number}": "" for number in range(3000)}
    answer = await house.answer(house.submission(house.spec("true", environment=environment)))
    assert isinstance(answer, Refused)
    assert ("submission-rejected", True) == (answer.reason.code, "2900" in answer.reason.detail)
