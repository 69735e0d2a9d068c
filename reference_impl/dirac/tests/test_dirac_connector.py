"""The connector's verbs over a DIRAC in memory: how many calls there are, as whom, and what silence means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.errors import FacilityUnavailable, LogUnavailable
from common_compute_connector.jobs import Reason, State
from common_compute_connector.protocol import Collected, EndedTask, LivePart, Part, PartKey
from common_compute_dirac.connector import DiracFacility
from common_compute_dirac.enrolments import OneUser
from common_compute_dirac.handles import Handle
from common_compute_dirac.settings import Settings
from common_compute_dirac.worker import DiracRefused, DiracUnreachable, Identity

ALICE, BOB = (Identity(f"/O=Grid/CN={name}", "cta_user") for name in ("alice", "bob"))


class Dirac:
    """Jobs by number with their states; faults by call and identity."""

    def __init__(self) -> None:
        self.jobs: dict[int, dict[str, Any]] = {}
        self.faults: dict[tuple[str, Identity | None], Exception] = {}
        self.calls: list[tuple[str, Identity | None, Any]] = []
        self.closed = False

    async def call(
        self, name: str, arguments: Any, acting: Identity | None = None, *, deadline_seconds: float
    ) -> Any:
        self.calls.append((name, acting, arguments))
        if (name, acting) in self.faults:
            raise self.faults[name, acting]
        match name:
            case "status":
                return {str(number): self.jobs[number] for number in arguments["jobs"] if number in self.jobs}
            case "delete":
                for number in arguments["jobs"]:
                    job = self.jobs[number]
                    job["Status"] = "Killed" if job["Status"] == "Running" else "Deleted"
            case "describe":
                return {
                    "version": "9.1.22",
                    "sites": ["LCG.A.org"],
                    "platforms": [],
                    "max_parametric_jobs": 20,
                    "max_sandbox_bytes": 10 << 20,
                    "groups": {"cta_user": "cta"},
                    "file_catalogs": [],
                    "storage_elements": [],
                }
            case "output_sandbox":
                return None
        return []

    async def close(self) -> None:
        self.closed = True

    def named(self, name: str) -> list[tuple[Identity | None, Any]]:
        """Give the calls of one name."""
        return [(acting, arguments) for called, acting, arguments in self.calls if called == name]


class Bench:
    """Everything around."""

    def __init__(self, settings: Settings) -> None:
        self.clock = HeldClock()
        self.dirac = Dirac()
        self.facility = DiracFacility(
            settings,
            self.dirac,  # type: ignore[arg-type]
            self.dirac,  # type: ignore[arg-type]
            OneUser(settings),
            self.clock,
            "service",
        )

    def part(self, acting: Identity, *states: str, name: str = "job") -> Part:
        """Give an accepted part whose jobs are in these states."""
        first = len(self.dirac.jobs) + 1
        numbers = tuple(range(first, first + len(states)))
        for number, state in zip(numbers, states, strict=True):
            self.dirac.jobs[number] = {"Status": state, "MinorStatus": "minor"}
        key = PartKey(f"{name}-{first}", 0)
        return Part(key, "alice", 0, len(states), Handle(numbers, acting, "v1").text())


@pytest.fixture
def bench(settings: Callable[..., Settings]) -> Bench:
    """Give it."""
    return Bench(settings(lost_after_seconds=60))


def whole(*parts: Part) -> list[LivePart]:
    """Give parts of which all tasks are live."""
    return [LivePart(part, list(part.indices)) for part in parts]


async def test_one_call_for_each_credential(bench: Bench) -> None:
    """However many jobs are alive, their states are asked for in one call for each of their users."""
    parts = [bench.part(acting, "Running", "Waiting") for acting in (ALICE, BOB) for _ in range(50)]
    seen = {observation.key: observation for observation in await bench.facility.observe(whole(*parts))}
    assert [ALICE, BOB] == [acting for acting, _ in bench.dirac.named("status")]
    assert {part.key for part in parts} == set(seen)
    for observation in seen.values():
        assert [State.RUNNING, State.QUEUED] == [task.state for task in observation.tasks]


async def test_what_a_credential_cannot_do_holds_up_no_other(bench: Bench) -> None:
    """A refusal is no news about that user's jobs; a silence is the facility's."""
    alices, bobs = bench.part(ALICE, "Running"), bench.part(BOB, "Running")
    bench.dirac.faults["status", ALICE] = DiracRefused("not-a-member", "no", 0)
    (observation,) = await bench.facility.observe(whole(alices, bobs))
    assert bobs.key == observation.key
    bench.dirac.faults["status", ALICE] = DiracUnreachable("silence", started=True)
    with pytest.raises(FacilityUnavailable, match="silence"):
        await bench.facility.observe(whole(alices, bobs))


async def test_a_job_that_dirac_does_not_know(bench: Bench) -> None:
    """A part of which nothing is there is unknown; of one that is there in part nothing is said of the rest."""
    gone, half = bench.part(ALICE, "Running"), bench.part(ALICE, "Running", "Running")
    del bench.dirac.jobs[1], bench.dirac.jobs[3]
    first, second = await bench.facility.observe(whole(gone, half))
    assert (False, True) == (first.known, second.known)
    assert [0] == [task.index for task in second.tasks]


async def test_who_wanted_the_end_is_told(bench: Bench) -> None:
    """A job that is killed after its caller asked for that was cancelled by them, any other by the facility."""
    asked, other = bench.part(ALICE, "Running"), bench.part(ALICE, "Running")
    await bench.facility.cancel(whole(asked))
    assert [(ALICE, {"jobs": [1]})] == bench.dirac.named("kill")
    for job in bench.dirac.jobs.values():
        job["Status"] = "Killed"
    first, second = await bench.facility.observe(whole(asked, other))
    assert Reason("cancelled-by-user") == first.tasks[0].reason
    assert second.tasks[0].reason is not None
    assert "cancelled-by-facility" == second.tasks[0].reason.code


async def test_a_confirmation_is_made_up_for(bench: Bench) -> None:
    """Jobs that wait for it are confirmed when they are seen, and nobody else's."""
    waits = bench.part(ALICE, "Submitting", "Submitting")
    await bench.facility.observe(whole(waits, bench.part(ALICE, "Waiting")))
    assert [(ALICE, {"jobs": [1, 2]})] == bench.dirac.named("confirm")


