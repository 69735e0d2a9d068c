"""When a mock will next show something new: the moments that a held clock has to stop at, and no others."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from common_compute_connector.jobs import State

MOMENT = timedelta(microseconds=1)


def changes(bench: Any) -> list[datetime]:
    """Go from one change to the next until there is none, and give their moments."""
    found = []
    while (at := bench.connector.next_change(bench.clock.now())) is not None:
        assert at > bench.clock.now()
        found.append(at)
        go_to(bench, at)
    return found


def go_to(bench: Any, at: datetime) -> None:
    """Let the clock stand at a moment, to the microsecond."""
    bench.clock.advance((at - bench.clock.now()).total_seconds())
    assert at == bench.clock.now()


SCENARIOS = ("succeeds", "killed", "slow_queue", "requeue", "node_failure", "lost_contact", "forgotten")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_between_two_changes_nothing_changes(bench: Any, scenario: str) -> None:
    """At each moment that is told something is new, and just before it everything is as it was at the last one."""
    part = bench.submit(bench.spec("sleep", "1", scenario=scenario))
    seen, found = bench.observe(part), 0
    while (at := bench.connector.next_change(bench.clock.now())) is not None:
        go_to(bench, at - MOMENT)
        assert seen == bench.observe(part)
        go_to(bench, at)
        assert seen != bench.observe(part)
        seen, found = bench.observe(part), found + 1
    assert not seen.known or seen.tasks[0].state.terminal
    assert found >= 2


def test_a_cancel_is_a_change_of_its_own(bench: Any) -> None:
    """A cancel moves the next change to its confirmation, and what would have come is expected no more."""
    part = bench.submit(bench.spec("sleep", "600"))
    bench.clock.advance(5)
    would_end = bench.connector.next_change(bench.clock.now())
    bench.cancel(part)
    (confirmed,) = changes(bench)
    assert confirmed < would_end
    assert State.CANCELLED == bench.see(part).state


def test_the_nearest_of_all_tasks_is_told(bench: Any) -> None:
    """Of many jobs and tasks the nearest change is told, and what is over stands in nobody's way."""
    lengths = [f"{2 + index % 7}.{index:02}" for index in range(40)]
    parts = [bench.submit(bench.spec("sleep", length), f"job-{length}") for length in lengths]
    spec = bench.spec("/bin/sh", "-c", "sleep {{S}}", array={"parameters": [{"S": "1"}, {"S": "9"}]})
    array = bench.submit(spec, "job-array")
    found = changes(bench)
    assert sorted(set(found)) == found
    ends = [bench.see(part) for part in parts] + list(bench.observe(array).tasks)
    assert {State.SUCCEEDED} == {end.state for end in ends}
    assert len(found) >= len(ends)


def test_what_is_released_is_not_waited_for(bench: Any) -> None:
    """A part that was released, or whose results came home, changes nothing any more."""
    spec = bench.spec("sleep", "60", array={"count": 200})
    gone = bench.submit(spec, "job-gone")
    bench.release(gone)
    assert bench.connector.next_change(bench.clock.now()) is None
    ended = bench.submit(bench.spec("true"), "job-ended")
    bench.clock.advance(30)
    assert State.SUCCEEDED == bench.see(ended).state
    bench.home(ended, {})
    assert bench.connector.next_change(bench.clock.now()) is None


def test_after_a_restart_a_part_counts_once_it_was_looked_at(bench: Any) -> None:
    """A facility without memory expects nothing until it is asked for a part, and then what it expected before."""
    part = bench.submit(bench.spec("sleep", "60"))
    expected = bench.connector.next_change(bench.clock.now())
    bench.restart()
    assert bench.connector.next_change(bench.clock.now()) is None
    bench.observe(part)
    assert expected == bench.connector.next_change(bench.clock.now())
