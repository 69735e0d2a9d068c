"""Each task runs once, and Slurm has each part once: whatever is killed or cut on the way to it."""

import asyncio
import json
import multiprocessing
import random
from collections import Counter

import pytest

from common_compute_connector.jobs import State
from common_compute_connector.protocol import Absent, Accepted, Deferred, LivePart, Part, Unknown
from common_compute_rosetta.slurm_batch import job_name
from common_compute_rosetta.transport import Finished, HostUnreachable

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("slurm"), pytest.mark.timeout(600)]

TASKS = 2
KILLED_AT = (
    "set -T; STEP=0; trap 'STEP=$((STEP + 1)); [ $STEP -lt {step} ] || kill -s KILL $$ $BASHPID' DEBUG; "
)
"""Bash runs this before every simple command, in functions and in subshells, too: bash(1), `trap` and `set -T`."""


def appending(house, number: int):
    script = f"echo {number}/$CC_TASK_INDEX >>{house.there}/ran"
    spec = house.spec("sh", "-c", script, array={"count": TASKS})
    return house.submission(spec, count=TASKS)


def ran(house) -> Counter[str]:
    file = house.root.parent / "ran"
    return Counter(file.read_text().split()) if file.exists() else Counter()


async def recover(house, submissions) -> list[Part]:
    """Do as the dispatcher does after unknown outcomes: look until each is decided, submit again what is not there."""
    waiting = {one.part.key: one for one in submissions}
    accepted: list[Part] = []

    def take(answer) -> None:
        part = waiting.pop(answer.key).part
        accepted.append(Part(part.key, part.owner, part.first_index, part.task_count, answer.handle))

    async with asyncio.timeout(120):
        while waiting:
            found = await house.connector.find([one.part for one in waiting.values()])
            for answer in [one for one in found if isinstance(one, Accepted)]:
                take(answer)
            absent = [waiting[one.key] for one in found if isinstance(one, Absent)]
            for answer in await house.connector.submit(absent) if absent else []:
                if isinstance(answer, Accepted):
                    take(answer)
            await house.clock.sleep(0.2)
    return accepted


async def all_ended(house, parts) -> Counter[State]:
    """Observe parts until all their tasks have ended."""
    states: dict[tuple[object, int], State] = {}
    async with asyncio.timeout(300):
        while len(states) < sum(part.task_count for part in parts):
            live = [
                LivePart(part, [i for i in part.indices if (part.key, i) not in states]) for part in parts
            ]
            for observation in await house.connector.observe([one for one in live if one.live]):
                for seen in observation.tasks:
                    if seen.state and seen.state.terminal:
                        states[observation.key, seen.index] = seen.state
            await house.clock.sleep(0.3)
    return Counter(states.values())


async def jobs_at_slurm(house, submissions) -> Counter[str]:
    """Count by the books how many jobs Slurm was given under each name, whatever became of them."""
    names = [job_name("test-service", one.part.key) for one in submissions]
    told = await house.as_user(f"sacct -n -P -X -D -S now-1hour -o JobName,JobID --name={','.join(names)}")
    rows = {(name, job.partition("_")[0]) for name, job in (line.split("|") for line in told.split())}
    return Counter(name for name, _ in rows)


async def expect_once(house, submissions) -> None:
    """See that every task ran once and every part is one job."""
    parts = await recover(house, submissions)
    assert Counter({State.SUCCEEDED: len(parts) * TASKS}) == await all_ended(house, parts)
    numbers = range(len(submissions))
    assert Counter(f"{number}/{index}" for number in numbers for index in range(TASKS)) == ran(house)
    await house.clock.sleep(1)
    names = [job_name("test-service", one.part.key) for one in submissions]
    async with asyncio.timeout(30):
        while (told := await jobs_at_slurm(house, submissions)).keys() != set(names):
            await house.clock.sleep(1)
    assert Counter(names) == told


