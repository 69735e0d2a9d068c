"""Each task runs once: whatever is killed, cut or said twice on the way to a plain host."""

import asyncio
import multiprocessing
import os
import random
import signal
from collections import Counter

import pytest

from common_compute_connector.jobs import State
from common_compute_connector.protocol import Absent, Accepted, Deferred, LivePart
from common_compute_rosetta.calls import compose
from common_compute_rosetta.sandbox import archive_parts
from common_compute_rosetta.submission import pack
from common_compute_rosetta.transport import Finished, HostUnreachable

pytestmark = pytest.mark.real


def appending(house, number: int, tasks: int = 3):
    spec = house.spec(
        "sh", "-c", f"echo {number}/$CC_TASK_INDEX >>{house.root.parent}/ran", array={"count": tasks}
    )
    return house.submission(spec, count=tasks)


async def all_ended(house, parts) -> dict[object, dict[int, State]]:
    """Observe parts until all their tasks have ended."""
    states: dict[object, dict[int, State]] = {part.key: {} for part in parts}
    async with asyncio.timeout(60):
        while True:
            live = [
                LivePart(part, [i for i in part.indices if i not in states[part.key]])
                for part in parts
                if len(states[part.key]) < part.task_count
            ]
            if not live:
                return states
            for observation in await house.connector.observe(live):
                assert observation.known
                for seen in observation.tasks:
                    if seen.state.terminal:
                        states[observation.key][seen.index] = seen.state
            await house.clock.sleep(0.05)


def ran(house) -> Counter[str]:
    file = house.root.parent / "ran"
    return Counter(file.read_text().split()) if file.exists() else Counter()


async def recover(house, submissions) -> None:
    """Do as the dispatcher does after an unknown outcome: look, and submit again what is not there."""
    found = await house.connector.find([one.part for one in submissions])
    absent = {answer.key for answer in found if isinstance(answer, Absent)}
    assert len(submissions) == len(found)
    again = [one for one in submissions if one.part.key in absent]
    assert all(isinstance(answer, Accepted) for answer in await house.connector.submit(again))


@pytest.mark.parametrize("seed", range(20))
def test_a_server_killed_while_it_submits(house, seed):
    """kill -9 of the submitting process at a random moment: after a look and another try each task ran once."""
    chance = random.Random(seed)
    submissions = [appending(house, number) for number in range(6)]
    asyncio.run(house.connector.describe())

    def submit_one_by_one_and_together() -> None:
        async def submit() -> None:
            await house.connector.submit(submissions[:1])
            await house.connector.submit(submissions[1:])

        asyncio.run(submit())

    server = multiprocessing.get_context("fork").Process(target=submit_one_by_one_and_together)
    server.start()
    server.join(chance.random() * 0.25)
    server.kill()
    server.join()

    async def next_server() -> None:
        house.reopen()
        await recover(house, submissions)
        await all_ended(house, [one.part for one in submissions])

    asyncio.run(next_server())
    assert Counter({f"{number}/{index}": 1 for number in range(6) for index in range(3)}) == ran(house)


async def test_a_stream_that_is_cut_does_nothing(house):
    """A submission's stream cut at any point, also between two files, leaves no part and runs nothing."""
    submissions = [appending(house, number) for number in range(2)]
    site = await house.connector._site()
    packed = [pack(one, house.connector._settings, site.base) for one in submissions]
    variables = {"INCOMING": "incoming.test", "WAITING": 6}
    call = compose("submit", site, variables=variables, payload=archive_parts(packed, 1))
    whole = len(call.stdin.rstrip(b"\0"))
    cuts = [*range(0, whole, 700), *range(whole - whole % 512 - 512 * 4, whole, 512), whole - 1]
    for cut in cuts:
        finished = await house.connector._transport.run(call.argv, call.stdin[:cut], deadline_seconds=20)
        assert b"accepted" not in finished.stdout, cut
    found = await house.connector.find([one.part for one in submissions])
    assert [Absent(one.part.key) for one in submissions] == list(found)
    assert [] == [*house.base.glob("incoming.*"), *house.base.glob("queue/*"), *house.base.glob("lanes/*")]
    await recover(house, submissions)
    await all_ended(house, [one.part for one in submissions])
    assert {1} == set(ran(house).values())


