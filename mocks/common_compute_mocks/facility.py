"""A facility in memory, on the clock that it is given: a `Connector` behind which nothing is executed.

What a command does is worked out by `interpreter`, a small POSIX machine on files that exist only there; what
a task goes through there is foreseen by `future`. Both are pure functions of the job's id, the task's
index, the scenario, the seed and the time of the submission. These stand in the part's handle (`order`), so a
new object, or another process, answers the same; `foresight` only remembers what it has worked out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from common_compute_connector.errors import LogUnavailable
from common_compute_connector.jobs import Reason
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    Collected,
    Connector,
    Deferred,
    Document,
    EndedTask,
    Enrolment,
    FacilityConfiguration,
    Ground,
    LivePart,
    LogBytes,
    LogSlice,
    Observation,
    Pace,
    Part,
    PartKey,
    Refused,
    ResultBytes,
    Stream,
    Submission,
)
from common_compute_mocks.enrolment import CallersCredentials
from common_compute_mocks.facility_settings import read_settings
from common_compute_mocks.flavours import Flavour
from common_compute_mocks.foresight import Foresight, Portion
from common_compute_mocks.order import Order
from common_compute_mocks.places import image_is_missing
from common_compute_mocks.remains import chunks, collected
from common_compute_mocks.scenarios import LABEL, Scenario, catalogue
from common_compute_mocks.sighting import see_task
from common_compute_mocks.weather import Weather


def mock_configuration(
    flavour: str, seed: int = 0, scenario: str = "succeeds", facility_id: str | None = None, **others: Any
) -> FacilityConfiguration:
    """Give the configuration of a mock, as a configuration file would; its id is the flavour's name."""
    settings = {"flavour": flavour, "seed": seed, "scenario": scenario, **others}
    return FacilityConfiguration(facility_id or flavour, "mock", settings)


def open_connector(configuration: FacilityConfiguration, ground: Ground) -> Connector:
    """Make a mock as `facility_settings` reads its settings.

    Raises:
        ConfigurationError: a setting is unknown or wrong.
    """
    settings = read_settings(configuration)
    parts = [scenario.facility for scenario in settings.weather if scenario.facility]
    return MockFacility(
        configuration.id,
        settings.flavour,
        ground,
        settings.seed,
        settings.scenario.name,
        settings.known,
        Weather(configuration.id, parts, ground.clock.now()),
    )


