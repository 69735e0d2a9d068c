"""The connector to a plain host, where lanes of our own run the tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from common_compute_connector.clock import Clock
from common_compute_connector.errors import FacilityUnavailable
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    Deferred,
    Document,
    FacilityConfiguration,
    Ground,
    LivePart,
    Observation,
    Pace,
    Part,
    PartKey,
    Refused,
    Submission,
    Unknown,
)
from common_compute_rosetta import describe, records
from common_compute_rosetta.calls import Argument, Site, compose
from common_compute_rosetta.configuration import Settings, read_settings
from common_compute_rosetta.local import LocalTransport
from common_compute_rosetta.sandbox import Sandbox, archive_parts, batches, directory_name
from common_compute_rosetta.shell_host import (
    LONG_DEADLINE_SECONDS,
    NOTHING_HAPPENED,
    STREAM_BYTES,
    ShellHost,
    live_lines,
)
from common_compute_rosetta.slurm_host import SlurmHost
from common_compute_rosetta.submission import pack, resolve
from common_compute_rosetta.transport import HostUnreachable, Transport

_TOOLS_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the watcher finds the system's tools, whatever `PATH` the jobs get."""


def open_connector(configuration: FacilityConfiguration, ground: Ground) -> PlainHost | SlurmHost:
    """Make the connector of the machine of the service itself, or of the Slurm that is reached from there.

    Raises:
        ConfigurationError: the settings are wrong; every fault is told.
    """
    settings = read_settings(configuration)
    transport = LocalTransport(_TOOLS_PATH)
    kind = PlainHost if settings.slurm is None else SlurmHost
    return kind(settings, transport, ground.clock, ground.service_id, bound_to_host=True)


class PlainHost(ShellHost):
    """A host with a POSIX shell and nothing else, as `protocol.Connector` demands."""

    def __init__(
        self, settings: Settings, transport: Transport, clock: Clock, service_id: str, *, bound_to_host: bool
    ) -> None:
        pace = Pace(appears_within_seconds=5, observe_every_seconds=0.2)
        super().__init__(settings, transport, clock, service_id, pace, bound_to_host=bound_to_host)
        # One call at a time starts lanes, so that no two see the same slot free.
        self._starting_lanes = asyncio.Lock()

    async def describe(self) -> Document:
        """Give the facility document; the first time, the machine is asked, if it answers."""
        try:
            await self._site()
        except FacilityUnavailable as error:
            status = {"state": "unavailable", "message": error.detail}
            return {**describe.facility_document(self._settings, None), "status": status}
        return self._with_status(describe.facility_document(self._settings, self._machine))

    async def submit(self, batch: Sequence[Submission]) -> Sequence[Accepted | Refused | Deferred | Unknown]:
        """Send parts as archives; the host takes each by one rename, so it has it whole or not at all."""
        site = await self._site()
        provided = await self._provide(batch)
        packed = [
            await asyncio.to_thread(
                pack,
                one,
                self._settings,
                site.base,
                provided.containers.get(one.part.key),
                provided.fetched.get(one.part.key),
            )
            for one in provided.ready(batch)
        ]
        answers: list[Accepted | Refused | Deferred | Unknown] = [
            *provided.answers,
            *(p for p in packed if isinstance(p, Refused)),
        ]
        ready = [p for p in packed if isinstance(p, Sandbox)]
        for group in batches(ready, STREAM_BYTES):
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
                    call.argv, call.stdin, deadline_seconds=LONG_DEADLINE_SECONDS
                )
            if finished.exit_code in NOTHING_HAPPENED:
                words = self._not_taken(finished)
                return [Deferred(key, words) for key in keys]
            found = records.read_keys(finished.stdout)
            self._full = None
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
        handles = {live.part.key: live.part.handle for live in parts}
        observations = [Observation(key, known=False) for key in sighting.gone]
        for key, tasks in sighting.seen.items():
            seen = [
                task
                if task.resolved is None
                else replace(task, resolved=resolve(task.resolved, handles.get(key)))
                for task in tasks
            ]
            observations.append(Observation(key, seen))
        return observations

    async def _sight(self, parts: Sequence[LivePart]) -> records.Sighting:
        site = await self._site()
        finished = await self._run(compose("observe", site, lines=live_lines(parts)))
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
            finished = await self._run(call)
        if missing_lanes:
            # It tries to write something before it starts lanes.
            self._full = records.why_not_taken(finished.stderr, self._base) or None

    async def cancel(self, parts: Sequence[LivePart]) -> None:
        """Mark live tasks as ended by wish, and let a detached process see to those that run."""
        site = await self._site()
        grace = self._settings.kill_grace_seconds
        await self._run(compose("cancel", site, variables={"GRACE": grace}, lines=live_lines(parts)))


def _of_lost(parts: Sequence[LivePart], lost: Sequence[records.Lost]) -> list[LivePart]:
    by_key: dict[PartKey, list[int]] = {}
    for task in lost:
        by_key.setdefault(task.key, []).append(task.index)
    return [LivePart(live.part, by_key[live.part.key]) for live in parts if live.part.key in by_key]
