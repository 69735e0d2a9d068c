"""The store on SQLite: group commit, lists, keys."""

import asyncio
from datetime import timedelta

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.jobs import State
from common_compute_connector.store import Store
from common_compute_connector.store import jobs as stored
from common_compute_connector.store.keys import Idempotency, find_key
from common_compute_connector.store.settings import keep_once


@pytest.fixture
def run(tmp_path):
    """Run a coroutine function that takes an open store and its clock."""

    def go(story):
        async def main():
            clock = HeldClock()
            store = Store.open(f"sqlite:///{tmp_path}/jobs.db", tmp_path / "content", clock)
            try:
                return await story(store, clock)
            finally:
                await store.close()

        return asyncio.run(main())

    return go


async def _insert(store, clock, job_id, *, owner="me", key=None, **spec):
    spec = {"facility_id": "f", "command": ["x"], **spec}
    idempotency = Idempotency(key, "digest") if key else None
    job = stored.NewJob(job_id, owner, "f", spec, None, clock.now(), [range(1)], idempotency)
    return await store.write_together(stored.insert_jobs, job)


def test_what_is_inserted_is_told_as_it_is_found(run):
    """A job that was inserted is given exactly as a later look finds it, also an array and one shown otherwise."""

    async def story(store, clock):
        array = {"facility_id": "f", "command": ["x"], "array": {"count": 5}}
        parts = [range(2), range(2, 5)]
        new = stored.NewJob("b", "me", "f", array, {**array, "command": ["y"]}, clock.now(), parts)
        kept = [
            await _insert(store, clock, "a", labels={"x": "1"}),
            await store.write_together(stored.insert_jobs, new),
        ]
        clock.advance(5)
        assert [
            await store.read(lambda held, job_id=job_id: stored.find_job(held, "me", job_id))
            for job_id in "ab"
        ] == kept

    run(story)


def test_one_bad_order_in_a_group_undoes_itself_alone(run):
    """Work that fails is rolled back and told to its caller; its neighbours are committed."""

    async def story(store, clock):
        async def bad():
            def work(connection):
                keep_once(connection, "half", "done")
                raise RuntimeError("no")

            with pytest.raises(RuntimeError, match="no"):
                await store.write(work)

        orders = [_insert(store, clock, f"j{n}") for n in range(20)]
        await asyncio.gather(*orders[:10], bad(), *orders[10:])
        assert {"pending": 20} == await store.read(stored.count_states)
        assert "new" == await store.write(lambda held: keep_once(held, "half", "new"))

    run(story)


def test_a_duplicate_among_many_fails_alone(run):
    """Items written together that cannot stand together are tried one by one."""

    async def story(store, clock):
        orders = [_insert(store, clock, f"j{n}") for n in (1, 2, 2, 3)]
        answers = await asyncio.gather(*orders, return_exceptions=True)
        assert 1 == sum(isinstance(answer, Exception) for answer in answers)
        assert {"pending": 3} == await store.read(stored.count_states)

    run(story)


def test_what_was_written_is_there_for_the_next_process(run):
    """A job is on disk when the insertion has returned, and so is the store's own secret."""

    async def first(store, clock):
        await _insert(store, clock, "a")
        return store.secret

    async def second(store, clock):
        assert (await store.read(lambda held: stored.find_job(held, "me", "a"))).id == "a"
        return store.secret

    assert run(first) == run(second)


def test_twins_make_one_job(run):
    """Of insertions with one key exactly one is taken, in one group and in separate ones."""

    async def story(store, clock):
        answers = await asyncio.gather(*[_insert(store, clock, f"j{n}", key="k") for n in range(5)])
        assert [False] * 4 + [True] == sorted(job is not None for job in answers)
        assert not await _insert(store, clock, "later", key="k")
        assert await _insert(store, clock, "other", owner="you", key="k")

    run(story)


