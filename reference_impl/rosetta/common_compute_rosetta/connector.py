"""The connector to a plain host: each verb is one remote call through a transport, or two.

The host keeps all that is known about a job in the job's directory (`sandbox.py`), and what runs there needs
nobody: this module can be stopped, or killed, at any point.
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
    Stream,
    Submission,
    Unknown,
)
from common_compute_rosetta import collect, describe, records
from common_compute_rosetta.archive import ArchiveStream, BrokenStream
from common_compute_rosetta.calls import Argument, Call, Site, compose
from common_compute_rosetta.configuration import Settings, read_settings
from common_compute_rosetta.local import LocalTransport
from common_compute_rosetta.sandbox import Sandbox, archive_parts, batches, directory_name
from common_compute_rosetta.submission import pack, software_version
from common_compute_rosetta.transport import Finished, HostUnreachable, Transport

T = TypeVar("T")

_DEADLINE_SECONDS = 60.0
_LONG_DEADLINE_SECONDS = 600.0
"""For calls whose work grows with what jobs left: a submission's stream, a listing, a removal."""

_STREAM_BYTES = 16 * 1024 * 1024
"""What one submission call carries, unless a single part is larger."""

_TOOLS_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the watcher finds the system's tools, whatever `PATH` the jobs get."""

_NOTHING_HAPPENED = (3, 4)
"""The exit codes with which our scripts say so."""


def open_connector(configuration: FacilityConfiguration, ground: Ground) -> PlainHost:
    """Make the connector of a facility that is the machine of the service itself.

    Raises:
        ConfigurationError: the settings are wrong; every fault is told.
    """
    settings = read_settings(configuration)
    transport = LocalTransport(_TOOLS_PATH)
    return PlainHost(settings, transport, ground.clock, ground.service_id, bound_to_host=True)