async def test_two_submissions_of_one_part_at_once(house):
    """Two servers that submit the same parts at the same time both hear that they are there; they run once."""
    submissions = [appending(house, number) for number in range(4)]
    first, second = house.reopen(), house.reopen()
    answers = await asyncio.gather(first.submit(submissions), second.submit(submissions[::-1]))
    assert {Accepted} == {type(answer) for batch in answers for answer in batch}
    assert {Accepted} == {type(answer) for answer in await first.submit(submissions)}
    await all_ended(house, [one.part for one in submissions])
    assert {Accepted} == {type(answer) for answer in await first.submit(submissions)}
    run = await house.run("true")
    assert State.SUCCEEDED == run.task.state
    assert (12, {1}) == (len(ran(house)), set(ran(house).values()))


async def test_parts_that_arrived_without_a_lane_are_started_by_the_next_look(house):
    """A submission killed between the arrival of the parts and the start of lanes: observing starts them."""
    submission = appending(house, 1)
    site = await house.connector._site()
    packed = pack(submission, house.connector._settings, site.base)
    variables = {"INCOMING": "incoming.test", "WAITING": 0}
    call = compose("submit", site, variables=variables, payload=archive_parts([packed], 1))
    await house.connector._transport.run(call.argv, call.stdin, deadline_seconds=20)
    assert [] == house.lanes()
    await all_ended(house, [submission.part])
    assert {1} == set(ran(house).values())


async def test_a_submission_alone_is_enough(house):
    """Once a part is accepted it runs to its end, though nobody ever looks."""
    submission = appending(house, 1)
    await house.connector.submit([submission])
    async with asyncio.timeout(20):
        while len(list(house.base.glob("parts/*/tasks/*/end"))) < 3:
            await house.clock.sleep(0.02)
    assert {1} == set(ran(house).values())


async def test_a_place_in_the_queue_without_a_part(house):
    """A submission killed before its parts arrived leaves a place that holds nobody up."""
    await house.connector.describe()
    (house.base / "queue" / "00000000000000000001.neverarrived.0").touch()
    run = await house.run("true")
    assert State.SUCCEEDED == run.task.state
    async with asyncio.timeout(10):
        while house.lanes():
            await house.clock.sleep(0.02)


@pytest.mark.parametrize("seed", range(3))
async def test_lanes_killed_at_random(house, seed):
    """kill -9 of lanes: no task runs twice, all end, and what succeeded has run."""
    chance = random.Random(seed)
    submission = appending(house, 0, 40)
    await house.connector.submit([submission])

    async def kill() -> None:
        for _ in range(6):
            await house.clock.sleep(chance.random() * 0.2)
            for lane in house.lanes()[:1]:
                os.kill(lane, signal.SIGKILL)

    _, states = await asyncio.gather(kill(), all_ended(house, [submission.part]))
    (ended,) = states.values()
    assert {1} == set(ran(house).values())
    for index, state in ended.items():
        assert state in (State.SUCCEEDED, State.FAILED)
        assert state is State.FAILED or ran(house)[f"0/{index}"] == 1


async def test_what_is_certain_is_said(house, monkeypatch):
    """Nothing happened: deferred. Nobody knows: unknown. The dispatcher relies on the difference."""
    submission = appending(house, 0)
    await house.connector.describe()
    transport = house.connector._transport

    async def refuse(*_args, **_options):
        raise HostUnreachable("no route", started=False)

    async def break_off(*_args, **_options):
        raise HostUnreachable("broken", started=True)

    async def full(*_args, **_options):
        return Finished(4, b"", b"tar: No space left on device\n")

    async def garble(*_args, **_options):
        return Finished(0, b"accep", b"")

    for run, expected in (
        (refuse, "Deferred"),
        (break_off, "Unknown"),
        (full, "Deferred"),
        (garble, "Unknown"),
    ):
        monkeypatch.setattr(transport, "run", run)
        (answer,) = await house.connector.submit([submission])
        assert expected == type(answer).__name__
        assert answer.key == submission.part.key
    monkeypatch.undo()


async def test_a_root_that_cannot_be_written_defers(house):
    """A host that cannot take the stream says so in its own words, and takes the part later."""
    submission = appending(house, 0)
    await house.connector.describe()
    (house.base / "queue").rename(house.base / "aside")
    (answer,) = await house.connector.submit([submission])
    assert (Deferred, True) == (type(answer), "queue" in answer.detail)
    (house.base / "aside").rename(house.base / "queue")
    await recover(house, [submission])
    await all_ended(house, [submission.part])
    assert {1} == set(ran(house).values())
