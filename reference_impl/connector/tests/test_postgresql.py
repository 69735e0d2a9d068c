"""Several server processes on one PostgreSQL: they share the work and hear of each other's changes."""

import asyncio
from datetime import timedelta

import pytest

from common_compute_connector.clock import SystemClock
from common_compute_connector.dispatcher import Dispatcher
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.facilities import Facilities
from common_compute_connector.jobs import State
from common_compute_connector.protocol import Accepted, Collected, Observation, Pace, TaskSeen
from common_compute_connector.store import Store
from common_compute_connector.store import jobs as stored_jobs
from common_compute_connector.store import keys as stored_keys
from common_compute_connector.store import parts as stored_parts
from common_compute_connector.store.replicas import Replica

pytestmark = [pytest.mark.real, pytest.mark.needs("postgres")]


class Quick:
    """A facility that is done with everything at once and counts what it was given."""

    facility_id = "quick"
    pace = Pace(appears_within_seconds=5, observe_every_seconds=0.02, batch=5)
    max_tasks_per_part = 10
    bound_to_host = False
    shares_server_account = False

    def __init__(self) -> None:
        self.submitted: list = []

    async def describe(self):
        return {"id": "quick", "limits": {"result_retention_seconds": 100}}

    async def list_software(self):
        return []

    async def submit(self, batch):
        await asyncio.to_thread(lambda: None)
        self.submitted += [submission.part.key for submission in batch]
        return [Accepted(submission.part.key, "x") for submission in batch]

    async def find(self, parts):
        return []

    async def observe(self, parts):
        ended = TaskSeen(0, State.SUCCEEDED, exit_code=0)
        return [Observation(live.part.key, [ended]) for live in parts]

    async def collect(self, ended):
        for task in ended:
            yield Collected(task.part.key, task.index)

    async def close(self):
        pass


def _new(clock, job_id, key=None):
    spec = {"facility_id": "quick", "command": ["x"], "labels": {"a": "b"}}
    idempotency = stored_keys.Idempotency(key, "digest") if key else None
    return stored_jobs.NewJob(job_id, "me", "quick", spec, None, clock.now(), [range(1)], idempotency)


def test_two_servers_share_the_work_and_submit_nothing_twice(postgres_url, tmp_path):
    """With two dispatchers on one database each of 120 jobs is submitted once, and both take part."""

    async def story():
        clock = SystemClock()
        stores = [Store.open(postgres_url, tmp_path / "content", clock) for _ in range(2)]
        quick = [Quick(), Quick()]
        dispatchers = [
            Dispatcher(store, Facilities([facility], clock), clock, Replica(f"r{n}", "host", "same"))
            for n, (store, facility) in enumerate(zip(stores, quick, strict=True))
        ]
        for dispatcher in dispatchers:
            await dispatcher.open()
            dispatcher.start()
        for number in range(120):
            job = _new(clock, f"j{number}")
            await stores[number % 2].write_together(stored_jobs.insert_jobs, job)
            dispatchers[number % 2].wake("quick")
        for _ in range(600):
            counts = await stores[0].read(stored_jobs.count_states)
            if counts == {"succeeded": 120}:
                break
            await clock.sleep(0.05)
        for dispatcher in dispatchers:
            await dispatcher.stop()
        for store in stores:
            await store.close()
        assert {"succeeded": 120} == counts
        assert 120 == len(quick[0].submitted) + len(quick[1].submitted)
        assert 120 == len({*quick[0].submitted, *quick[1].submitted})
        assert quick[0].submitted
        assert quick[1].submitted

    asyncio.run(story())


def test_a_change_by_one_server_wakes_who_waits_at_another(postgres_url, tmp_path):
    """`wait_seconds` at one replica ends when another one writes the change."""

    async def story():
        clock = SystemClock()
        here, there = (Store.open(postgres_url, tmp_path / "content", clock) for _ in range(2))
        here.listen()
        await there.write_together(stored_jobs.insert_jobs, _new(clock, "a"))
        await clock.sleep(0.7)  # the listener is on its connection
        waiting = asyncio.create_task(here.changes.wait("a", 20, clock))
        await asyncio.sleep(0)
        await there.write(lambda held: stored_jobs.request_cancel(held, "me", "a", clock.now()))
        assert await waiting
        await here.close()
        await there.close()

    asyncio.run(story())


def test_twins_at_two_servers_make_one_job(postgres_url, tmp_path):
    """Of two submissions with one key at two replicas exactly one is inserted."""

    async def story():
        clock = SystemClock()
        stores = [Store.open(postgres_url, tmp_path / "content", clock) for _ in range(2)]
        for number in range(20):
            twins = [
                store.write_together(stored_jobs.insert_jobs, _new(clock, f"j{number}-{n}", f"key-{number}"))
                for n, store in enumerate(stores)
            ]
            kept = await asyncio.gather(*twins)
            assert [False, True] == sorted(job is not None for job in kept)
        assert {"pending": 20} == await stores[0].read(stored_jobs.count_states)
        for store in stores:
            await store.close()

    asyncio.run(story())


def test_a_server_with_another_configuration_is_refused(postgres_url, tmp_path):
    """A replica joins only those that run on the same configuration."""

    async def story():
        clock = SystemClock()
        store = Store.open(postgres_url, tmp_path / "content", clock)
        facilities = Facilities([Quick()], clock)
        first = Dispatcher(store, facilities, clock, Replica("one", "host-a", "digest-1"))
        await first.open()
        second = Dispatcher(store, facilities, clock, Replica("two", "host-b", "digest-2"))
        with pytest.raises(ConfigurationError, match="host-a"):
            await second.open()
        await first.stop()
        await second.open()
        await store.close()

    asyncio.run(story())


def test_a_part_that_is_bound_to_a_host_stays_there(postgres_url, tmp_path):
    """What one host leased first is leased again only there, as with processes of its own."""

    async def story():
        clock = SystemClock()
        store = Store.open(postgres_url, tmp_path / "content", clock)
        await store.write_together(stored_jobs.insert_jobs, _new(clock, "a"))
        a, b = (stored_parts.Claimant("quick", name, f"host-{name}") for name in "ab")
        now = clock.now()
        later = now + timedelta(seconds=9)
        assert 1 == len(await store.write(lambda c: stored_parts.claim_parts(c, a, now, now, 10)))
        assert [] == await store.write(lambda c: stored_parts.claim_parts(c, b, later, later, 10))
        assert 1 == len(await store.write(lambda c: stored_parts.claim_parts(c, a, later, later, 10)))
        await store.close()

    asyncio.run(story())