async def steps_of_a_submission(house) -> int:
    """Count the simple commands that a submission of two parts takes."""
    count = "set -T; STEP=0; trap 'STEP=$((STEP + 1))' DEBUG; trap 'echo $STEP >&2' EXIT; "
    submissions = [house.submission(house.spec("true")) for _ in range(2)]

    # The script's own trap for its end is kept out of the way; the length of the script is told before it.
    trap = b"""trap 'rm -rf "$INCOMING"' EXIT"""
    house.told.change = lambda argv, stdin: (
        [*argv[:2], count + argv[2]],
        stdin.replace(trap, b":".ljust(len(trap)), 1),
    )
    await house.connector.submit(submissions)
    house.told.change = None
    return int(house.told.answers[-1].stderr.split()[-1])


@pytest.mark.parametrize(
    "portion",
    [
        pytest.param(0, id="a sample"),
        *(pytest.param(number, id=f"every step, {number}", marks=pytest.mark.long) for number in range(1, 5)),
    ],
)
async def test_a_submission_killed_at_any_step(house, portion):
    """kill -9 of what submits, before any of its commands: after a look and another try all is there once."""
    house.reopen(shell="/bin/bash")
    await house.connector.describe()
    last = await steps_of_a_submission(house)
    assert last > 40
    steps = list(range(1, last + 2))
    chosen = steps[portion - 1 :: 4] if portion else sorted(random.Random(0).sample(steps, 20))
    submissions = []
    for step in chosen:
        pair = [appending(house, len(submissions) + number) for number in range(2)]
        submissions += pair
        killed_at = KILLED_AT.format(step=step)
        house.told.change = lambda argv, stdin, killed_at=killed_at: (
            [*argv[:2], killed_at + argv[2]],
            stdin,
        )
        await house.connector.submit(pair)
        house.told.change = None
    await expect_once(house, submissions)
    assert [] == list(house.base.glob("trash/*"))


@pytest.mark.parametrize("seed", range(5))
def test_a_server_killed_while_it_submits(make_house, cluster, seed):
    """kill -9 of the server at a random moment: after a look and another try each task ran once."""
    chance = random.Random(seed)
    house = make_house(cluster)
    submissions = [appending(house, number) for number in range(6)]

    def submit_one_by_one_and_together() -> None:
        async def submit() -> None:
            await house.connector.submit(submissions[:1])
            await house.connector.submit(submissions[1:])

        asyncio.run(submit())

    server = multiprocessing.get_context("fork").Process(target=submit_one_by_one_and_together)
    server.start()
    server.join(0.5 + chance.random() * 1.5)
    server.kill()
    server.join()

    async def next_server() -> None:
        house.reopen()
        await expect_once(house, submissions)

    asyncio.run(next_server())


async def test_a_call_of_sbatch_that_outlives_who_called_it(house):
    """While sbatch may still be at work nothing is decided, and what it makes is found under its name."""
    house.install("sbatch", '#!/bin/sh\nsleep 1.5\nexec /usr/bin/sbatch "$@"\n')
    await house.connector.describe()
    submission = appending(house, 0)
    house.told.change = lambda argv, stdin: (["timeout", "-s", "KILL", "0.7", *argv], stdin)
    (answer,) = await house.connector.submit([submission])
    house.told.change = None
    assert isinstance(answer, Unknown)
    assert [] == list(await house.connector.find([submission.part]))
    await expect_once(house, [submission])


async def test_an_answer_of_sbatch_that_is_lost(house):
    """sbatch made a job, and said that it heard nothing: nobody submits again, and the job is found."""
    house.install(
        "sbatch",
        '#!/bin/sh\n/usr/bin/sbatch "$@" >/dev/null\n'
        "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2\nexit 1\n",
    )
    submissions = [appending(house, number) for number in range(2)]
    answers = await house.connector.submit(submissions)
    assert [Unknown, Unknown] == [type(answer) for answer in answers]
    await expect_once(house, submissions)