class MockFacility:
    """The connector; see the protocol for what its verbs promise."""

    bound_to_host = False
    shares_server_account = False

    def __init__(
        self,
        facility_id: str,
        flavour: Flavour,
        ground: Ground,
        seed: int,
        scenario: str,
        known: Mapping[str, Scenario] | None = None,
        weather: Weather | None = None,
    ) -> None:
        self.facility_id = facility_id
        self.max_tasks_per_part = flavour.tasks_per_part
        self.pace = Pace(appears_within_seconds=0.0, observe_every_seconds=flavour.observe_every_seconds)
        self.weather = weather or Weather(facility_id, (), ground.clock.now())
        self._flavour = flavour
        self._clock = ground.clock
        self._seed = seed
        self._scenario = scenario
        self._known = catalogue() if known is None else known
        self._foresight = Foresight(flavour)
        self._credentials = CallersCredentials(facility_id, flavour, ground, seed, self.weather.credential)

    def next_change(self, now: datetime) -> datetime | None:
        """Give the earliest moment after `now` at which it shows something new of what it remembers.

        That is a state, an end, a confirmed cancel, or that it falls silent or answers again; None if nothing
        is left to happen. `now` never goes back.
        """
        task = self._foresight.next_change(now)
        weather = self.weather.next_change(now, watched=task is not None)
        return min((change for change in (task, weather) if change is not None), default=None)

    async def describe(self) -> Document:
        """Give the flavour's document, with a status if the weather has one."""
        return {"id": self.facility_id, **self._flavour.facility, **self.weather.status(self._clock.now())}

    async def list_software(self) -> Sequence[Document]:
        """Give the flavour's catalogue."""
        return self._flavour.software

    async def submit(self, batch: Sequence[Submission]) -> Sequence[Accepted | Refused | Deferred]:
        """Take every part whose scenario does not say otherwise, once its tasks are worked out.

        That is done for a portion of work at a time, the small parts first: a big one is taken only after
        some calls, and nobody waits for it.
        """
        self._reach()
        portion = Portion()
        outcomes: list[Accepted | Refused | Deferred] = []
        rejected = await self._credentials.refusals({submission.part.owner for submission in batch})
        for submission in sorted(batch, key=lambda submission: submission.part.task_count):
            part = submission.part
            order = self._foresight.remembered(part.key)
            if order is None:
                scenario = self._chosen(submission)
                if isinstance(scenario, Reason):
                    outcomes.append(Refused(part.key, scenario))
                    continue
                if part.owner in rejected:
                    outcomes.append(Refused(part.key, rejected[part.owner]))
                    continue
                order = Order(self._clock.now(), scenario, self._seed, submission.spec)
                if not await self._is_foreseen(part, order, part.indices, portion):
                    outcomes.append(Deferred(part.key, "the mock has not worked out yet what it will do"))
                    continue
                now = self._clock.now()
                held = self.weather.held_seconds(now)
                order = replace(order, submitted_at=now, held_seconds=held)
                self._foresight.accept(part, order)
            outcomes.append(Accepted(part.key, order.text()))
        return outcomes

    async def find(self, parts: Sequence[Part]) -> Sequence[Accepted | Absent]:
        """Look into the memory: a part of which nothing is there can never appear, so it may come again."""
        self._reach()
        known = ((part.key, self._foresight.remembered(part.key)) for part in parts)
        return [Accepted(key, order.text()) if order else Absent(key) for key, order in known]

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Tell what the futures say for now; a part in a silence is left out.

        So is one that memory lost and that is not worked out again yet.
        """
        self._reach()
        portion = Portion()
        seen: list[Observation] = []
        for live in parts:
            order = self._foresight.order(live.part)
            if order is None:
                seen.append(Observation(live.part.key, known=False))
                continue
            if not await self._is_foreseen(live.part, order, live.live, portion):
                continue
            at = order.elapsed(self._clock.now())
            futures = [(index, self._foresight.future(live.part, order, index)) for index in live.live]
            told = [index for index, future in futures if not future.is_silent(at)]
            if told:
                known = all(future.is_known(at) for _, future in futures)
                look = self._flavour, self._foresight, live.part, order
                tasks = [see_task(*look, index, at) for index in told] if known else []
                seen.append(Observation(live.part.key, tasks, known))
        return seen

    async def cancel(self, parts: Sequence[LivePart]) -> None:
        """Change the futures of the tasks whose command is not over yet."""
        self._reach()
        for live in parts:
            for index in live.live:
                self._foresight.cancel(live.part, index, self._clock.now())

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
        """Give logs and files of the last attempt, as they were when its command ended."""
        for task in ended:
            self._reach()
            order = self._foresight.order(task.part)
            if order is None:
                yield Collected(task.part.key, task.index, lost=("the mock has no such task",))
                continue
            run = await asyncio.to_thread(self._foresight.final_run, task.part, order, task.index)
            rules = order.scenario_of(task.index).results
            async for item in collected(task, run, rules, self._flavour.facility["limits"]):
                yield item
            self._foresight.let_go(task.part, task.index)

    async def read_log(
        self, part: Part, index: int, stream: Stream, start: int, stop: int | None
    ) -> LogSlice:
        """Give what the command of the present attempt has written by now.

        Raises:
            LogUnavailable: the flavour has no live logs, or there is no such task.
        """
        self._reach()
        order = self._foresight.order(part)
        if order is None or "live-logs" not in self._flavour.facility["conforms_to"]:
            raise LogUnavailable
        future = await asyncio.to_thread(self._foresight.future, part, order, index)
        at = order.elapsed(self._clock.now())
        span = future.span(future.moment(at).attempt)
        log = b""
        if span is not None and span.started <= at and span.started < span.ended:
            run = await asyncio.to_thread(self._foresight.run, part, order, index)
            log = run.log(stream, min(at, span.ended) - span.started)
        return LogSlice(len(log), chunks(log[start:stop]))

    async def release(self, parts: Sequence[Part]) -> Sequence[PartKey]:
        """Forget."""
        self._reach()
        for part in parts:
            self._foresight.forget(part)
        return [part.key for part in parts]

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:
        """Take what the caller says of themselves; the mock then does by itself what is left to the user.

        Raises:
            Faulty: a name is none that the facility could have.
        """
        return self._credentials.put(owner, request, held)

    async def check_enrolment(self, owner: str, held: Enrolment | None) -> Enrolment:
        """Tell what the credential is by now."""
        return self._credentials.check(owner, held)

    async def withdraw(self, held: Enrolment) -> None:
        """Forget; the next credential of the caller's will have another key."""
        self._credentials.give_up(held)

    async def close(self) -> None:
        """Do nothing: what was foreseen will happen without us."""

    def _reach(self) -> None:
        """Get through to the facility.

        Raises:
            FacilityUnavailable: it does not answer now.
        """
        self.weather.check(self._clock.now())

    def _chosen(self, submission: Submission) -> Scenario | Reason:
        """Give the scenario of a job, or why the facility takes no job with it."""
        name = submission.spec.get("labels", {}).get(LABEL, self._scenario)
        scenario = self._known.get(name)
        if scenario is None:
            words = f"there is no scenario {name!r}: take one of {', '.join(self._known)}"
            return Reason("submission-rejected", words)
        if scenario.refused:
            return Reason("submission-rejected", self._flavour.refusal)
        image = submission.spec["software"].get("image")
        if image is not None and (scenario.lacks_image or image_is_missing(image)):
            return Reason(
                "image-unavailable", f"{image} cannot be had: it is not there, or not for everybody"
            )
        return scenario

    async def _is_foreseen(self, part: Part, order: Order, indices: Sequence[int], portion: Portion) -> bool:
        """Work on what these tasks will do beside the event loop, which has requests to answer."""
        foresight = self._foresight
        return foresight.is_ahead(part, indices) or await asyncio.to_thread(
            foresight.work_ahead, part, order, indices, portion
        )
