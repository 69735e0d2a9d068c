"""How tasks in Slurm are ended before they end by themselves: by limits, by callers, by others, by failing nodes."""

import asyncio
import os
import signal

import pytest

from common_compute_connector.jobs import State
from common_compute_connector.protocol import Absent, Accepted, LivePart

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("slurm")]

STUBBORN = "trap '' TERM; while :; do sleep 0.2; done"
CLEAN = "trap 'echo cleaned; echo x >saved; exit 7' TERM; while :; do sleep 0.1; done"


@pytest.mark.parametrize("host", ["cluster", "unaccounted"])
async def test_wall_time_is_enforced(make_house, host, request):
    """What runs longer than its wall time fails so, whatever it does about it; its logs come home whole."""
    house = make_house(request.getfixturevalue(host))
    deeds = [f"echo begun; {STUBBORN}", CLEAN, "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    spec = house.spec(
        "sh",
        "-c",
        "{{DO}}",
        array={"parameters": [{"DO": do} for do in deeds]},
        resources={"wall_time_seconds": 60},
        outputs=[{"path": "saved"}],
    )
    run = await house.submit(spec, 3)
    async with asyncio.timeout(200):
        while not all(run.seen.get(i) and run.seen[i].state.terminal for i in range(3)):
            await house.observe(run)
            await house.clock.sleep(1)
    await house.collect(run)
    assert ["wall-time-exceeded"] * 3 == [run.seen[i].reason.code for i in range(3)]
    assert [(None, 9), (7, None), (0, None)] == [
        (run.seen[i].exit_code, run.seen[i].signal) for i in range(3)
    ]
    assert [b"begun\n", b"cleaned\n", b""] == [run.logs[i, "stdout"] for i in range(3)]
    assert {(1, "saved"): b"x\n"} == run.results


async def test_memory_is_enforced(house, slurm_facility):
    """What takes more memory than it asked for fails as out-of-memory, also if it ends well: where Slurm enforces."""
    document = await house.connector.describe()
    enforced = slurm_facility["memory_enforced"]
    assert ("enforced" if enforced else "advisory") == document["resources"]["memory_bytes"]["support"]
    assert enforced == ("out-of-memory" in document["reason_codes"])
    if not enforced:
        return
    hog = "head -c 200000000 /dev/zero | tail -c 150000000 >/dev/null"
    spec = house.spec("sh", "-c", f"{hog}; exit 0", resources={"memory_bytes": 64 * 1024 * 1024})
    run = await house.end(await house.submit(spec))
    assert (State.FAILED, "out-of-memory", 0) == (run.task.state, run.task.reason.code, run.task.exit_code)


async def test_cancelling_asks_before_it_kills(house):
    """A command may clean up when it is cancelled; one that will not is killed; both are told with all they wrote."""
    deeds = [CLEAN, f"echo begun; {STUBBORN}"]
    spec = house.spec(
        "sh", "-c", "{{DO}}", array={"parameters": [{"DO": do} for do in deeds]}, outputs=[{"path": "saved"}]
    )
    run = await house.until(await house.submit(spec, 2), "running")
    await house.clock.sleep(1)
    await house.connector.cancel([run.live])
    await house.connector.cancel([run.live])
    await house.collect(await house.end(run))
    assert [State.CANCELLED] * 2 == [run.seen[i].state for i in range(2)]
    assert ["cancelled-by-user"] * 2 == [run.seen[i].reason.code for i in range(2)]
    assert [(7, None), (None, 9)] == [(run.seen[i].exit_code, run.seen[i].signal) for i in range(2)]
    assert [b"cleaned\n", b"begun\n"] == [run.logs[i, "stdout"] for i in range(2)]
    assert {(0, "saved"): b"x\n"} == run.results


async def test_a_cancelled_task_in_the_queue_never_runs(make_house, cluster):
    """Cancelling what waits is confirmed soon, and it never begins; its logs are empty and known to be."""
    house = make_house(cluster, options=["--begin=now+5"])
    spec = house.spec("sh", "-c", f"echo x >>{house.there}/ran", array={"count": 3}, outputs=[{"path": "*"}])
    waiting = await house.submit(spec, 3)
    await house.connector.cancel([waiting.live])
    await house.collect(await house.end(waiting))
    assert [(State.CANCELLED, None)] * 3 == [(s.state, s.started_at) for s in waiting.seen.values()]
    assert (b"", {}, [()] * 3) == (waiting.stdout, waiting.results, list(waiting.lost.values()))
    await house.clock.sleep(6)
    assert not (house.root.parent / "ran").exists()


