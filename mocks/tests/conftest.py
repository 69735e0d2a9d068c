"""A bench for mocked facilities: a held clock, one connector, and short words for what the ground does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.plan import output_rules, task_count
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    Collected,
    EndedTask,
    Ground,
    LivePart,
    LogBytes,
    Observation,
    Part,
    PartKey,
    ResultBytes,
    Stream,
    Submission,
    TaskSeen,
)
from common_compute_mocks.facility import mock_configuration, open_connector

SOFTWARE = {
    "rosetta": {"kind": "container", "image": "debian:12-slim"},
    "dirac": {"kind": "installed", "name": "ctapipe"},
}


class NoEnrolments:
    """Nobody has enrolled."""

    async def enrolment(self, owner: str) -> None:
        """Give none."""


@dataclass
class Home:
    """What came home of one task."""

    logs: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    lost: Sequence[str] = ()


class Bench:
    """One mocked facility on a clock that stands still."""

    def __init__(self, flavour: str, seed: int = 7, scenario: str = "succeeds") -> None:
        self.flavour = flavour
        self.clock = HeldClock()
        self._configuration = mock_configuration(flavour, seed, scenario)
        self.restart()

    def restart(self) -> None:
        """Lose the facility's memory."""
        self.connector = open_connector(self._configuration, Ground(self.clock, NoEnrolments()))

    def spec(self, *command: str, scenario: str | None = None, **members: Any) -> dict[str, Any]:
        """Write a job specification."""
        labels = {"labels": {"mock.scenario": scenario}} if scenario else {}
        return {
            "facility_id": self.flavour,
            "software": SOFTWARE[self.flavour],
            "command": list(command),
            **labels,
            **members,
        }

    def offer(self, spec: dict[str, Any], job_id: str = "job-1", number: int = 0) -> Any:
        """Submit a whole job as one part, and give the outcome."""
        part = Part(PartKey(job_id, number), "anna", 0, task_count(spec))
        (outcome,) = asyncio.run(self.connector.submit([Submission(part, spec, part.task_count)]))
        return outcome

    def submit(self, spec: dict[str, Any], job_id: str = "job-1") -> Part:
        """Submit a job that is accepted."""
        outcome = self.offer(spec, job_id)
        assert isinstance(outcome, Accepted)
        return Part(outcome.key, "anna", 0, task_count(spec), outcome.handle)

    def observe(self, part: Part, *indices: int) -> Observation | None:
        """Look at tasks of a part, all of them by default; None if the facility says nothing of it."""
        live = LivePart(part, indices or list(part.indices))
        seen = asyncio.run(self.connector.observe([live]))
        return seen[0] if seen else None

    def see(self, part: Part, index: int = 0) -> TaskSeen:
        """Look at one task."""
        seen = self.observe(part, index)
        assert seen is not None
        (task,) = seen.tasks
        return task

    def life(self, part: Part, index: int = 0, step: float = 0.005) -> list[TaskSeen]:
        """Watch a task to its end, and give it each time that it looked different."""
        lives = [self.see(part, index)]
        while not (lives[-1].state and lives[-1].state.terminal):
            self.clock.advance(step)
            seen = self.see(part, index)
            if seen != lives[-1]:
                lives.append(seen)
        return lives

    def end(self, part: Part, index: int = 0) -> TaskSeen:
        """Let a task come to its end and look at it."""
        return self.life(part, index, step=0.05)[-1]

    def cancel(self, part: Part, *indices: int) -> None:
        """Cancel tasks of a part, all of them by default."""
        asyncio.run(self.connector.cancel([LivePart(part, indices or list(part.indices))]))

    def until(self, part: Part, native: str, index: int = 0) -> TaskSeen:
        """Let time pass until the facility shows a native state."""
        while (seen := self.see(part, index)).native is None or seen.native.state != native:
            assert not (seen.state and seen.state.terminal), f"{native} never came"
            self.clock.advance(0.005)
        return seen

    def home(self, part: Part, spec: dict[str, Any], index: int = 0) -> Home:
        """Collect a task."""

        async def collect() -> Home:
            home = Home()
            ended = EndedTask(part, index, output_rules(spec, index))
            async for item in self.connector.collect([ended]):
                match item:
                    case LogBytes():
                        home.logs[item.stream] = await _whole(item.chunks)
                    case ResultBytes():
                        home.files[item.path] = await _whole(item.chunks)
                    case Collected():
                        home.lost = item.lost
            return home

        return asyncio.run(collect())

    def connector_find(self, part: Part) -> Accepted | Absent:
        """Look for a part by its key alone."""
        (found,) = asyncio.run(self.connector.find([replace(part, handle=None)]))
        return found

    def release(self, part: Part) -> Sequence[PartKey]:
        """Release a part."""
        return asyncio.run(self.connector.release([part]))

    def log(self, part: Part, stream: Stream = "stdout", start: int = 0, stop: int | None = None) -> bytes:
        """Read a log as it is now."""

        async def read() -> bytes:
            return await _whole((await self.connector.read_log(part, 0, stream, start, stop)).chunks)

        return asyncio.run(read())


async def _whole(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


@pytest.fixture(params=sorted(SOFTWARE))
def bench(request: pytest.FixtureRequest) -> Bench:
    """A mock of each flavour."""
    return Bench(request.param)


@pytest.fixture
def rosetta() -> Bench:
    """A mock of Rosetta."""
    return Bench("rosetta")


@pytest.fixture
def dirac() -> Bench:
    """A mock of DIRAC."""
    return Bench("dirac")


@pytest.fixture(name="without_handle")
def strip_handle() -> Any:
    """Take a part's handle away, as it is before its submission."""
    return lambda part: replace(part, handle=None)
