"""Jobs that come in droves: handing them over goes first for a while, and looking at them has its limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.dispatcher import Dispatcher
from common_compute_connector.facilities import Facilities
from common_compute_connector.jobs import State
from common_compute_connector.protocol import Accepted, Collected, Observation, Pace, TaskSeen
from common_compute_connector.store import Store
from common_compute_connector.store import jobs as stored


class Facility:
    """It takes two parts at a time, `seconds` each time, and notes what it is asked.

    A look lasts `look_seconds`; with `news` each look shows another attempt of each task.
    """

    facility_id = "slow"
    pace = Pace(appears_within_seconds=5, observe_every_seconds=2, batch=2)
    max_tasks_per_part = 1
    bound_to_host = False
    shares_server_account = False

    def __init__(
        self, clock: HeldClock, seconds: float, look_seconds: float = 0, *, news: bool = False
    ) -> None:
        self.asked: list[tuple[str, int]] = []
        self._clock, self._seconds, self._look_seconds = clock, seconds, look_seconds
        self._news = news
        self._attempt = 1

    async def describe(self):
        return {"id": "slow", "limits": {}}

    async def list_software(self):
        return []

    async def submit(self, batch):
        self.asked.append(("submit", len(batch)))
        self._clock.advance(self._seconds)
        return [Accepted(one.part.key, one.part.key.job_id) for one in batch]

    async def observe(self, parts):
        self.asked.append(("observe", len(parts)))
        self._clock.advance(self._look_seconds)
        self._attempt += self._news
        seen = [[TaskSeen(i, State.QUEUED, attempt=self._attempt) for i in live.live] for live in parts]
        return [Observation(live.part.key, tasks) for live, tasks in zip(parts, seen, strict=True)]

    async def close(self):
        pass


@pytest.fixture
def served(tmp_path):
    """Serve a facility for which seven jobs wait."""

    @asynccontextmanager
    async def serving(clock: HeldClock, facility: Facility) -> AsyncIterator[Dispatcher]:
        store = Store.open(f"sqlite:///{tmp_path}/jobs.db", tmp_path / "content", clock)
        dispatcher = Dispatcher(store, Facilities([facility], clock), clock)
        try:
            await dispatcher.open()
            for number in range(7):
                spec = {"facility_id": "slow", "command": ["x"]}
                job = stored.NewJob(f"job{number}", "me", "slow", spec, None, clock.now(), [range(1)])
                await store.write_together(stored.insert_jobs, job)
            yield dispatcher
        finally:
            await store.close()

    return serving


@pytest.fixture
def asked(served):
    """Have a facility take what waits, and give what it was asked."""

    def go(seconds: float) -> list[tuple[str, int]]:
        async def main():
            clock = HeldClock()
            facility = Facility(clock, seconds)
            async with served(clock, facility) as dispatcher:
                await dispatcher.step()
            return facility.asked

        return asyncio.run(main())

    return go


@pytest.fixture
def looks(served):
    """Have a facility with news at each look for 60 seconds, and give the seconds when it was looked at."""

    def go(look_seconds: float) -> list[float]:
        async def main():
            clock = HeldClock()
            facility = Facility(clock, 0, look_seconds, news=True)
            begun = clock.now()
            found = []
            async with served(clock, facility) as dispatcher:
                (cycle,) = dispatcher
                while (clock.now() - begun).total_seconds() < 60:
                    before = len(facility.asked)
                    at = (clock.now() - begun).total_seconds()
                    await cycle.run()
                    found += [at for word, _ in facility.asked[before:] if word == "observe"]
                    clock.advance(cycle.pause.total_seconds())
            return found

        return asyncio.run(main())

    return go


def test_all_that_waits_is_handed_over_before_what_is_there_is_looked_at(asked):
    """A look after each batch would hold up the rest of them."""
    assert [("submit", 2), ("submit", 2), ("submit", 2), ("submit", 1), ("observe", 7)] == asked(0)


def test_however_many_come_what_is_there_is_looked_at_in_its_time(asked):
    """Handing over takes a second each time, and a look is due every two."""
    words = [word for word, _ in asked(1)]
    assert ["submit", "submit", "observe", "submit", "submit", "observe"] == words[:6]


def test_news_are_no_reason_to_ask_for_more_at_once(looks):
    """Where a thousand tasks run there are always news, and each look costs the facility something."""
    assert [2.0 * number for number in range(30)] == looks(0)


@pytest.mark.parametrize(("seconds", "times"), [(1, [0, 4, 8, 12]), (5, [0, 11, 22, 33]), (60, [0])])
def test_long_looks_are_rarer(looks, seconds, times):
    """A look of a second is followed by three without, and a longer one by no more than three intervals."""
    assert times == looks(seconds)[:4]


class Collecting(Facility):
    """Its first job ends at once and the others at the next look; collections wait for `may_end`."""

    def __init__(self, clock: HeldClock) -> None:
        super().__init__(clock, 0)
        self.may_end = asyncio.Event()
        self.looks = 0

    async def observe(self, parts):
        self.looks += 1
        ended = [live.part.key.job_id == "job0" or self.looks > 1 for live in parts]
        states = [State.SUCCEEDED if each else State.RUNNING for each in ended]
        return [
            Observation(live.part.key, [TaskSeen(i, state, exit_code=0) for i in live.live])
            for live, state in zip(parts, states, strict=True)
        ]

    async def collect(self, tasks):
        self.asked.append(("collect", len(tasks)))
        await self.may_end.wait()
        for task in tasks:
            yield Collected(task.part.key, task.index)


def test_what_ends_during_a_collection_is_collected_right_after_it(served):
    """No other look has to come for that."""

    async def main():
        clock = HeldClock()
        facility = Collecting(clock)
        async with served(clock, facility) as dispatcher:
            (cycle,) = dispatcher
            await cycle.run()
            await asyncio.sleep(0)  # the collection begins
            clock.advance(cycle.pause.total_seconds())
            await cycle.run()
            facility.may_end.set()
            while await cycle._homecoming.finished():
                pass
        return [each for each in facility.asked if each[0] == "collect"]

    assert [("collect", 1), ("collect", 6)] == asyncio.run(main())