class PlainHost:
    """A host with a POSIX shell and nothing else, as `protocol.Connector` demands."""

    max_tasks_per_part = 1000

    def __init__(
        self, settings: Settings, transport: Transport, clock: Clock, service_id: str, *, bound_to_host: bool
    ) -> None:
        self.facility_id = settings.id
        self.pace = Pace(appears_within_seconds=5, observe_every_seconds=0.2)
        self.bound_to_host = bound_to_host
        self.shares_server_account = bound_to_host  # what runs here runs as the server does
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._base = f"{settings.root}/{service_id}"
        self._machine: records.Machine | None = None
        self._probing = asyncio.Lock()
        # One call at a time starts lanes, so that no two see the same slot free.
        self._starting_lanes = asyncio.Lock()

    async def describe(self) -> Document:
        """Give the facility document; the first time, the machine is asked, if it answers."""
        try:
            await self._site()
        except FacilityUnavailable as error:
            status = {"state": "unavailable", "message": error.detail}
            return {**describe.facility_document(self._settings, None), "status": status}
        return describe.facility_document(self._settings, self._machine)

    async def list_software(self) -> Sequence[Document]:
        """Give the catalogue."""
        return describe.software_documents(self._settings.software)

    async def submit(self, batch: Sequence[Submission]) -> Sequence[Accepted | Refused | Deferred | Unknown]:
        """Send parts as archives; the host takes each by one rename, so it has it whole or not at all."""
        site = await self._site()
        packed = [await asyncio.to_thread(pack, one, self._settings, site.base) for one in batch]
        answers: list[Accepted | Refused | Deferred | Unknown] = [p for p in packed if isinstance(p, Refused)]
        ready = [p for p in packed if isinstance(p, Sandbox)]
        for group in batches(ready, _STREAM_BYTES):
            answers += await self._send(site, group)
        return answers

    async def _send(
        self, site: Site, group: Sequence[Sandbox]
    ) -> list[Accepted | Refused | Deferred | Unknown]:
        place = int(self._clock.now().timestamp() * 1_000_000) * 1000
        payload = await asyncio.to_thread(archive_parts, group, place)
        variables: dict[str, Argument] = {
            "INCOMING": f"incoming.{self._clock.new_id()}",
            "WAITING": sum(len(packed.indices) for packed in group),
        }
        call = compose("submit", site, variables=variables, payload=payload)
        keys = [packed.key for packed in group]
        handles = {packed.key: packed.handle for packed in group}
        try:
            async with self._starting_lanes:
                finished = await self._transport.run(
                    call.argv, call.stdin, deadline_seconds=_LONG_DEADLINE_SECONDS
                )
            if finished.exit_code in _NOTHING_HAPPENED:
                words = records.first_words(finished.stderr)
                return [Deferred(key, words) for key in keys]
            found = records.read_keys(finished.stdout)
        except HostUnreachable as error:
            outcome = Unknown if error.started else Deferred
            return [outcome(key, error.detail) for key in keys]
        except records.Garbled as error:
            return [Unknown(key, str(error)) for key in keys]
        return [
            Accepted(key, handles[key])
            if found.get(key, ("", ""))[0] == "accepted"
            else Deferred(key, records.first_words(finished.stderr) or "the host did not take it")
            for key in keys
        ]

    async def find(self, parts: Sequence[Part]) -> Sequence[Accepted | Absent]:
        """Look for the parts' directories."""
        site = await self._site()
        finished = await self._run(compose("find", site, lines=records.names(p.key for p in parts)))
        found = self._understood(records.read_keys, finished)
        return [
            Accepted(part.key, found[part.key][1]) if found[part.key][0] == "accepted" else Absent(part.key)
            for part in parts
            if part.key in found
        ]

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Read all records in one call; a second one follows only where something has to be put right."""
        sighting = await self._sight(parts)
        missing = min(sighting.waiting, (await self._site()).max_running - sighting.lanes)
        if sighting.lost or missing > 0:
            await self._mend(sighting.lost, max(missing, 0))
        if sighting.lost:
            again = await self._sight(_of_lost(parts, sighting.lost))
            for key, tasks in again.seen.items():
                sighting.seen[key] += tasks
        versions = {live.part.key: software_version(live.part.handle) for live in parts}
        observations = [Observation(key, known=False) for key in sighting.gone]
        for key, tasks in sighting.seen.items():
            version = versions.get(key)
            seen = [
                task
                if task.resolved is None
                else replace(task, resolved=replace(task.resolved, software_version=version))
                for task in tasks
            ]
            observations.append(Observation(key, seen))
        return observations

    async def _sight(self, parts: Sequence[LivePart]) -> records.Sighting:
        site = await self._site()
        finished = await self._run(compose("observe", site, lines=_live_lines(parts)))
        host = self._machine.host if self._machine else ""
        return self._understood(lambda stdout: records.read_sighting(stdout, host), finished)

    async def _mend(self, lost: Sequence[records.Lost], missing_lanes: int) -> None:
        lines = [
            (
                "abandoned",
                directory_name(task.key),
                task.index,
                "reboot" if task.rebooted else "lost",
            )
            for task in lost
        ]
        site = await self._site()
        async with self._starting_lanes:
            call = compose("mend", site, variables={"WAITING": missing_lanes}, lines=lines)
            await self._run(call)

    async def cancel(self, parts: Sequence[LivePart]) -> None:
        """Mark live tasks as ended by wish, and let a detached process see to those that run."""
        site = await self._site()
        grace = self._settings.kill_grace_seconds
        await self._run(compose("cancel", site, variables={"GRACE": grace}, lines=_live_lines(parts)))

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
        """List the files, choose, and stream logs and results in one call."""
        site = await self._site()
        listed: Mapping[collect.TaskId, collect.Listed] = {}
        lines = collect.list_lines(ended)
        if lines:
            finished = await self._run(
                compose("list", site, lines=lines), deadline_seconds=_LONG_DEADLINE_SECONDS
            )
            listed = self._understood(collect.read_list, finished)
        wanted = [
            collect.choose(task, listed.get((task.part.key, task.index), collect.Listed())) for task in ended
        ]
        call = compose("give", site, lines=[line for want in wanted for line in want.lines])
        chunks = self._transport.stream(call.argv, call.stdin, idle_seconds=_DEADLINE_SECONDS)
        try:
            async with aclosing(chunks):
                async for item in collect.unpack(wanted, ArchiveStream(chunks)):
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
        chunks = self._transport.stream(call.argv, call.stdin, idle_seconds=_DEADLINE_SECONDS)
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
        site = await self._site()
        call = compose("release", site, lines=records.names(part.key for part in parts))
        finished = await self._run(call, deadline_seconds=_LONG_DEADLINE_SECONDS)
        return list(self._understood(records.read_keys, finished))

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:  # noqa: ARG002
        """Refuse: callers have nothing to arrange here."""
        raise EnrolmentNotSupported(self.facility_id)

    async def check_enrolment(self, owner: str, held: Enrolment | None) -> Enrolment:  # noqa: ARG002
        """Refuse: callers have nothing to arrange here."""
        raise EnrolmentNotSupported(self.facility_id)

    async def withdraw(self, held: Enrolment) -> None:
        """Do nothing: nothing is kept."""

    async def close(self) -> None:
        """Close the transport; lanes and jobs go on."""
        await self._transport.close()

    async def _site(self) -> Site:
        """Say how to run things on the host; asked once, and again as long as it did not answer."""
        async with self._probing:
            if self._machine is None:
                site = Site(self._base, self._settings.shell)
                finished = await self._run(compose("probe", site))
                machine = self._understood(records.read_machine, finished)
                if machine.missing:
                    detail = f"the host lacks {', '.join(machine.missing)}"
                    raise FacilityUnavailable(self.facility_id, detail)
                self._machine = machine
        machine = self._machine
        return Site(
            machine.directory,
            self._settings.shell,
            machine.reaper,
            self._settings.max_running or machine.cores,
        )

    async def _run(self, call: Call, *, deadline_seconds: float = _DEADLINE_SECONDS) -> Finished:
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


async def _closing(chunks: AsyncGenerator[bytes, None], pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async with aclosing(chunks):
        async for piece in pieces:
            yield piece


def _live_lines(parts: Iterable[LivePart]) -> list[Sequence[Argument]]:
    return [("part", directory_name(live.part.key), *live.live) for live in parts]


def _of_lost(parts: Sequence[LivePart], lost: Sequence[records.Lost]) -> list[LivePart]:
    by_key: dict[PartKey, list[int]] = {}
    for task in lost:
        by_key.setdefault(task.key, []).append(task.index)
    return [LivePart(live.part, by_key[live.part.key]) for live in parts if live.part.key in by_key]
