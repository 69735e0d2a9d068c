"""Jobs that come in droves: handing them over goes before looking after those that are there, for a while."""

from __future__ import annotations

import asyncio

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.dispatcher import Dispatcher
from common_compute_connector.facilities import Facilities
from common_compute_connector.jobs import State
from common_compute_connector.protocol import Accepted, Observation, Pace, TaskSeen
from common_compute_connector.store import Store
from common_compute_connector.store import jobs as stored


class Facility:
    """It takes two parts at a time, `seconds` each time, and notes what it is asked."""

    facility_id = "slow"
    pace = Pace(appears_within_seconds=5, observe_every_seconds=2, batch=2)
    max_tasks_per_part = 1
    bound_to_host = False
    shares_server_account = False

    def __init__(self, clock: HeldClock, seconds: float) -> None:
        self.asked: list[tuple[str, int]] = []
        self._clock, self._seconds = clock, seconds

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
        return [Observation(live.part.key, [TaskSeen(i, State.QUEUED) for i in live.live]) for live in parts]

    async def close(self):
        pass


@pytest.fixture
def asked(tmp_path):
    """Have a facility take seven jobs that are waiting together, and give what it was asked."""

    def go(seconds: float) -> list[tuple[str, int]]:
        async def main():
            clock = HeldClock()
            store = Store.open(f"sqlite:///{tmp_path}/jobs.db", tmp_path / "content", clock)
            facility = Facility(clock, seconds)
            dispatcher = Dispatcher(store, Facilities([facility], clock), clock)
            try:
                await dispatcher.open()
                for number in range(7):
                    spec = {"facility_id": "slow", "command": ["x"]}
                    job = stored.NewJob(f"job{number}", "me", "slow", spec, None, clock.now(), [range(1)])
                    await store.write_together(stored.insert_jobs, job)
                await dispatcher.step()
            finally:
                await store.close()
            return facility.asked

        return asyncio.run(main())

    return go


def test_all_that_waits_is_handed_over_before_what_is_there_is_looked_at(asked):
    """A look after each batch would hold up the rest of them."""
    assert [("submit", 2), ("submit", 2), ("submit", 2), ("submit", 1), ("observe", 7)] == asked(0)


def test_however_many_come_what_is_there_is_looked_at_in_its_time(asked):
    """Handing over takes a second each time, and a look is due every two."""
    words = [word for word, _ in asked(1)]
    assert ["submit", "submit", "observe", "submit", "submit", "observe"] == words[:6]