async def test_single_tasks_of_an_array_can_be_cancelled(house):
    """Cancelling some tasks leaves the others alone."""
    run = await house.until(await house.submit(house.spec("sleep", "4", array={"count": 5}), 5), "running")
    await house.connector.cancel([LivePart(run.part, [0, 2, 3])])
    await house.end(run)
    expected = [State.CANCELLED, State.SUCCEEDED, State.CANCELLED, State.CANCELLED, State.SUCCEEDED]
    assert expected == [run.seen[i].state for i in range(5)]


async def test_what_ended_cannot_be_cancelled(house):
    """Cancelling what has ended, alone or beside something alive, changes nothing of it."""
    ended = await house.run("true")
    alive = await house.submit(house.spec("sleep", "60"))
    await house.connector.cancel([LivePart(ended.part, [0]), alive.live])
    ended.seen.clear()
    assert State.SUCCEEDED == (await house.end(ended)).task.state
    assert State.CANCELLED == (await house.end(alive)).task.state


async def test_others_who_cancel_are_told_apart(house, cluster):
    """What an administrator cancels is cancelled by the facility, in words; the user's own scancel is the user's."""
    run = await house.until(await house.submit(house.spec("sleep", "60", array={"count": 2}), 2), "running")
    job = house.job_of(run)
    cluster.as_root("scancel", f"{job}_0")
    await house.as_user(f"scancel {job}_1")
    await house.end(run)
    codes = [run.seen[i].reason.code for i in range(2)]
    assert ["cancelled-by-facility", "cancelled-by-user"] == codes
    assert run.seen[0].reason.detail.endswith("by user 0")


@pytest.mark.parametrize("host", ["cluster", "unaccounted"])
async def test_a_job_that_is_started_anew_is_a_second_attempt(make_house, host, request):
    """After a requeue the job waits and runs as attempt 2, from a clean directory; logs and end are the last one's."""
    house = make_house(request.getfixturevalue(host))
    script = """
        ls -A; echo "attempt of $(date)" >left
        if [ -e ../../../first ]; then exit 4; fi
        : >../../../first; echo first; sleep 60
    """
    run = await house.until(await house.submit(house.spec("sh", "-c", script)), "running")
    async with asyncio.timeout(20):
        while not (house.task_directory(run).parents[1] / "first").exists():
            await house.clock.sleep(0.1)
    first = run.task
    job = house.job_of(run)
    await house.as_user(f"scontrol requeue {job}")
    attempts = []
    began = house.clock.elapsed()
    async with asyncio.timeout(60):
        while not (run.task.state and run.task.state.terminal):
            # Sooner its node takes it for the attempt that was just ended.
            if house.clock.elapsed() - began > 3:
                await house.as_user(f"scontrol update JobId={job} StartTime=now")
            await house.observe(run)
            attempts.append((run.task.attempt, run.task.state))
            await house.clock.sleep(0.3)
    await house.collect(run)
    assert attempts == sorted(attempts, key=lambda seen: seen[0])
    assert (2, State.QUEUED) in attempts
    assert (2, 4, b"", b"") == (run.task.attempt, run.task.exit_code, run.stdout, run.stderr), run.task
    assert run.task.started_at > first.started_at


async def test_an_attempt_that_never_began(house):
    """Cancelled while it waits for its second attempt, a task has the logs of that one: none; and no results."""
    spec = house.spec("sh", "-c", "echo first | tee result; sleep 60", outputs=[{"path": "result"}])
    run = await house.until(await house.submit(spec), "running")
    async with asyncio.timeout(20):
        while not (house.task_directory(run) / "work" / "result").exists():
            await house.clock.sleep(0.1)
    await house.as_user(f"scontrol requeue {house.job_of(run)}")
    await house.until(run, "queued")
    await house.connector.cancel([run.live])
    await house.collect(await house.end(run))
    assert (State.CANCELLED, 2, None) == (run.task.state, run.task.attempt, run.task.signal)
    assert (b"", b"", {}, ()) == (run.stdout, run.stderr, run.results, run.lost[0])
    assert [] == list(house.base.glob("trash/*"))