async def test_an_output_that_cannot_be_had_now_ends_nothing(bench: Bench) -> None:
    """The task goes on until its output is there or is said to be gone; collecting it says nothing of it."""
    part = bench.part(ALICE, "Done")
    bench.dirac.faults["output_sandbox", ALICE] = DiracRefused("refused", "full", 0)
    (observation,) = await bench.facility.observe(whole(part))
    assert State.RUNNING is observation.tasks[0].state
    with pytest.raises(FacilityUnavailable, match="full"):
        [item async for item in bench.facility.collect([EndedTask(part, 0, ())])]
    bench.clock.advance(60)
    (observation,) = await bench.facility.observe(whole(part))
    assert Reason("results-lost", "full") == observation.tasks[0].reason
    items = [item async for item in bench.facility.collect([EndedTask(part, 0, ())])]
    assert [Collected(part.key, 0, ("full",))] == items


async def test_a_release_takes_as_many_steps_as_dirac_needs(bench: Bench) -> None:
    """A part is gone when all its jobs are deleted, or DIRAC does not know them."""
    runs, ended = bench.part(ALICE, "Running", "Done"), bench.part(BOB, "Done")
    assert [ended.key] == await bench.facility.release([runs, ended])
    assert [runs.key] == await bench.facility.release([runs])
    bench.dirac.jobs.clear()
    bench.dirac.faults["delete", ALICE] = DiracRefused("refused", "unknown", 0)
    assert [] == await bench.facility.release([runs])


async def test_what_nobody_can_release_is_left(bench: Bench) -> None:
    """Where the service may not act for a user any more, what they left is DIRAC's to remove."""
    part = bench.part(ALICE, "Done")
    bench.dirac.faults["delete", ALICE] = DiracRefused("not-a-member", "no", 0)
    assert [part.key] == await bench.facility.release([part])


async def test_a_job_that_is_started_again_after_its_end_is_killed(bench: Bench) -> None:
    """Nobody waits for it; jobs that stay ended, or are released, are left alone, and so is a DIRAC just asked."""
    again, stays, released = (bench.part(ALICE, "Killed") for _ in range(3))
    await bench.facility.observe(whole(again, stays, released))
    await bench.facility.release([released])
    for number in (1, 3):
        bench.dirac.jobs[number]["Status"] = "Received"
    await bench.facility.describe()
    assert [] == bench.dirac.named("kill")
    bench.clock.advance(60)
    await bench.facility.describe()
    assert [(ALICE, {"jobs": [1]})] == bench.dirac.named("kill")
    assert (ALICE, {"jobs": [1, 2]}) == bench.dirac.named("status")[-1]
    await bench.facility.describe()
    assert 1 == len(bench.dirac.named("kill"))


async def test_ended_jobs_that_cannot_be_asked_for_are_asked_for_again(bench: Bench) -> None:
    """A refusal to one user holds up no other, and the facility is described whatever DIRAC says."""
    await bench.facility.observe(whole(bench.part(ALICE, "Killed"), bench.part(BOB, "Killed")))
    for job in bench.dirac.jobs.values():
        job["Status"] = "Waiting"
    bench.dirac.faults["status", ALICE] = DiracRefused("not-a-member", "no", 0)
    bench.clock.advance(60)
    await bench.facility.describe()
    assert [(BOB, {"jobs": [2]})] == bench.dirac.named("kill")
    bench.dirac.faults["status", ALICE] = DiracUnreachable("silence", started=True)
    bench.clock.advance(60)
    await bench.facility.describe()
    del bench.dirac.faults["status", ALICE]
    bench.clock.advance(60)
    await bench.facility.describe()
    assert (ALICE, {"jobs": [1]}) == bench.dirac.named("kill")[1]


async def test_the_description_is_filled_when_dirac_answers(bench: Bench) -> None:
    """Before, the facility is unavailable, in words; then its limits hold, and it is not asked every time."""
    bench.dirac.faults["describe", None] = DiracUnreachable("nobody there", started=False)
    first = await bench.facility.describe()
    assert {"state": "unavailable", "message": "nobody there"} == first["status"]
    assert 100 == bench.facility.max_tasks_per_part
    del bench.dirac.faults["describe", None]
    second = await bench.facility.describe()
    assert ("status" in second, 20) == (False, bench.facility.max_tasks_per_part)
    await bench.facility.describe()
    assert 2 == len(bench.dirac.named("describe"))


async def test_logs_come_home_at_the_end(bench: Bench) -> None:
    """There is none before, and closing ends the process that talks to DIRAC."""
    with pytest.raises(LogUnavailable):
        await bench.facility.read_log(bench.part(ALICE, "Running"), 0, "stdout", 0, None)
    await bench.facility.close()
    assert bench.dirac.closed
