"""What is told when something is away or gone: a server, Slurm, its books, a job, a watcher, a directory."""

import asyncio
import json
import os
import signal

import pytest

from common_compute_connector.errors import FacilityUnavailable, LogUnavailable
from common_compute_connector.jobs import State
from common_compute_connector.protocol import Absent, Accepted, Deferred, LivePart, Part, PartKey
from common_compute_rosetta.transport import HostUnreachable

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("slurm")]

SQUEUE_KNOWS_NOTHING = "#!/bin/sh\n"


def with_job(part: Part, job: str) -> Part:
    handle = json.dumps({"software_version": "system", "job": job})
    return Part(part.key, part.owner, part.first_index, part.task_count, handle)


async def test_a_fresh_connector_adopts_what_runs(house):
    """Known by its key alone, a running job is found, observed to its end, and its bytes come home."""
    spec = house.spec("sh", "-c", "echo one; sleep 2; echo two; echo x >f; exit 5", outputs=[{"path": "f"}])
    run = await house.until(await house.submit(spec), "running")
    house.reopen()
    forgotten = Part(run.part.key, run.part.owner, 0, 1)
    (answer,) = await house.connector.find([forgotten])
    assert Accepted(run.part.key, run.part.handle) == answer
    await house.collect(await house.end(run))
    assert (5, b"one\ntwo\n", {(0, "f"): b"x\n"}) == (run.task.exit_code, run.stdout, run.results)


async def test_slurm_that_is_away(make_house, unaccounted):
    """While slurmctld is away nothing is said about jobs, nothing is submitted and nothing lost; then all goes on."""
    house = make_house(unaccounted, command_seconds=20)
    await house.connector.describe()
    done = await house.run("true")
    run = await house.until(await house.submit(house.spec("sh", "-c", "sleep 3; exit 6")), "running")
    submissions = [house.submission(house.spec("sh", "-c", f"echo x >>{house.there}/ran")) for _ in range(3)]
    # Ended in order it writes down what it knows: killed, it may forget a job and give its number to the next one,
    # at which the node that still runs the first is drained.
    os.kill(slurmctld := unaccounted.processes()["slurmctld"], signal.SIGTERM)
    async with asyncio.timeout(30):
        while unaccounted.processes().get("slurmctld") == slurmctld:
            await house.clock.sleep(0.1)
    try:
        for verb in (house.connector.observe([run.live]), house.connector.cancel([LivePart(done.part, [0])])):
            with pytest.raises(FacilityUnavailable, match="to contact slurm"):
                await verb
        answers = await house.connector.submit(submissions)
        assert [Deferred] * 3 == [type(answer) for answer in answers]
        assert "contact" in answers[0].detail
        # What needs no Slurm is done.
        assert [Absent(one.part.key) for one in submissions] == list(
            await house.connector.find([one.part for one in submissions])
        )
        assert [done.part.key] == list(await house.connector.release([done.part]))
        document = await house.reopen().describe()
        assert ("unavailable", True) == (
            document["status"]["state"],
            "contact" in document["status"]["message"],
        )
    finally:
        unaccounted.mend()
    await house.end(run)
    assert 6 == run.task.exit_code
    answers = await house.connector.submit(submissions)
    assert [Accepted] * 3 == [type(answer) for answer in answers]
    async with asyncio.timeout(60):
        while (
            not (house.root.parent / "ran").exists() or (house.root.parent / "ran").read_text() != "x\n" * 3
        ):
            await house.clock.sleep(0.2)


async def test_books_that_are_away(make_house, cluster):
    """While slurmdbd is away jobs run and are told; of one that only the books could tell, nothing is said."""
    house = make_house(cluster)
    await house.connector.describe()
    os.kill(cluster.processes()["slurmdbd"], signal.SIGKILL)
    try:
        run = await house.end(await house.submit(house.spec("sh", "-c", "exit 3")))
        assert 3 == run.task.exit_code
        cancelled = await house.until(await house.submit(house.spec("sleep", "60")), "running")
        cluster.as_root("scancel", house.job_of(cancelled))
        assert "cancelled-by-facility" == (await house.end(cancelled)).task.reason.code
        house.install("squeue", SQUEUE_KNOWS_NOTHING)
        await house.connector.describe()
        for _ in range(5):
            (observation,) = await house.connector.observe([LivePart(run.part, [0])])
            assert (True, []) == (observation.known, list(observation.tasks))
            await house.clock.sleep(1)
    finally:
        cluster.mend()


@pytest.mark.parametrize("host", ["cluster", "unaccounted"])
async def test_an_id_that_slurm_does_not_know(make_house, host, request):
    """A job that Slurm has never heard of is lost, in words, but not before it was missed for a while."""
    house = make_house(request.getfixturevalue(host), options=["--begin=now+60"])
    run = await house.submit(house.spec("true", array={"count": 2}), 2)
    real, run.part = run.part, with_job(run.part, "1999999")
    (first,) = await house.connector.observe([run.live])
    assert (True, []) == (first.known, list(first.tasks))
    await house.end(run)
    assert ["lost", "lost"] == [seen.reason.code for seen in run.seen.values()]
    assert "does not know" in run.task.reason.detail
    await house.connector.cancel([LivePart(run.part, [0, 1])])
    run.part = real


