"""A facility in memory, on the clock that it is given: a `Connector` behind which nothing is executed.

What a task does is worked out by `interpreter`, a small POSIX machine on files that exist only there; what it
goes through at the facility is foreseen by `future`. Both are pure functions of the job's id, the task's index,
the scenario, the seed and the time of the submission, which stand in the part's handle: a new object, or another
process, answers the same. See `order` for what is kept where.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from common_compute_connector.errors import ConfigurationError, EnrolmentNotSupported, LogUnavailable
from common_compute_connector.jobs import Native, Reason
from common_compute_connector.plan import TaskPlan, plan_task
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    Collected,
    Connector,
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
    TaskSeen,
)
from common_compute_mocks import flavours, scenarios
from common_compute_mocks.chance import Draw, chance_of
from common_compute_mocks.future import Future, cancelled, foresee
from common_compute_mocks.interpreter.machine import Run
from common_compute_mocks.order import Order
from common_compute_mocks.places import image_is_missing, native_id, resolve
from common_compute_mocks.scenarios import Attempt, Scenario
from common_compute_mocks.work import NOTHING, Shelf, work_out

_CHUNK = 256 * 1024
_SETTINGS = ("flavour", "seed", "scenario")
_STREAMS: tuple[Stream, ...] = ("stdout", "stderr")


def mock_configuration(
    flavour: str, seed: int = 0, scenario: str = "succeeds", facility_id: str | None = None
) -> FacilityConfiguration:
    """Give the configuration of a mock, as the configuration file would."""
    settings = {"flavour": flavour, "seed": seed, "scenario": scenario}
    return FacilityConfiguration(facility_id or flavour, "mock", settings)


def open_connector(configuration: FacilityConfiguration, ground: Ground) -> Connector:
    """Make a mock of `settings`: flavour, seed (default 0), scenario for jobs without a label (`succeeds`).

    Raises:
        ConfigurationError: a setting is unknown or wrong.
    """
    settings = configuration.settings
    place = f"facility {configuration.id}: "
    flavour, seed = settings.get("flavour"), settings.get("seed", 0)
    scenario = settings.get("scenario", "succeeds")
    faults = [f"{place}a mock has no setting {name!r}" for name in settings if name not in _SETTINGS]
    if flavour not in flavours.names():
        faults.append(f"{place}`flavour` is {flavour!r}: take one of {', '.join(flavours.names())}")
    if not isinstance(seed, int) or isinstance(seed, bool):
        faults.append(f"{place}`seed` is {seed!r}: take an integer")
    if scenario not in scenarios.catalogue():
        faults.append(f"{place}`scenario` is {scenario!r}: take one of {', '.join(scenarios.catalogue())}")
    if faults:
        raise ConfigurationError(faults)
    return MockFacility(configuration.id, flavours.load(str(flavour)), ground, seed, str(scenario))


class MockFacility:
    """The connector; see the protocol for the verbs."""

    bound_to_host = False

    def __init__(
        self, facility_id: str, flavour: flavours.Flavour, ground: Ground, seed: int, scenario: str
    ) -> None:
        self.facility_id = facility_id
        self.max_tasks_per_part = flavour.tasks_per_part
        self.pace = Pace(appears_within_seconds=0.0, observe_every_seconds=flavour.observe_every_seconds)
        self._flavour = flavour
        self._clock = ground.clock
        self._seed = seed
        self._scenario = scenario
        self._orders: dict[PartKey, Order] = {}
        self._cancels: dict[tuple[PartKey, int], datetime] = {}
        self._futures: dict[tuple[PartKey, int], Future] = {}
        self._runs = Shelf()

    async def describe(self) -> Document:
        """Give the flavour's document."""
        return {"id": self.facility_id, **self._flavour.facility}

    async def list_software(self) -> Sequence[Document]:
        """Give the flavour's catalogue."""
        return self._flavour.software

    async def submit(self, batch: Sequence[Submission]) -> Sequence[Accepted | Refused]:
        """Take every part whose scenario does not say otherwise, and work its tasks out."""
        outcomes: list[Accepted | Refused] = []
        for submission in batch:
            part = submission.part
            order = self._orders.get(part.key)
            if order is None:
                name = submission.spec.get("labels", {}).get(scenarios.LABEL, self._scenario)
                known = scenarios.catalogue().get(name)
                if known is None or known.refused:
                    words = self._flavour.refusal if known else _unknown_scenario(name)
                    outcomes.append(Refused(part.key, Reason("submission-rejected", words)))
                    continue
                order = Order(self._clock.now(), name, self._seed, submission.spec)
                self._orders[part.key] = order
                # A long script is worked out beside the event loop, which has requests to answer.
                await asyncio.to_thread(self._foresee, part, order)
            outcomes.append(Accepted(part.key, order.text()))
        return outcomes

    async def find(self, parts: Sequence[Part]) -> Sequence[Accepted | Absent]:
        """Look into the memory: a part of which nothing is there was never worked out, so it may come again."""
        known = ((part.key, self._orders.get(part.key)) for part in parts)
        return [Accepted(key, order.text()) if order else Absent(key) for key, order in known]

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Tell what the futures say for now; tasks in a silence are left out."""
        seen: list[Observation] = []
        for live in parts:
            order = self._order(live.part)
            if order is None:
                seen.append(Observation(live.part.key, known=False))
                continue
            at = (self._clock.now() - order.submitted_at).total_seconds()
            futures = [(index, self._future(live.part, order, index)) for index in live.live]
            tasks = [self._seen(live.part, order, index, future, at) for index, future in futures]
            if not all(future.is_silent(at) for _, future in futures):
                seen.append(Observation(live.part.key, tasks))
        return seen

    async def cancel(self, parts: Sequence[LivePart]) -> None:
        """Note the time of the first cancel of each task."""
        for live in parts:
            for index in live.live:
                self._cancels.setdefault((live.part.key, index), self._clock.now())
                self._futures.pop((live.part.key, index), None)

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
        """Give logs and files of the last attempt, as they were when its command ended."""
        for task in ended:
            key, index = task.part.key, task.index
            order = self._order(task.part)
            if order is None:
                yield Collected(key, index, lost=("the mock has no such task",))
                continue
            run = await asyncio.to_thread(self._final_run, task.part, order, index)
            for stream in _STREAMS:
                yield LogBytes(key, index, stream, _chunks(run.log(stream)))
            for path, content in sorted(run.files.items()):
                if any(rule.matches(path) for rule in task.outputs):
                    yield ResultBytes(key, index, path, _chunks(content))
            yield Collected(key, index)
            self._runs.discard((key, index))

    async def read_log(
        self, part: Part, index: int, stream: Stream, start: int, stop: int | None
    ) -> LogSlice:
        """Give what the command has written by now.

        Raises:
            LogUnavailable: the flavour has no live logs, or no such task.
        """
        order = self._order(part)
        if order is None or "live-logs" not in self._flavour.facility["conforms_to"]:
            raise LogUnavailable
        future = self._future(part, order, index)
        at = (self._clock.now() - order.submitted_at).total_seconds()
        span = future.span(future.moment(at).attempt)
        log = b""
        if span is not None and span.started <= at:
            written_until = min(at, span.ended) - span.started
            log = self._run(part, order, index).log(stream, written_until)
        return LogSlice(len(log), _chunks(log[start:stop]))

    async def release(self, parts: Sequence[Part]) -> Sequence[PartKey]:
        """Forget."""
        for part in parts:
            self._orders.pop(part.key, None)
            for index in part.indices:
                self._cancels.pop((part.key, index), None)
                self._futures.pop((part.key, index), None)
                self._runs.discard((part.key, index))
        return [part.key for part in parts]

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:
        """Refuse: the mock works without anybody's credential."""
        raise EnrolmentNotSupported

    async def check_enrolment(self, owner: str, held: Enrolment | None) -> Enrolment:
        """Refuse: there is nothing to check."""
        raise EnrolmentNotSupported

    async def withdraw(self, held: Enrolment) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing: what was foreseen will happen without us."""

    def _order(self, part: Part) -> Order | None:
        if part.key not in self._orders and part.handle is not None:
            try:
                self._orders[part.key] = Order.read(part.handle)
            except ValueError:
                return None
        return self._orders.get(part.key)

    def _foresee(self, part: Part, order: Order) -> None:
        for index in part.indices:
            self._future(part, order, index)

    def _future(self, part: Part, order: Order, index: int) -> Future:
        """Give a task's future, worked out once."""
        known = self._futures.get((part.key, index))
        if known is None:
            scenario = self._scenario_of(order)
            known = self._draft(part, order, index, scenario)
            cancel = self._cancels.get((part.key, index))
            if cancel is not None:
                known = cancelled(known, self._flavour, (cancel - order.submitted_at).total_seconds())
            self._futures[part.key, index] = known
        return known

    def _draft(self, part: Part, order: Order, index: int, scenario: Scenario) -> Future:
        run = self._run(part, order, index)
        command = order.spec["command"][0].rpartition("/")[2]
        return foresee(self._flavour, scenario, run, command, _draw(part, order, index))

    def _scenario_of(self, order: Order) -> Scenario:
        scenario = scenarios.catalogue()[order.scenario]
        if image_is_missing(order.spec):
            # Whatever else was to happen, the container never starts.
            return replace(
                scenario, attempts=(Attempt(runs_at_most_seconds=0.0, reason="image-unavailable"),)
            )
        return scenario

    def _run(self, part: Part, order: Order, index: int) -> Run:
        """Give what the command would do if nothing came between."""
        run = self._runs.get((part.key, index))
        if run is None:
            run = self._work_out(part, order, index)
            self._runs.put((part.key, index), run)
        return run

    def _work_out(self, part: Part, order: Order, index: int, until: float | None = None) -> Run:
        if image_is_missing(order.spec):
            return NOTHING
        plan: TaskPlan = plan_task(order.spec, part.key.job_id, index)
        resources: dict[str, Any] = order.spec.get("resources", {})
        draw = _draw(part, order, index)
        return work_out(self._flavour, plan, resources, draw, *([] if until is None else [until]))

    def _final_run(self, part: Part, order: Order, index: int) -> Run:
        """Give what the last attempt's command had done when it ended or was ended."""
        future = self._future(part, order, index)
        span = future.span(future.moments[-1].attempt)
        if span is None:
            return NOTHING
        run = self._run(part, order, index)
        seconds = span.ended - span.started
        return run if seconds >= run.seconds else self._work_out(part, order, index, seconds)

    def _seen(self, part: Part, order: Order, index: int, future: Future, at: float) -> TaskSeen:
        moment = future.moment(at)
        state = self._flavour.state_of(moment.native)
        number, is_array = native_id(self._flavour, part.key, index), "array" in order.spec
        seen = TaskSeen(
            index,
            state,
            moment.attempt,
            native=Native(number.array if is_array else number.single, moment.native, moment.detail),
        )
        span = future.span(moment.attempt)
        if span is not None and span.started <= at:
            where = resolve(self._flavour, order.spec, _draw(part, order, index))
            seen = replace(
                seen, started_at=order.submitted_at + timedelta(seconds=span.started), resolved=where
            )
        if at < future.ends_at:
            return seen
        finished = span.ended if span is not None else future.ends_at
        end = future.ending
        return replace(
            seen,
            finished_at=order.submitted_at + timedelta(seconds=finished),
            exit_code=end.exit_code,
            signal=end.signal,
            reason=end.reason,
        )


def _draw(part: Part, order: Order, index: int) -> Draw:
    return chance_of(order.seed, order.scenario, part.key.job_id, index)


def _unknown_scenario(name: str) -> str:
    return f"there is no scenario {name!r}: take one of {', '.join(scenarios.catalogue())}"


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]
