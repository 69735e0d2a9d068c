"""What all hosts have in common that are asked through a shell, whoever starts the tasks there.

Each verb is one remote call through a transport, or two. The host keeps all that is known about a job in the
job's directory (`sandbox.py`), and what runs there needs nobody: a connector can be stopped, or killed, at
any point.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

from common_compute_connector.clock import Clock
from common_compute_connector.errors import EnrolmentNotSupported, FacilityUnavailable, LogUnavailable
from common_compute_connector.protocol import (
    Collected,
    Document,
    EndedTask,
    Enrolment,
    LivePart,
    LogBytes,
    LogSlice,
    Pace,
    Part,
    PartKey,
    Refused,
    ResultBytes,
    ResultSent,
    Stream,
    Submission,
)
from common_compute_rosetta import collect, describe, records
from common_compute_rosetta.archive import ArchiveStream, BrokenStream
from common_compute_rosetta.calls import Argument, Call, Site, compose
from common_compute_rosetta.collect import Outcomes, TaskId, Wanted
from common_compute_rosetta.configuration import Settings
from common_compute_rosetta.container_settings import ContainerSettings
from common_compute_rosetta.findings import Findings, findings
from common_compute_rosetta.images import Images, Provided
from common_compute_rosetta.sandbox import directory_name
from common_compute_rosetta.sending import Sending
from common_compute_rosetta.staging import Staging
from common_compute_rosetta.transport import Finished, HostUnreachable, Transport

T = TypeVar("T")

DEADLINE_SECONDS = 60.0
LONG_DEADLINE_SECONDS = 600.0
"""For calls whose work grows with what jobs left: a submission's stream, a listing, a removal."""

STREAM_BYTES = 16 * 1024 * 1024
"""What one submission call carries, unless a single part is larger."""

_READINGS = 3
_READ_AGAIN_SECONDS = 1.0
"""A file that changes while it is read is read so often, with so long a rest before it is read again."""

NOTHING_HAPPENED = (3, 4)
"""The exit codes with which our scripts say so."""


