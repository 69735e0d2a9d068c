"""Time and chance, injected."""

import asyncio
import re
from datetime import UTC

from common_compute_connector import contract
from common_compute_connector.clock import HeldClock, ScaledClock, SystemClock


def test_a_held_clock_wakes_sleepers_in_the_order_of_their_times():
    """Nobody wakes before the clock was advanced far enough, and the earliest wakes first."""

    async def story():
        clock, woken = HeldClock(), []

        async def sleeper(seconds):
            await clock.sleep(seconds)
            woken.append(seconds)

        sleepers = [asyncio.create_task(sleeper(seconds)) for seconds in (3, 1, 2)]
        await asyncio.sleep(0)
        clock.advance(0.9)
        await asyncio.sleep(0)
        assert [] == woken
        clock.advance(1.5)
        await asyncio.sleep(0)
        assert [1, 2] == woken
        clock.advance(1)
        await asyncio.gather(*sleepers)
        assert [1, 2, 3] == woken

    asyncio.run(story())


def test_a_held_clock_gives_the_same_chance_for_the_same_seed():
    """Ids and chance are drawn from the seed."""
    one, same, other = HeldClock(seed=1), HeldClock(seed=1), HeldClock(seed=2)
    drawn = [(clock.new_id(), clock.chance()) for clock in (one, same, other)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_ids_fit_into_a_job_id_of_the_contract():
    """An id of any clock is one that the contract allows for a job."""
    pattern = contract.document()["components"]["schemas"]["JobIdentifier"]["pattern"]
    for clock in (SystemClock(), HeldClock()):
        assert re.fullmatch(pattern, clock.new_id())


def test_ids_sort_by_the_second_in_which_they_were_made():
    """Of two ids the later one is the greater, whatever was drawn for them."""
    clock = HeldClock()
    made = []
    for _ in range(50):
        made.append(clock.new_id())
        clock.advance(1)
    assert sorted(made) == made


def test_time_is_aware_utc_and_never_goes_back():
    """Whatever the machine's clock does, `now` does not decrease."""
    clock = SystemClock()
    times = [clock.now() for _ in range(50)]
    assert times == sorted(times)
    assert UTC == times[0].tzinfo


def test_a_scaled_clock_runs_as_many_times_as_fast():
    """A minute of a clock at 6000 passes while its owner sleeps it."""

    async def story():
        clock = ScaledClock(6000)
        start = clock.now()
        await clock.sleep(60)
        assert (clock.now() - start).total_seconds() >= 60

    asyncio.run(story())
