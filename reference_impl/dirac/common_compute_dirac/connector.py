"""The connector `dirac`: a grid behind DIRAC, as `protocol.Connector` demands.

All calls go through one process (`worker.py`), each with a deadline, but for the files of jobs, which go
ahead of them through another. What is known of a part is in DIRAC itself, under our id, and in the part's
handle; the rest is memory that may get lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import structlog

from common_compute_connector.clock import Clock
from common_compute_connector.errors import FacilityUnavailable, LogUnavailable
from common_compute_connector.jobs import TaskSeen
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    Collected,
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
    ResultSent,
    Stream,
    Submission,
    Unknown,
)
from common_compute_dirac import describe, endings, states
from common_compute_dirac.afterwards import Afterwards
from common_compute_dirac.configuration_server import ConfigurationServer
from common_compute_dirac.enrolments import EachTheirOwn, OneUser, Users
from common_compute_dirac.handing_over import HandingOver
from common_compute_dirac.handles import Handle, read_handle
from common_compute_dirac.homecoming import Homecoming
from common_compute_dirac.settings import Settings, read_settings
from common_compute_dirac.states import JobSeen
from common_compute_dirac.worker import Access, DiracRefused, DiracUnreachable, Identity, Worker

T = TypeVar("T")

_BATCH = 20
"""So few submissions at once: each is a call of its own, and nothing is observed meanwhile."""

_log = structlog.get_logger(__name__)


def open_connector(configuration: FacilityConfiguration, ground: Ground) -> DiracFacility:
    """Make the connector of a DIRAC.

    Raises:
        ConfigurationError: the settings are wrong; every fault is told.
    """
    settings = read_settings(configuration)
    delegation = settings.delegation
    access = Access(
        settings.interpreter,
        settings.servers,
        settings.ca_directory,
        host=delegation.host,
        proxy=delegation.proxy,
        users_proxies=delegation.kind == "user",
    )
    worker = Worker(access, ground.clock)
    users: Users = OneUser(settings)
    if delegation.kind != "service":
        users = EachTheirOwn(settings, ground.enrolments, worker, ground.clock)
    carrier = Worker(access, ground.clock)
    return DiracFacility(settings, worker, carrier, users, ground.clock, ground.service_id)


class DiracFacility:
    """One DIRAC."""

    bound_to_host = False
    shares_server_account = False

    def __init__(
        self,
        settings: Settings,
        worker: Worker,
        carrier: Worker,
        users: Users,
        clock: Clock,
        service_id: str,
    ) -> None:
        self.facility_id = settings.id
        self.pace = Pace(settings.appears_within_seconds, settings.observe_every_seconds, _BATCH)
        self.max_tasks_per_part = settings.max_tasks_per_part
        self._settings = settings
        self._worker = worker
        self._carrier = carrier
        self._users = users
        self._clock = clock
        self._configuration = ConfigurationServer(settings, worker, clock)
        self._handing_over = HandingOver(settings, worker, carrier, users, clock, service_id)
        self._homecoming = Homecoming(settings, worker, clock)
        self._afterwards = Afterwards(worker, clock, settings.call_seconds)
        # Who asked for a job's end is not in DIRAC; after a restart our own wishes look like somebody else's
        # until the dispatcher repeats them.
        self._asked_to_end: set[PartKey] = set()

    async def describe(self) -> Document:
        """Give the facility document; the configuration server is asked beside it, and now and then again.

        The ground asks for it also while nothing is alive, so this is where ended jobs are looked at.
        """
        await self._afterwards.look()
        document = await self._configuration.document()
        self.max_tasks_per_part = describe.max_tasks_per_part(self._settings, self._configuration.facts)
        return document

    async def list_software(self) -> Sequence[Document]:
        """Give the catalogue."""
        return describe.software_documents(self._settings.software)

    async def submit(self, batch: Sequence[Submission]) -> Sequence[Accepted | Refused | Deferred | Unknown]:
        """Hand parts over one after the other, each in the name of its caller."""
        return await self._handing_over.submit(batch, self._configuration.facts or describe.Facts())

    async def find(self, parts: Sequence[Part]) -> Sequence[Accepted | Absent]:
        """Look for the parts' jobs by their group and names."""
        return await self._insist(self._handing_over.find(parts))

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Ask for the state of all live tasks, in one call for each credential; then fetch what has ended."""
        found: list[Observation] = []
        until = self._clock.elapsed() + self._settings.call_seconds

        async def look(acting: Identity | None, some: Sequence[tuple[LivePart, Handle]]) -> None:
            numbers = [handle.number(live.part, index) for live, handle in some for index in live.live]
            told = await self._call("status", {"jobs": numbers}, acting)
            seen = {int(number): states.read_status(job) for number, job in told.items()}
            await self._handing_over.confirm_again(some, seen)
            for live, handle in some:
                found.append(await self._observation(live, handle, seen, until))

        await self._each(((live, read_handle(live.part)) for live in parts), look)
        return found

    async def _observation(
        self, live: LivePart, handle: Handle, seen: Mapping[int, JobSeen], until: float
    ) -> Observation:
        key = live.part.key
        numbers = {index: handle.number(live.part, index) for index in live.live}
        if not any(number in seen for number in numbers.values()):
            return Observation(key, known=False)
        tasks: list[TaskSeen] = []
        for index, number in numbers.items():
            job = seen.get(number)
            if job is None:
                continue
            if job.killed:
                asked = key in self._asked_to_end
                tasks.append(endings.seen_killed(index, number, job, asked=asked))
            elif job.status in states.ENDED:
                tasks.append(await self._ended(index, number, job, handle, until))
            else:
                tasks.append(endings.seen_live(index, number, job))
            if tasks[-1].state is not None and tasks[-1].state.terminal:
                self._afterwards.note(handle.acting, number)
        return Observation(key, tasks)

    async def _ended(self, index: int, number: int, job: JobSeen, handle: Handle, until: float) -> TaskSeen:
        """Fetch what an ended task left, if there is still time in this cycle; else the next one does."""
        if self._clock.elapsed() > until:
            return endings.seen_live(index, number, job)
        try:
            kept = await self._homecoming.fetch(number, job.attempt, handle.acting)
        except DiracUnreachable:
            return endings.seen_live(index, number, job)
        return endings.seen_ended(index, number, job, kept.output, kept.words, handle.software_version)

    async def cancel(self, parts: Sequence[LivePart]) -> None:
        """Ask DIRAC to kill the live tasks; a job that it does not kill is asked for again by the ground."""
        self._asked_to_end.update(live.part.key for live in parts)

        async def kill(acting: Identity | None, some: Sequence[tuple[LivePart, Handle]]) -> None:
            numbers = [handle.number(live.part, index) for live, handle in some for index in live.live]
            await self._call("kill", {"jobs": numbers}, acting)

        await self._each(((live, read_handle(live.part)) for live in parts), kill)

    async def collect(
        self, ended: Sequence[EndedTask]
    ) -> AsyncIterator[LogBytes | ResultBytes | ResultSent | Collected]:
        """Give logs and results from the output sandboxes, which were mostly fetched already.

        Of a task whose sandbox cannot be had just now nothing is said.
        """
        away, given = None, False
        for task in ended:
            handle = read_handle(task.part)
            try:
                kept = await self._homecoming.fetch(handle.number(task.part, task.index), None, handle.acting)
            except DiracUnreachable as error:
                away = error
                continue
            given = True
            for item in self._homecoming.unpack(task, kept):
                yield item
        if away is not None and not given:
            raise FacilityUnavailable(self.facility_id, away.detail) from away

    async def read_log(
        self, part: Part, index: int, stream: Stream, start: int, stop: int | None
    ) -> LogSlice:
        """Refuse: logs come home at the end."""
        del part, start, stop
        raise LogUnavailable(f"{stream} of task {index}")

    async def release(self, parts: Sequence[Part]) -> Sequence[PartKey]:
        """Delete the parts' jobs; a job that DIRAC only kills at first is deleted by a later call."""
        gone: list[PartKey] = []
        unnamed = [part for part in parts if part.handle is None]
        if unnamed:
            gone += await self._insist(self._handing_over.clear(unnamed))

        async def delete(acting: Identity | None, some: Sequence[tuple[Part, Handle]]) -> None:
            numbers = [number for _, handle in some for number in handle.jobs]
            try:
                await self._call("delete", {"jobs": numbers}, acting)
                told = await self._call("status", {"jobs": numbers}, acting)
            except DiracRefused as error:
                if error.kind not in {"not-a-member", "unauthorized"}:
                    raise
                # Nobody can act for that user any more: what is left there is DIRAC's own to remove.
                _log.warning("left in DIRAC", parts=[part.key for part, _ in some], detail=error.detail)
                gone.extend(part.key for part, _ in some)
                self._afterwards.forget(acting, numbers)
                return
            self._afterwards.forget(acting, numbers)
            left = {int(number) for number, job in told.items() if job["Status"] != states.DELETED}
            gone.extend(part.key for part, handle in some if not left.intersection(handle.jobs))

        await self._each(((part, read_handle(part)) for part in parts if part.handle is not None), delete)
        self._asked_to_end.difference_update(gone)
        return gone

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:
        """Take the caller's side of a credential."""
        return await self._users.enrol(owner, request, held)

    async def check_enrolment(self, owner: str, held: Enrolment | None) -> Enrolment:
        """Tell the credential's state."""
        return await self._users.check(owner, held)

    async def withdraw(self, held: Enrolment) -> None:
        """Forget an enrolment."""
        self._users.forget(held.owner)

    async def close(self) -> None:
        """End the processes that talk to DIRAC; the jobs go on."""
        self._configuration.close()
        await self._worker.close()
        await self._carrier.close()

    async def _call(
        self, name: str, arguments: Mapping[str, object], acting: Identity | None
    ) -> dict[str, dict[str, object]]:
        told: dict[str, dict[str, object]] = await self._worker.call(
            name, arguments, acting, deadline_seconds=self._settings.call_seconds
        )
        return told

    async def _insist(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except DiracUnreachable as error:
            raise FacilityUnavailable(self.facility_id, error.detail) from error

    async def _each(
        self,
        items: Iterable[tuple[T, Handle]],
        work: Callable[[Identity | None, Sequence[tuple[T, Handle]]], Awaitable[None]],
    ) -> None:
        """Do the work for each credential; one that DIRAC refuses holds up no other, and is no news.

        Raises:
            FacilityUnavailable: DIRAC cannot be reached.
        """
        groups: dict[Identity | None, list[tuple[T, Handle]]] = defaultdict(list)
        for item, handle in items:
            groups[handle.acting].append((item, handle))
        for acting, some in groups.items():
            try:
                await work(acting, some)
            except DiracUnreachable as error:
                raise FacilityUnavailable(self.facility_id, error.detail) from error
            except DiracRefused as error:
                _log.warning("DIRAC refuses", facility=self.facility_id, kind=error.kind, detail=error.detail)
