"""The connector to a host with Slurm: Slurm starts the tasks, their directories tell the rest.

Nothing of ours runs there but what runs in Slurm's jobs. Each verb is one remote call, in which Slurm's own
commands are called as seldom as they can be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common_compute_connector.clock import Clock
from common_compute_connector.errors import FacilityUnavailable
from common_compute_connector.jobs import Reason
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    Deferred,
    Document,
    LivePart,
    Observation,
    Pace,
    Part,
    PartKey,
    Refused,
    Submission,
    Unknown,
)
from common_compute_rosetta import records, slurm_batch, slurm_describe, slurm_queue, slurm_watching
from common_compute_rosetta.calls import Argument, Call, Site, compose
from common_compute_rosetta.configuration import Settings
from common_compute_rosetta.findings import Findings, findings
from common_compute_rosetta.images import Provided
from common_compute_rosetta.sandbox import Sandbox, archive_parts, batches, directory_name
from common_compute_rosetta.shell_host import (
    DEADLINE_SECONDS,
    LONG_DEADLINE_SECONDS,
    NOTHING_HAPPENED,
    STREAM_BYTES,
    ShellHost,
    live_lines,
)
from common_compute_rosetta.slurm_handle import job_of, with_job
from common_compute_rosetta.slurm_probe import Cluster, read_cluster
from common_compute_rosetta.slurm_queue import Submitted
from common_compute_rosetta.slurm_settings import SlurmSettings
from common_compute_rosetta.slurm_watching import SlurmWatching
from common_compute_rosetta.submission import pack
from common_compute_rosetta.transport import Finished, HostUnreachable, Transport

SBATCH_SECONDS = 20
"""The patience with one call of sbatch; what is left of it is ended then."""

SBATCH_AT_ONCE = 4
"""So many calls of sbatch a batch makes at a time: each mostly starts a program and waits for Slurm."""

SETTLE_SECONDS = 30
"""So long after sbatch was called its job can no longer appear, if who called it is dead."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A part that can be sent, and what sbatch is told of it."""

    sandbox: Sandbox
    options: Sequence[str]


