"""A big array of long scripts is worked out in portions, and nobody waits for it."""

from __future__ import annotations

import asyncio
from typing import Any

from common_compute_connector.plan import task_count
from common_compute_connector.protocol import Accepted, Deferred, Part, PartKey, Submission

TASKS = 12
DIGITS = "0 1 2 3 4 5 6 7 8 9"
LONG = f"""
for a in {DIGITS}; do for b in {DIGITS}; do for c in {DIGITS}; do :; :; :; :; :; done; done; done
echo "$CC_TASK_INDEX: $a$b$c"
"""


def big_array(bench: Any) -> Any:
    return bench.spec("/bin/sh", "-c", LONG, array={"count": TASKS})


def patiently(bench: Any, spec: Any) -> tuple[int, Part]:
    for calls in range(1, TASKS + 1):
        outcome = bench.offer(spec)
        if isinstance(outcome, Accepted):
            return calls, Part(outcome.key, "anna", 0, TASKS, outcome.handle)
        assert isinstance(outcome, Deferred)
    raise AssertionError("never accepted")


def test_each_offer_goes_on_where_the_last_one_stopped(bench: Any) -> None:
    """A big array is put off for some offers, fewer than it has tasks, and then taken as of that moment."""
    calls, part = patiently(bench, big_array(bench))
    assert 1 < calls < TASKS
    ended = bench.end(part, TASKS - 1)
    assert 0 == ended.exit_code
    assert b"11: 999\n" == bench.home(part, big_array(bench), TASKS - 1).logs["stdout"]


def test_a_small_job_is_taken_at_once_beside_a_big_array(bench: Any) -> None:
    """What one facility is handed together does not wait for the biggest part of it."""
    big, small = big_array(bench), bench.spec("echo", "hello")
    batch = [
        Submission(Part(PartKey(name, 0), "anna", 0, task_count(spec)), spec, task_count(spec))
        for name, spec in (("job-big", big), ("job-small", small))
    ]
    kinds = {answer.key.job_id: type(answer) for answer in asyncio.run(bench.connector.submit(batch))}
    assert {"job-big": Deferred, "job-small": Accepted} == kinds


def test_a_part_put_off_is_not_at_the_facility(bench: Any) -> None:
    """A part that was put off is not found by its key, and leaves nothing for another life of its mock."""
    spec = big_array(bench)
    outcome = bench.offer(spec)
    found = bench.connector_find(Part(outcome.key, "anna", 0, TASKS))
    assert ("Deferred", "Absent") == (type(outcome).__name__, type(found).__name__)


def test_a_lost_memory_comes_back_in_portions(bench: Any) -> None:
    """After a restart a big array is left out of some observations, and then seen as it was before."""
    _, part = patiently(bench, big_array(bench))
    bench.clock.advance(0.25)
    before = bench.observe(part)
    bench.restart()
    seen = [bench.observe(part) for _ in range(TASKS)]
    assert before is not None
    assert seen[0] is None
    assert before == seen[-1]
