"""A facility in memory, on the clock that it is given: a `Connector` behind which nothing is executed.

What a command does is worked out by `interpreter`, a small POSIX machine on files that exist only there; what
a task goes through there is foreseen by `future`. Both are pure functions of the job's id, the task's
index, the scenario, the seed and the time of the submission. These stand in the part's handle (`order`), so a
new object, or another process, answers the same; `foresight` only remembers what it has worked out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

from common_compute_connector.errors import ConfigurationError, EnrolmentNotSupported, LogUnavailable
from common_compute_connector.jobs import Native, Reason
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
    TaskSeen,
)
from common_compute_mocks import flavours, scenarios
from common_compute_mocks.flavours import Flavour
from common_compute_mocks.foresight import Foresight, Portion, draw_of
from common_compute_mocks.future import Future
from common_compute_mocks.order import Order
from common_compute_mocks.places import native_id, resolve

_CHUNK = 256 * 1024
_SETTINGS = ("flavour", "seed", "scenario")
_STREAMS: tuple[Stream, ...] = ("stdout", "stderr")


def mock_configuration(
    flavour: str, seed: int = 0, scenario: str = "succeeds", facility_id: str | None = None
) -> FacilityConfiguration:
    """Give the configuration of a mock, as a configuration file would; its id is the flavour's name."""
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
    """The connector; see the protocol for what its verbs promise."""

    bound_to_host = False
    shares_server_account = False

    def __init__(self, facility_id: str, flavour: Flavour, ground: Ground, seed: int, scenario: str) -> None:
        self.facility_id = facility_id
        self.max_tasks_per_part = flavour.tasks_per_part
        self.pace = Pace(appears_within_seconds=0.0, observe_every_seconds=flavour.observe_every_seconds)
        self._flavour = flavour
        self._clock = ground.clock
        self._seed = seed
        self._scenario = scenario
        self._foresight = Foresight(flavour)

    async def describe(self) -> Document:
        """Give the flavour's document."""
        return {"id": self.facility_id, **self._flavour.facility}

    async def list_software(self) -> Sequence[Document]:
        """Give the flavour's catalogue."""
        return self._flavour.software

    async def submit(self, batch: Sequence[Submission]) -> Sequence[Accepted | Refused | Deferred]:
        """Take every part whose scenario does not say otherwise, once its tasks are worked out.

        That is done for a portion of work at a time, the small parts first: a big one is taken only after
        some calls, and nobody waits for it.
        """
        portion = Portion()
        outcomes: list[Accepted | Refused | Deferred] = []
        for submission in sorted(batch, key=lambda submission: submission.part.task_count):
            part = submission.part
            order = self._foresight.remembered(part.key)
            if order is None:
                name = submission.spec.get("labels", {}).get(scenarios.LABEL, self._scenario)
                scenario = scenarios.catalogue().get(name)
                if scenario is None or scenario.refused:
                    words = self._flavour.refusal if scenario else _unknown_scenario(name)
                    outcomes.append(Refused(part.key, Reason("submission-rejected", words)))
                    continue
                order = Order(self._clock.now(), name, self._seed, submission.spec)
                if not await self._is_foreseen(part, order, part.indices, portion):
                    outcomes.append(Deferred(part.key, "the mock has not worked out yet what it will do"))
                    continue
                order = replace(order, submitted_at=self._clock.now())
                self._foresight.accept(part, order)
            outcomes.append(Accepted(part.key, order.text()))
        return outcomes

    async def find(self, parts: Sequence[Part]) -> Sequence[Accepted | Absent]:
        """Look into the memory: a part of which nothing is there can never appear, so it may come again."""
        known = ((part.key, self._foresight.remembered(part.key)) for part in parts)
        return [Accepted(key, order.text()) if order else Absent(key) for key, order in known]

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Tell what the futures say for now; a part in a silence is left out.

        So is one that memory lost and that is not worked out again yet.
        """
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
            if not any(future.is_silent(at) for _, future in futures):
                tasks = [self._seen(live.part, order, index, future, at) for index, future in futures]
                seen.append(Observation(live.part.key, tasks))
        return seen

    async def cancel(self, parts: Sequence[LivePart]) -> None:
        """Change the futures of the tasks whose command is not over yet."""
        for live in parts:
            for index in live.live:
                self._foresight.cancel(live.part, index, self._clock.now())

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
        """Give logs and files of the last attempt, as they were when its command ended."""
        for task in ended:
            key, index = task.part.key, task.index
            order = self._foresight.order(task.part)
            if order is None:
                yield Collected(key, index, lost=("the mock has no such task",))
                continue
            run = await asyncio.to_thread(self._foresight.final_run, task.part, order, index)
            for stream in _STREAMS:
                yield LogBytes(key, index, stream, _chunks(run.log(stream)))
            for path, content in sorted(run.files.items()):
                if any(rule.matches(path) for rule in task.outputs):
                    yield ResultBytes(key, index, path, _chunks(content))
            yield Collected(key, index)
            self._foresight.let_go(task.part, index)

    async def read_log(
        self, part: Part, index: int, stream: Stream, start: int, stop: int | None
    ) -> LogSlice:
        """Give what the command of the present attempt has written by now.

        Raises:
            LogUnavailable: the flavour has no live logs, or there is no such task.
        """
        order = self._foresight.order(part)
        if order is None or "live-logs" not in self._flavour.facility["conforms_to"]:
            raise LogUnavailable
        future = await asyncio.to_thread(self._foresight.future, part, order, index)
        at = order.elapsed(self._clock.now())
        span = future.span(future.moment(at).attempt)
        log = b""
        if span is not None and span.started <= at:
            run = await asyncio.to_thread(self._foresight.run, part, order, index)
            log = run.log(stream, min(at, span.ended) - span.started)
        return LogSlice(len(log), _chunks(log[start:stop]))

    async def release(self, parts: Sequence[Part]) -> Sequence[PartKey]:
        """Forget."""
        for part in parts:
            self._foresight.forget(part)
        return [part.key for part in parts]

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:  # noqa: ARG002
        """Refuse: the mock works without anybody's credential."""
        raise EnrolmentNotSupported

    async def check_enrolment(self, owner: str, held: Enrolment | None) -> Enrolment:  # noqa: ARG002
        """Refuse: there is nothing to check."""
        raise EnrolmentNotSupported

    async def withdraw(self, held: Enrolment) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing: what was foreseen will happen without us."""

    async def _is_foreseen(self, part: Part, order: Order, indices: Sequence[int], portion: Portion) -> bool:
        """Work on what these tasks will do beside the event loop, which has requests to answer."""
        foresight = self._foresight
        return foresight.is_ahead(part, indices) or await asyncio.to_thread(
            foresight.work_ahead, part, order, indices, portion
        )

    def _seen(self, part: Part, order: Order, index: int, future: Future, at: float) -> TaskSeen:
        moment = future.moment(at)
        number = native_id(self._flavour, part.key, index, of_array="array" in order.spec)
        seen = TaskSeen(
            index,
            self._flavour.state_of(moment.native),
            moment.attempt,
            native=Native(number, moment.native, moment.detail),
        )
        span = future.span(moment.attempt)
        if span is not None and span.started <= at:
            where = resolve(self._flavour, order.spec, draw_of(part, order, index))
            started = order.submitted_at + timedelta(seconds=span.started)
            seen = replace(seen, started_at=started, resolved=where)
        if at < future.ends_at:
            return seen
        finished = span.ended if span is not None else future.ends_at
        return replace(
            seen,
            finished_at=order.submitted_at + timedelta(seconds=finished),
            exit_code=future.ending.exit_code,
            signal=future.ending.signal,
            reason=future.ending.reason,
        )


def _unknown_scenario(name: str) -> str:
    return f"there is no scenario {name!r}: take one of {', '.join(scenarios.catalogue())}"


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]