class SlurmHost(ShellHost):
    """A host on which Slurm's commands work, as `protocol.Connector` demands."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        clock: Clock,
        service_id: str,
        *,
        bound_to_host: bool,
        settle_seconds: int = SETTLE_SECONDS,
    ) -> None:
        self._slurm = settings.slurm or SlurmSettings()
        pace = Pace(
            appears_within_seconds=settle_seconds, observe_every_seconds=self._slurm.observe_every_seconds
        )
        super().__init__(settings, transport, clock, service_id, pace, bound_to_host=bound_to_host)
        self.max_tasks_per_part = self._slurm.max_tasks_per_part
        self._service_id = service_id
        self._settle_seconds = settle_seconds
        self._cluster: Cluster | None = None
        self._probed_at: datetime | None = None
        self._watching = SlurmWatching(service_id, clock, settings.lost_after_seconds)

    async def describe(self) -> Document:
        """Give the facility document; the first time, the host is asked, if it answers."""
        try:
            await self._site()
        except FacilityUnavailable as error:
            status = {"state": "unavailable", "message": error.detail}
            return {**slurm_describe.facility_document(self._settings, None, None), "status": status}
        document = slurm_describe.facility_document(self._settings, self._machine, self._cluster)
        return self._with_status(document)

    def findings(self) -> Findings | None:
        """Tell what was found there, of Slurm as well."""
        return None if self._machine is None else findings(self._settings, self._machine, self._cluster)

    async def submit(self, batch: Sequence[Submission]) -> Sequence[Accepted | Refused | Deferred | Unknown]:
        """Send parts as archives; for each that arrives whole, sbatch is called there."""
        site, cluster = await self._site_and_cluster()
        provided = await self._provide(batch)
        packed = [
            await asyncio.to_thread(self._pack, one, site, cluster, provided) for one in provided.ready(batch)
        ]
        answers: list[Accepted | Refused | Deferred | Unknown] = [
            *provided.answers,
            *(p for p in packed if isinstance(p, Refused)),
        ]
        ready = {p.sandbox.key: p for p in packed if isinstance(p, _Ready)}
        for group in batches([one.sandbox for one in ready.values()], STREAM_BYTES):
            answers += await self._send(site, [ready[sandbox.key] for sandbox in group])
        return answers

    def _pack(
        self, submission: Submission, site: Site, cluster: Cluster, provided: Provided
    ) -> _Ready | Refused:
        part = submission.part
        options = slurm_batch.options(submission, self._settings, cluster, self._service_id)
        if isinstance(options, Reason):
            return Refused(part.key, options)
        container, fetched = provided.containers.get(part.key), provided.fetched.get(part.key)
        sandbox = pack(submission, self._settings, site.base, container, fetched)
        if isinstance(sandbox, Refused):
            return sandbox
        wall_time = slurm_batch.wall_time_seconds(submission, self._settings)
        gpus = submission.spec.get("resources", {}).get("gpus") or 0
        script = slurm_batch.batch_script(part, site, cluster, wall_time, gpus)
        name = f"parts/{directory_name(part.key)}/batch"
        return _Ready(replace(sandbox, files=[*sandbox.files, (name, script)]), options)

    async def _send(
        self, site: Site, group: Sequence[_Ready]
    ) -> list[Accepted | Refused | Deferred | Unknown]:
        payload = await asyncio.to_thread(archive_parts, [one.sandbox for one in group])
        lines = [("part", directory_name(one.sandbox.key), *one.options) for one in group]
        variables: dict[str, Argument] = {
            "INCOMING": f"incoming.{self._clock.new_id()}",
            "SBATCH_SECONDS": SBATCH_SECONDS,
            "AT_ONCE": min(SBATCH_AT_ONCE, len(group)),
        }
        call = self._composed("submit", site, variables, lines, payload)
        handles = {one.sandbox.key: one.sandbox.handle for one in group}
        try:
            finished = await self._transport.run(
                call.argv, call.stdin, deadline_seconds=LONG_DEADLINE_SECONDS
            )
            if finished.exit_code in NOTHING_HAPPENED:
                words = self._not_taken(finished)
                return [Deferred(key, words) for key in handles]
            self._full = None
            outcomes = slurm_queue.read_submissions(finished.stdout)
        except HostUnreachable as error:
            outcome = Unknown if error.started else Deferred
            return [outcome(key, error.detail) for key in handles]
        except records.Garbled as error:
            return [Unknown(key, str(error)) for key in handles]
        await self._clear_away([one.key for one in outcomes if isinstance(one, Refused | Deferred)])
        return [
            Accepted(one.key, with_job(handles[one.key], one.job)) if isinstance(one, Submitted) else one
            for one in outcomes
        ]

    async def _clear_away(self, keys: Sequence[PartKey]) -> None:
        """Remove what was sent for nothing; what stays because the host went away is found later."""
        if keys:
            try:
                await self._remove(keys)
            except FacilityUnavailable:
                return

    async def find(self, parts: Sequence[Part]) -> Sequence[Accepted | Absent]:
        """Look for the parts' directories, and where one has no id of Slurm's for the name of its job."""
        site, _ = await self._site_and_cluster()
        lines = [
            ("part", directory_name(part.key), slurm_batch.job_name(self._service_id, part.key))
            for part in parts
        ]
        call = self._composed("find", site, {"SETTLE_SECONDS": self._settle_seconds}, lines)
        found = self._understood(records.read_keys, await self._ask(call))
        answers: list[Accepted | Absent] = []
        for part in parts:
            word, text = found.get(part.key, ("", ""))
            if word == "accepted":
                job, _, handle = text.partition(" ")
                answers.append(Accepted(part.key, with_job(handle, job)))
            elif word == "absent":
                answers.append(Absent(part.key))
        return answers

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Ask Slurm for all its jobs of ours in one call, and read the tasks' records in the same."""
        await self._probe_again()
        site, cluster = await self._site_and_cluster()
        lines = [slurm_watching.line(live) for live in parts]
        finished = await self._ask(self._composed("observe", site, self._watching.variables(), lines))
        sighting = self._understood(slurm_queue.read_sighting, finished)
        observations = self._watching.observations(parts, sighting, cluster)
        if stale := slurm_watching.ended_before_they_began(parts, observations, sighting):
            # Nothing is to come home of an attempt before the last one.
            await self._ask(self._composed("forget", await self._site(), {}, live_lines(stale)))
        return observations

    async def cancel(self, parts: Sequence[LivePart]) -> None:
        """Mark live tasks as ended by wish, and have Slurm end them."""
        site, _ = await self._site_and_cluster()
        variables: dict[str, Argument] = {
            "NATIVE": " ".join(_cancelled_ids(live) for live in parts if live.live)
        }
        finished = await self._ask(self._composed("cancel", site, variables, live_lines(parts)))
        words = records.first_words(finished.stderr)
        # Otherwise it complains of jobs that have ended meanwhile.
        if slurm_queue.is_away(words):
            raise FacilityUnavailable(self.facility_id, words)

    async def _ask(self, call: Call) -> Finished:
        finished = await self._run(call, deadline_seconds=2 * self._slurm.command_seconds + DEADLINE_SECONDS)
        if finished.exit_code:
            words = records.first_words(finished.stderr) or f"a call ended with {finished.exit_code}"
            raise FacilityUnavailable(self.facility_id, words)
        return finished

    def _composed(
        self,
        verb: str,
        site: Site,
        variables: Mapping[str, Argument],
        lines: Sequence[Sequence[Argument]] = (),
        payload: bytes = b"",
    ) -> Call:
        settings = self._variables()
        if self._cluster is not None:
            settings |= {
                "ACCOUNT": self._cluster.account,
                "ACCOUNTING": "yes" if self._cluster.accounting else "no",
            }
        return compose(
            f"slurm/{verb}", site, variables={**settings, **variables}, lines=lines, payload=payload
        )

    def _variables(self) -> dict[str, Argument]:
        return {
            "SLURM_PATH": self._slurm.path or "",
            "SLURM_CONF_FILE": self._slurm.conf or "",
            "COMMAND_SECONDS": self._slurm.command_seconds,
        }

    async def _site_and_cluster(self) -> tuple[Site, Cluster]:
        site = await self._site()
        assert self._cluster is not None
        return site, self._cluster

    async def _probe_again(self) -> None:
        """Ask anew what there is, every now and then; what cannot be had is as before."""
        now = self._clock.now()
        every = timedelta(seconds=self._slurm.probe_every_seconds)
        if self._probed_at is not None and now - self._probed_at >= every:
            self._probed_at = now
            try:
                self._machine = await self._probe()
            except FacilityUnavailable:
                return

    async def _probe(self) -> records.Machine:
        call = compose("slurm/probe", Site(self._base, self._settings.shell), variables=self._variables())
        finished = await self._run(call)
        machine = self._read_machine(finished)
        self._cluster = self._understood(read_cluster, finished)
        self._probed_at = self._clock.now()
        return machine


def _cancelled_ids(live: LivePart) -> str:
    """Name live tasks to scancel: the whole job, or a list of ranges of its elements."""
    part, job = live.part, job_of(live.part.handle)
    if len(live.live) == part.task_count:
        return job
    elements = sorted(index - part.first_index for index in live.live)
    ranges: list[list[int]] = []
    for element in elements:
        if ranges and element == ranges[-1][1] + 1:
            ranges[-1][1] = element
        else:
            ranges.append([element, element])
    return f"{job}_[{','.join(f'{a}-{b}' if b > a else str(a) for a, b in ranges)}]"