async def test_a_second_job_of_one_part_runs_nothing(house):
    """Should a job come up after its part was given up and submitted again, the one that is kept runs, the other not."""
    submission = appending(house, 0)
    late = '#!/bin/sh\ncat >{0}/late\necho "$@" >{0}/options\nsleep 9\n'
    house.install("sbatch", late.format(house.there))
    await house.connector.describe()
    house.told.change = lambda argv, stdin: (["timeout", "-s", "KILL", "1", *argv], stdin)
    await house.connector.submit([submission])
    house.told.change = None
    async with asyncio.timeout(30):
        while not await house.connector.find([submission.part]):
            await house.clock.sleep(0.2)
    (house.root.parent / "bin" / "sbatch").unlink()
    (answer,) = await house.connector.submit([submission])
    assert isinstance(answer, Accepted)
    await house.as_user(f"sbatch $(cat {house.there}/options) <{house.there}/late")
    (part,) = await recover(house, [submission])
    assert answer.handle == part.handle
    await all_ended(house, [part])
    async with asyncio.timeout(60):
        while (await house.as_user("squeue -h -t PD,R,CG -u alice")).strip():
            await house.clock.sleep(0.5)
    assert Counter({"0/0": 1, "0/1": 1}) == ran(house)


async def test_two_submissions_of_one_part_at_once(house):
    """Two servers that submit the same parts at the same time make one job of each."""
    submissions = [appending(house, number) for number in range(4)]
    first, second = house.reopen(), house.reopen()
    await asyncio.gather(first.submit(submissions), second.submit(submissions[::-1]))
    answers = await first.submit(submissions)
    assert {Accepted, Unknown} >= {type(answer) for answer in answers}
    await expect_once(house, submissions)
    assert {Accepted} == {type(answer) for answer in await first.submit(submissions)}


async def test_a_stream_that_is_cut_does_nothing(house):
    """A submission's stream cut at any point leaves no part, and Slurm hears nothing."""
    submissions = [appending(house, number) for number in range(2)]
    await house.connector.describe()
    whole = 0
    cut = 0

    def cutting(argv, stdin):
        nonlocal whole
        whole = len(stdin.rstrip(b"\0"))
        return argv, stdin[:cut]

    house.told.change = cutting
    await house.connector.submit(submissions)
    chance = random.Random(1)
    for cut in sorted([*chance.sample(range(whole), 30), whole - 512, whole - 1]):
        answers = await house.connector.submit(submissions)
        assert Accepted not in {type(answer) for answer in answers}, cut
    house.told.change = None
    found = await house.connector.find([one.part for one in submissions])
    assert [Absent(one.part.key) for one in submissions] == list(found)
    assert [] == [*house.base.glob("incoming.*"), *house.base.glob("parts/*")]
    assert Counter() == await jobs_at_slurm(house, submissions)
    await expect_once(house, submissions)


async def test_what_is_certain_is_said(house, monkeypatch):
    """Nothing happened: deferred. Nobody knows: unknown. The dispatcher relies on the difference."""
    submission = appending(house, 0)
    await house.connector.describe()

    async def refuse(*_args, **_options):
        raise HostUnreachable("no route", started=False)

    async def break_off(*_args, **_options):
        raise HostUnreachable("broken", started=True)

    async def full(*_args, **_options):
        return Finished(4, b"", b"tar: No space left on device\n")

    async def garble(*_args, **_options):
        return Finished(0, b"submi", b"")

    for run, expected in ((refuse, Deferred), (break_off, Unknown), (full, Deferred), (garble, Unknown)):
        monkeypatch.setattr(house.told, "run", run)
        (answer,) = await house.connector.submit([submission])
        assert (expected, submission.part.key) == (type(answer), answer.key)
    monkeypatch.undo()


async def test_a_known_part_is_accepted_again(house):
    """Who submits what is there hears the same id; a fresh connector finds it by its key alone."""
    submission = appending(house, 0)
    (first,) = await house.connector.submit([submission])
    (second,) = await house.reopen().submit([submission])
    assert json.loads(first.handle)["job"] == json.loads(second.handle)["job"]
    assert [first] == list(await house.connector.find([submission.part]))
    await expect_once(house, [submission])