class ShellHost:
    """A host with a POSIX shell: what does not depend on who starts the tasks there."""

    max_tasks_per_part = 1000

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        clock: Clock,
        service_id: str,
        pace: Pace,
        *,
        bound_to_host: bool,
    ) -> None:
        self.facility_id = settings.id
        self.pace = pace
        self.bound_to_host = bound_to_host
        self.shares_server_account = bound_to_host  # what runs here runs as the server does
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._base = f"{settings.root}/{service_id}"
        self._machine: records.Machine | None = None
        self._images = Images(settings.containers or ContainerSettings(), service_id, self._lines)
        self._staging = Staging(settings.staging, self._lines)
        self._sending = Sending(settings.staging, self._lines)
        self._probing = asyncio.Lock()
        # Why the host takes nothing in, in words, as long as it was so at the last try.
        self._full: str | None = None

    async def list_software(self) -> Sequence[Document]:
        """Give the catalogue."""
        return describe.software_documents(self._settings.software)

    def findings(self) -> Findings | None:
        """Tell what was found there and what the settings make of it; None before the host was asked."""
        return None if self._machine is None else findings(self._settings, self._machine)

    async def collect(
        self, ended: Sequence[EndedTask]
    ) -> AsyncIterator[LogBytes | ResultBytes | ResultSent | Collected]:
        """List the files, choose, and stream logs and results in one call.

        Of a task whose results are on their way elsewhere nothing is said before they have arrived.
        """
        site = await self._site()
        seen = await self._sending.look(ended, site)
        ended = [task for task in ended if (task.part.key, task.index) not in seen.under_way]
        listed: Mapping[collect.TaskId, collect.Listed] = {}
        lines = collect.list_lines(ended)
        if lines:
            finished = await self._run(
                compose("list", site, lines=lines), deadline_seconds=LONG_DEADLINE_SECONDS
            )
            listed = self._understood(collect.read_list, finished)
        wanted = [
            collect.choose(task, listed.get((task.part.key, task.index), collect.Listed())) for task in ended
        ]
        begun = await self._sending.begin(
            [w for w in wanted if w.deliveries and (w.task.part.key, w.task.index) not in seen.done], site
        )
        wanted = [want for want in wanted if (want.task.part.key, want.task.index) not in begun]
        for _ in range(_READINGS):
            unsteady: list[Wanted] = []
            async with aclosing(self._give(wanted, site, seen.done, unsteady)) as items:
                async for item in items:
                    yield item
            if not unsteady:
                return
            wanted = unsteady
            await self._clock.sleep(_READ_AGAIN_SECONDS)
        for want in wanted:
            yield collect.given_up(want)

    async def _give(
        self,
        wanted: Sequence[Wanted],
        site: Site,
        done: Mapping[TaskId, Outcomes],
        unsteady: list[Wanted],
    ) -> AsyncGenerator[LogBytes | ResultBytes | ResultSent | Collected, None]:
        """Stream what is wanted; to `unsteady` goes what must be asked for once more."""
        if not wanted:
            return
        call = compose("give", site, lines=[line for want in wanted for line in want.lines])
        chunks = self._transport.stream(call.argv, call.stdin, idle_seconds=DEADLINE_SECONDS)
        try:
            async with aclosing(chunks):
                async for item in collect.unpack(wanted, ArchiveStream(chunks), done, unsteady):
                    yield item
        except (HostUnreachable, BrokenStream) as error:
            raise FacilityUnavailable(self.facility_id, str(error)) from error

    async def read_log(
        self, part: Part, index: int, stream: Stream, start: int, stop: int | None
    ) -> LogSlice:
        """Read from the file that the log grows in."""
        site = await self._site()
        variables: dict[str, Argument] = {
            "FILE": stream,
            "START": start,
            "STOP": -1 if stop is None else stop,
        }
        line = ("part", directory_name(part.key), index)
        call = compose("log", site, variables=variables, lines=[line])
        chunks = self._transport.stream(call.argv, call.stdin, idle_seconds=DEADLINE_SECONDS)
        reader = ArchiveStream(chunks)
        try:
            word, _, size = (await reader.line()).partition(" ")
        except (HostUnreachable, BrokenStream) as error:
            raise FacilityUnavailable(self.facility_id, str(error)) from error
        size_bytes = int(size) if word == "size" else 0
        end = size_bytes if stop is None else min(stop, size_bytes)
        if start >= end:
            # Nothing will be read, so nobody would close the stream.
            await chunks.aclose()
        if word != "size":
            raise LogUnavailable(f"{stream} of task {index}")
        return LogSlice(size_bytes, _closing(chunks, reader.rest(max(end - start, 0))))

    async def release(self, parts: Sequence[Part]) -> Sequence[PartKey]:
        """Remove the parts' directories."""
        return await self._remove(part.key for part in parts)

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:  # noqa: ARG002
        """Refuse: callers have nothing to arrange here."""
        raise EnrolmentNotSupported(self.facility_id)

    async def check_enrolment(self, owner: str, held: Enrolment | None) -> Enrolment:  # noqa: ARG002
        """Refuse: callers have nothing to arrange here."""
        raise EnrolmentNotSupported(self.facility_id)

    async def withdraw(self, held: Enrolment) -> None:
        """Do nothing: nothing is kept."""

    async def close(self) -> None:
        """Close the transport; what runs goes on."""
        await self._transport.close()

    async def _provide(self, batch: Sequence[Submission]) -> Provided:
        """See to the images and the inputs from elsewhere that a batch needs."""
        site, machine = await self._site(), self._machine
        assert machine is not None
        runtimes = describe.offered_runtimes(self._settings, machine)
        images = await self._images.provide(batch, site, machine.account, runtimes)
        answers = {answer.key: answer for answer in images.answers}
        possible = [one for one in batch if not isinstance(answers.get(one.part.key), Refused)]
        staged = await self._staging.provide(possible, site, describe.stages(self._settings, machine))
        answers |= {answer.key: answer for answer in staged.answers}
        return replace(images, answers=list(answers.values()), fetched=staged.fetched)

    async def _lines(self, call: Call) -> Sequence[str]:
        return self._understood(records.closed_lines, await self._run(call))

    def _not_taken(self, finished: Finished) -> str:
        """Remember, and say in words, why the host took nothing in."""
        self._full = records.why_not_taken(finished.stderr, self._base)
        return self._full

    def _with_status(self, document: Document) -> Document:
        """Tell of a host that takes nothing in; what runs there goes on."""
        if self._full is None:
            return document
        return {**document, "status": {"state": "degraded", "message": self._full}}

    async def _remove(self, keys: Iterable[PartKey]) -> list[PartKey]:
        site = await self._site()
        call = compose("release", site, lines=records.names(keys))
        finished = await self._run(call, deadline_seconds=LONG_DEADLINE_SECONDS)
        return list(self._understood(records.read_keys, finished))

    async def _site(self) -> Site:
        """Say how to run things on the host; asked once, and again as long as it did not answer."""
        async with self._probing:
            if self._machine is None:
                self._machine = await self._probe()
        machine = self._machine
        return Site(
            machine.directory,
            self._settings.shell,
            machine.reaper,
            self._settings.max_running or machine.cores,
            machine.reads_beyond,
        )

    async def _probe(self) -> records.Machine:
        return self._read_machine(await self._run(compose("probe", Site(self._base, self._settings.shell))))

    def _read_machine(self, finished: Finished) -> records.Machine:
        machine = self._understood(records.read_machine, finished)
        if machine.missing:
            raise FacilityUnavailable(self.facility_id, f"the host lacks {', '.join(machine.missing)}")
        return machine

    async def _run(self, call: Call, *, deadline_seconds: float = DEADLINE_SECONDS) -> Finished:
        try:
            return await self._transport.run(call.argv, call.stdin, deadline_seconds=deadline_seconds)
        except HostUnreachable as error:
            raise FacilityUnavailable(self.facility_id, error.detail) from error

    def _understood(self, read: Callable[[bytes], T], finished: Finished) -> T:
        """Read an answer; one that cannot be understood is no answer."""
        try:
            return read(finished.stdout)
        except records.Garbled as error:
            words = records.first_words(finished.stderr) or str(error)
            raise FacilityUnavailable(self.facility_id, words) from error


def live_lines(parts: Iterable[LivePart]) -> list[Sequence[Argument]]:
    """Give the lines of a call that works on live tasks."""
    return [("part", directory_name(live.part.key), *live.live) for live in parts]


async def _closing(chunks: AsyncGenerator[bytes, None], pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async with aclosing(chunks):
        async for piece in pieces:
            yield piece