async def test_somebody_elses_id(make_house, cluster):
    """A number that is another user's job, or another job of the same account, is neither believed nor cancelled."""
    house, other = make_house(cluster), make_house(cluster, user="bob")
    theirs = await other.until(await other.submit(other.spec("sleep", "20")), "running")
    run = await house.submit(house.spec("true"))
    await house.end(run)
    mine = run.part
    for job in (other.job_of(theirs), house.job_of(await house.submit(house.spec("sleep", "60")))):
        run.part = with_job(mine, job)
        run.seen.clear()
        house.reopen()
        await house.end(run)
        # Its own record tells the end all the same.
        assert (State.SUCCEEDED, job) == (run.task.state, run.task.native.id)
    await house.connector.cancel([LivePart(with_job(mine, other.job_of(theirs)), [0])])
    await other.observe(theirs)
    assert State.RUNNING == theirs.task.state


@pytest.mark.parametrize("host", ["cluster", "unaccounted"])
async def test_a_watcher_that_is_killed(make_house, host, request):
    """kill -9 of all that a job runs: the task failed by that signal, which only Slurm saw."""
    house = make_house(request.getfixturevalue(host))
    run = await house.until(await house.submit(house.spec("sh", "-c", "echo x; exec sleep 321")), "running")
    async with asyncio.timeout(20):
        while not (house.task_directory(run) / "stage").exists():
            await house.clock.sleep(0.1)
    await house.clock.sleep(0.5)
    # What looks for them names them otherwise than they do.
    await house.as_user(f"pkill -KILL -f '{house.there.replace('/test', '/[t]est')}'")
    async with asyncio.timeout(60):
        while not (run.task.state and run.task.state.terminal):
            await house.observe(run)
            await house.clock.sleep(0.5)
    told = (run.task.state, run.task.exit_code, run.task.signal, run.task.reason.code)
    assert (State.FAILED, None, 9, "signal") == told, run.task


async def test_what_squeue_has_forgotten_without_books(make_house, unaccounted):
    """Where there are no books, the record of a forgotten job tells its end; without one it is lost."""
    house = make_house(unaccounted)
    ended = await house.end(await house.submit(house.spec("sh", "-c", "exit 3")))
    signalled = await house.end(await house.submit(house.spec("sh", "-c", "kill -TERM $$; sleep 1")))
    cancelled = await house.submit(house.spec("sleep", "60"))
    await house.until(cancelled, "running")
    await house.connector.cancel([cancelled.live])
    await house.end(cancelled)
    told = [run.task for run in (ended, signalled, cancelled)]
    gone = await house.end(await house.submit(house.spec("true")))
    (house.task_directory(gone) / "end").unlink()
    house.install("squeue", SQUEUE_KNOWS_NOTHING)
    for run, before in zip((ended, signalled, cancelled), told, strict=True):
        run.seen.clear()
        task = (await house.end(run)).task
        expected = (before.state, before.exit_code, before.signal, before.reason, before.finished_at)
        assert expected == (task.state, task.exit_code, task.signal, task.reason, task.finished_at)
    gone.seen.clear()
    assert "lost" == (await house.end(gone)).task.reason.code


async def test_a_released_part_leaves_nothing(house):
    """Release removes the directory, may be repeated, and answers for parts that were never there."""
    run = await house.run("sh", "-c", "mkdir -p a/b; echo x >a/b/c; chmod 000 a/b a")
    never = Part(PartKey("neverthere", 3), "anonymous", 0, 1)
    other = await house.run("true")
    assert {run.part.key, never.key} == set(await house.connector.release([run.part, never]))
    assert [run.part.key] == list(await house.connector.release([run.part]))
    assert [Absent(run.part.key)] == list(await house.connector.find([run.part]))
    names = [entry.name for entry in (house.base / "parts").iterdir()]
    assert ([f"{other.part.key.job_id}.0"], []) == (names, list((house.base / "trash").iterdir()))
    with pytest.raises(LogUnavailable):
        await house.connector.read_log(run.part, 0, "stdout", 0, None)


async def test_a_release_while_the_facility_is_away(house, monkeypatch):
    """What cannot be removed now is not said to be gone, and is removed when the facility is back."""
    run = await house.run("true")

    async def away(*_args, **_options):
        raise HostUnreachable("no route", started=False)

    monkeypatch.setattr(house.told, "run", away)
    with pytest.raises(FacilityUnavailable):
        await house.connector.release([run.part])
    monkeypatch.undo()
    assert house.task_directory(run).exists()
    assert [run.part.key] == list(await house.connector.release([run.part]))
    assert not house.task_directory(run).exists()


async def test_a_host_without_its_root_is_unavailable(house):
    """Where the directory is not to be had, nothing is said about jobs; where one part is gone, that is said."""
    run = await house.run("true")
    (observation,) = await house.connector.observe([LivePart(Part(PartKey("never", 0), "a", 0, 1), [0])])
    assert not observation.known
    house.base.rename(house.root / "aside")
    for verb in (house.connector.observe([LivePart(run.part, [0])]), house.connector.find([run.part])):
        with pytest.raises(FacilityUnavailable):
            await verb
    with pytest.raises(FacilityUnavailable):
        await house.connector.release([run.part])
    (house.root / "aside").rename(house.base)


async def test_a_log_of_a_task_that_waits_is_empty(make_house, cluster):
    """While nothing could have been written, a log is empty and there."""
    house = make_house(cluster, options=["--begin=now+60"])
    waiting = await house.submit(house.spec("true"))
    found = await house.connector.read_log(waiting.part, 0, "stdout", 0, None)
    assert (0, []) == (found.size_bytes, [chunk async for chunk in found.chunks])
