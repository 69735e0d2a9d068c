"""What happens to a whole mocked facility: every verb meets it, and it comes and goes by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector.errors import FacilityUnavailable
from common_compute_connector.jobs import State
from common_compute_connector.protocol import EndedTask, LivePart, Submission
from common_compute_connector.schemas import component
from common_compute_mocks.facility import mock_configuration

Begin = Callable[[str], None]


@pytest.fixture
def begin(bench: Any, tmp_path: Path) -> Begin:
    """Start the bench's facility with scenarios that a YAML text says the facility parts of."""

    def start(*parts: str) -> None:
        path = tmp_path / "weather.yaml"
        names = [f"w{number}" for number in range(len(parts))]
        entries = zip(names, parts, strict=True)
        path.write_text("".join(f"{name}: {{summary: x, facility: {part}}}\n" for name, part in entries))
        bench._configuration = mock_configuration(bench.flavour, 7, scenarios=[str(path)], weather=names)
        bench.restart()

    return start


async def everything(chunks: Any) -> None:
    async for _ in chunks:
        pass


VERBS: dict[str, Callable[[Any, Any], Any]] = {
    "submit": lambda facility, part: facility.submit([Submission(part, {"command": ["true"]}, 1)]),
    "find": lambda facility, part: facility.find([part]),
    "observe": lambda facility, part: facility.observe([LivePart(part, [0])]),
    "cancel": lambda facility, part: facility.cancel([LivePart(part, [0])]),
    "collect": lambda facility, part: everything(facility.collect([EndedTask(part, 0, ())])),
    "read_log": lambda facility, part: facility.read_log(part, 0, "stdout", 0, None),
    "release": lambda facility, part: facility.release([part]),
}


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_reaches_a_facility_that_is_down(bench: Any, begin: Begin, verb: str) -> None:
    """Every verb about jobs fails alike, changes nothing, and says how long it will take."""
    begin("{down: [{after_seconds: 2, for_seconds: 7}]}")
    part = bench.submit(bench.spec("sleep", "4"))
    bench.clock.advance(5)
    with pytest.raises(FacilityUnavailable) as told:
        asyncio.run(VERBS[verb](bench.connector, part))
    assert (bench.flavour, 4) == (told.value.facility_id, told.value.retry_after_seconds)
    bench.clock.advance(4)
    assert (State.SUCCEEDED, 0) == (bench.see(part).state, bench.see(part).exit_code)


def test_a_facility_that_is_down_is_still_described(bench: Any, begin: Begin) -> None:
    """What the service knows of a facility already it does not have to ask for."""
    begin("{down: [{for_seconds: 7}]}")
    assert bench.flavour == asyncio.run(bench.connector.describe())["id"]
    assert list(asyncio.run(bench.connector.list_software())) is not None


def edges(bench: Any, *, watched: bool, most: int = 10) -> list[float]:
    found: list[float] = []
    start = at = bench.clock.now()
    while len(found) < most and (at := bench.connector.weather.next_change(at, watched=watched)):
        found.append((at - start).total_seconds())
    return found


def test_the_weather_of_several_scenarios_adds_up(bench: Any, begin: Begin) -> None:
    """Times without an answer add up; of two words about one thing the later one holds."""
    begin(
        "{down: [{after_seconds: 5, for_seconds: 5}], credential: {state: valid}}",
        "{down: [{after_seconds: 8, for_seconds: 9}], status: {state: degraded}}",
        "{credential: {state: expired}}",
    )
    assert {"state": "expired"} == bench.connector.weather.credential
    assert "degraded" == asyncio.run(bench.connector.describe())["status"]["state"]
    assert [5, 8, 10, 17] == edges(bench, watched=True)


def test_a_time_comes_again(bench: Any, begin: Begin) -> None:
    """A time without an answer that repeats itself does so to the microsecond, for ever."""
    begin("{down: [{after_seconds: 0.1, for_seconds: 0.1, every_seconds: 0.3}]}")
    assert [0.1, 0.2, 0.4, 0.5, 0.7, 0.8, 1.0, 1.1, 1.3, 1.4] == edges(bench, watched=True)
    part = bench.submit(bench.spec("sleep", "600"))
    for tenth in range(1, 300):
        bench.clock.advance(0.1)
        if tenth % 3 == 1:
            with pytest.raises(FacilityUnavailable):
                bench.observe(part)
        else:
            assert bench.observe(part) is not None


def test_only_an_end_is_waited_for_when_there_is_nothing_to_see(bench: Any, begin: Begin) -> None:
    """The next change is the facility's return, also without a job; that it goes away counts beside jobs only."""
    begin("{down: [{after_seconds: 5, for_seconds: 5, every_seconds: 60}]}")
    start = bench.clock.now()
    assert bench.connector.next_change(start) is None
    bench.submit(bench.spec("sleep", "600"))
    bench.clock.advance(4)
    assert 5 == (bench.connector.next_change(bench.clock.now()) - start).total_seconds()
    bench.restart()
    bench.clock.advance(6)
    assert 14 == (bench.connector.next_change(bench.clock.now()) - start).total_seconds()


def test_a_status_comes_and_goes(bench: Any, begin: Begin) -> None:
    """The status is in the document while it holds, and fits the contract."""
    begin("{status: {state: maintenance, message: Back soon., after_seconds: 10, for_seconds: 5}}")
    told = []
    for _ in range(4):
        document = asyncio.run(bench.connector.describe())
        told.append(document.get("status", {}).get("message"))
        assert [] == component("Facility").faults({"status": {"state": "available"}} | document)
        bench.clock.advance(5)
    assert [None, None, "Back soon.", None] == told


def test_held_jobs_wait_until_the_end(bench: Any, begin: Begin) -> None:
    """A job that comes while jobs are held waits in the queue until they are not, also after a restart."""
    begin("{status: {state: maintenance, after_seconds: 10, for_seconds: 50, holds_jobs: true}}")
    early = bench.submit(bench.spec("true"), "job-early")
    bench.clock.advance(20)
    assert State.SUCCEEDED == bench.see(early).state
    held = bench.submit(bench.spec("true", scenario="requeue"), "job-held")
    bench._configuration = mock_configuration(bench.flavour, 7)
    bench.restart()
    bench.clock.advance(39)
    assert (State.QUEUED, 1) == (bench.see(held).state, bench.see(held).attempt)
    bench.clock.advance(5)
    assert (State.SUCCEEDED, 2) == (bench.see(held).state, bench.see(held).attempt)


def test_only_the_tasks_that_are_meant_fall_silent(bench: Any, tmp_path: Path) -> None:
    """Where a scenario is of some tasks, the others go on being seen, and the next change is of them all."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        "some: {summary: x, silence: {after_seconds: 0, for_seconds: 30}, tasks: {indices: [1, 2]}}"
    )
    bench._configuration = mock_configuration(bench.flavour, 7, scenarios=[str(path)])
    bench.restart()
    part = bench.submit(bench.spec("true", scenario="some", array={"count": 4}))
    bench.clock.advance(5)
    seen = bench.observe(part).tasks
    assert [(0, State.SUCCEEDED), (3, State.SUCCEEDED)] == [(task.index, task.state) for task in seen]
    assert bench.observe(part, 1, 2) is None
    bench.clock.advance(25)
    assert [0, 1, 2, 3] == [task.index for task in bench.observe(part).tasks]