async def test_a_request_that_nobody_can_meet(house, make_house, unaccounted):
    """What Slurm refuses at once is refused in its words, leaves nothing, and holds nobody up."""
    beyond = house.submission(house.spec("true", resources={"cpu_cores": 500}))
    good = house.submission(house.spec("true"))
    answers = {one.key: one for one in await house.connector.submit([beyond, good])}
    refused, accepted = answers[beyond.part.key], answers[good.part.key]
    assert ("submission-rejected", True) == (refused.reason.code, "processors" in refused.reason.detail)
    assert isinstance(accepted, Accepted)
    assert [f"{good.part.key.job_id}.0"] == [path.name for path in (house.base / "parts").iterdir()]
    assert [Absent(beyond.part.key)] == list(await house.connector.find([beyond.part]))
    # Of this one Slurm keeps a record all the same, as a job that failed.
    other = make_house(unaccounted)
    beyond = other.submission(other.spec("true", resources={"memory_bytes": 1 << 50}))
    (refused,) = await other.connector.submit([beyond])
    assert ("submission-rejected", True) == (refused.reason.code, "configuration" in refused.reason.detail)
    assert [Absent(beyond.part.key)] == list(await other.connector.find([beyond.part]))


async def test_a_request_that_waits_for_ever(make_house, unaccounted):
    """Where Slurm accepts what it will never start, the job is queued, with Slurm's words, and can be cancelled."""
    house = make_house(unaccounted)
    run = await house.submit(house.spec("true", resources={"wall_time_seconds": 90_000_000}))
    async with asyncio.timeout(30):
        while not run.seen or run.task.native.detail is None:
            await house.observe(run)
    assert (State.QUEUED, "PENDING") == (run.task.state, run.task.native.state)
    assert "Partition" in run.task.native.detail
    await house.connector.cancel([run.live])
    assert State.CANCELLED == (await house.end(run)).task.state


async def test_a_node_that_fails(make_house, cluster):
    """A job whose node fails has failed so, or is started anew where that is wished; its old self disturbs nothing."""
    lasting, anew = make_house(cluster, requeue=False), make_house(cluster, requeue=True)
    # The first attempt outlives the slurmd of its node, and writes when the second one has long ended.
    script = """
        if [ -e ../../../first ]; then echo new | tee late; exit 0; fi
        : >../../../first; sleep 60; echo old | tee late; exit 9
    """
    spec = anew.spec("sh", "-c", script, outputs=[{"path": "late"}])
    runs = [await anew.submit(spec), await lasting.submit(lasting.spec("sleep", "300"))]
    await anew.until(runs[0], "running")
    await lasting.until(runs[1], "running")
    assert runs[0].task.resolved.host == runs[1].task.resolved.host
    slurmd = cluster.processes()[f"slurmd-{runs[0].task.resolved.host}"]
    began = anew.clock.elapsed()
    os.kill(slurmd, signal.SIGKILL)
    try:
        async with asyncio.timeout(150):
            while not all(run.task.state and run.task.state.terminal for run in runs):
                if runs[0].task.attempt == 2:
                    await anew.as_user(f"scontrol update JobId={anew.job_of(runs[0])} StartTime=now")
                await anew.observe(runs[0])
                await lasting.observe(runs[1])
                await anew.clock.sleep(1)
        assert (State.FAILED, "node-failure") == (runs[1].task.state, runs[1].task.reason.code)
        assert "Slurm says NODE_FAIL" in runs[1].task.reason.detail
        told = runs[0].task
        assert (2, State.SUCCEEDED) == (told.attempt, told.state)
        assert "running" in runs[0].history[0]
        await anew.clock.sleep(max(0, 63 - (anew.clock.elapsed() - began)))
        runs[0].seen.clear()
        await anew.collect(await anew.end(runs[0]))
        assert (told, b"new\n", {(0, "late"): b"new\n"}) == (runs[0].task, runs[0].stdout, runs[0].results)
    finally:
        cluster.mend()