def test_a_key_is_free_a_day_after_its_201_if_its_job_is_released(run):
    """While the job exists the key holds; after its release it holds for the rest of 24 hours."""

    async def story(store, clock):
        await _insert(store, clock, "a", key="k")
        clock.advance(timedelta(hours=30).total_seconds())
        assert "a" == (await store.read(lambda held: find_key(held, "me", "k", clock.now()))).job_id
        assert not await _insert(store, clock, "twin", key="k")
        await store.write(lambda held: held.exec_driver_sql("UPDATE jobs SET state = 'failed'"))
        await store.write(lambda held: stored.release_job(held, "me", "a", clock.now()))
        assert await store.read(lambda held: find_key(held, "me", "k", clock.now())) is None
        assert await _insert(store, clock, "b", key="k")
        await store.write(lambda held: held.exec_driver_sql("UPDATE jobs SET state = 'failed'"))
        await store.write(lambda held: stored.release_job(held, "me", "b", clock.now()))
        kept = await store.read(lambda held: find_key(held, "me", "k", clock.now()))
        assert clock.now() == kept.released_at
        assert not await _insert(store, clock, "c", key="k")

    run(story)


def test_pages_hold_every_job_once_whatever_arrives(run):
    """Jobs present throughout the paging appear exactly once, newest first."""

    async def story(store, clock):
        for number in range(25):
            await _insert(store, clock, f"j{number:02}")
            clock.advance(number % 3)  # several share a time
        seen, position = [], None
        while page := await store.read(
            lambda held, at=position: stored.list_jobs(held, "me", stored.JobFilter(), at, 4)
        ):
            seen += [listed.job.id for listed in page]
            position = page[-1].position
            await _insert(store, clock, f"late{len(seen)}")
        assert [f"j{number:02}" for number in reversed(range(25))] == seen

    run(story)


def test_filters_hold_together_and_only_the_callers_own_jobs_are_seen(run):
    """All labels must hold, any of the states, the facility, and times strictly after."""

    async def story(store, clock):
        start = clock.now()
        await _insert(store, clock, "a", labels={"x": "1", "y": "2"})
        clock.advance(1)
        await _insert(store, clock, "b", labels={"x": "1"})
        await _insert(store, clock, "c", owner="you", labels={"x": "1"})

        async def ids(**wanted):
            found = await store.read(
                lambda held: stored.list_jobs(held, "me", stored.JobFilter(**wanted), None, 10)
            )
            return [listed.job.id for listed in found]

        assert ["b", "a"] == await ids(labels=[("x", "1")])
        assert ["a"] == await ids(labels=[("x", "1"), ("y", "2")])
        assert [] == await ids(labels=[("x", "2")])
        assert ["b"] == await ids(created_after=start)
        assert ["b"] == await ids(updated_after=start)
        assert [] == await ids(states=[State.RUNNING])
        assert ["b", "a"] == await ids(states=[State.RUNNING, State.PENDING])
        assert [] == await ids(facility_id="g")
        assert await store.read(lambda held: stored.find_job(held, "you", "a")) is None

    run(story)


def test_a_wish_to_cancel_is_noted_once(run):
    """Repeats of a cancellation change nothing."""

    async def story(store, clock):
        await _insert(store, clock, "a")
        cancel = lambda held: stored.request_cancel(held, "me", "a", clock.now())  # noqa: E731
        first = await store.write(cancel)
        clock.advance(5)
        assert first == await store.write(cancel)
        assert await store.write(lambda held: stored.request_cancel(held, "you", "a", clock.now())) is None

    run(story)


def test_a_change_wakes_who_waits_and_time_ends_the_waiting(run):
    """Waiting ends at the job's change, at no other job's, or when its time is over."""

    async def story(store, clock):
        await _insert(store, clock, "a")
        await _insert(store, clock, "b")
        waiting = asyncio.create_task(store.changes.wait("a", 30, clock))
        await store.write(lambda held: stored.request_cancel(held, "me", "b", clock.now()))
        assert not waiting.done()
        await store.write(lambda held: stored.request_cancel(held, "me", "a", clock.now()))
        assert await waiting
        waiting = asyncio.create_task(store.changes.wait("a", 30, clock))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        clock.advance(31)
        assert not await waiting

    run(story)


def test_an_sqlite_file_has_one_process(run, tmp_path):
    """A second server on the same file is told so, before it could submit anything twice."""

    async def story(store, clock):
        with pytest.raises(ConfigurationError, match="another process"):
            Store.open(f"sqlite:///{tmp_path}/jobs.db", tmp_path / "content", clock)

    run(story)
    run(lambda store, clock: store.read(stored.count_states))
