"""Parts handed to DIRAC so that each gets there once, and found again there when nobody knows.

Our id is in the jobs' group and names before they run. A part of several tasks is submitted in two steps: its
jobs are there, under their names, but do not run before they are confirmed. So a part of which only some jobs
came to be is taken back and submitted again, and none runs twice.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from common_compute_connector.clock import Clock
from common_compute_connector.jobs import Reason
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    Deferred,
    LivePart,
    Part,
    PartKey,
    Refused,
    Submission,
    Unknown,
)
from common_compute_connector.references import Reference
from common_compute_dirac import jdl, states
from common_compute_dirac.describe import Facts, find_software
from common_compute_dirac.enrolments import NoIdentity, Users
from common_compute_dirac.handles import Handle
from common_compute_dirac.images import Image
from common_compute_dirac.packing import Lacking, TooLarge, pack_part
from common_compute_dirac.settings import Settings, Software
from common_compute_dirac.staging import destination_fault
from common_compute_dirac.states import JobSeen
from common_compute_dirac.worker import DiracRefused, DiracUnreachable, Identity, Worker

_log = structlog.get_logger(__name__)

_NO_TO_WHO_ASKS = ("not-a-member", "no-proxy")
"""Kinds of refusal that are about the caller; nothing was done."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A part that DIRAC has to be told of, with the place where its files are there already."""

    part: Part
    description: str
    sandbox: str
    acting: Identity | None
    version: str | None


class HandingOver:
    """The way of one DIRAC's parts there.

    The files of a part go by a process of their own, the `carrier`, while the part before it is submitted.
    """

    def __init__(
        self,
        settings: Settings,
        worker: Worker,
        carrier: Worker,
        users: Users,
        clock: Clock,
        service_id: str,
    ) -> None:
        self._settings = settings
        self._worker = worker
        self._carrier = carrier
        self._users = users
        self._clock = clock
        self._service_id = service_id
        self._incomplete: dict[PartKey, tuple[int, datetime]] = {}

    async def submit(
        self, batch: Sequence[Submission], facts: Facts
    ) -> list[Accepted | Refused | Deferred | Unknown]:
        """Submit parts one after the other."""
        answers: list[Accepted | Refused | Deferred | Unknown] = []
        ahead: asyncio.Task[_Prepared | Refused | Deferred] | None = None
        try:
            for place, submission in enumerate(batch):
                prepared = await (ahead or self._prepare(submission, facts))
                following = batch[place + 1 : place + 2]
                ahead = asyncio.create_task(self._prepare(following[0], facts)) if following else None
                answers.append(await self._submit(prepared) if isinstance(prepared, _Prepared) else prepared)
        finally:
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)
        return answers

    async def _prepare(self, submission: Submission, facts: Facts) -> _Prepared | Refused | Deferred:
        """Make all of a part that it needs, and bring its files to DIRAC; nothing is submitted yet."""
        part, spec = submission.part, submission.spec
        runs_in = self._runs_in(spec["software"])
        if isinstance(runs_in, Reason):
            return Refused(part.key, runs_in)
        unfit = destination_fault(spec, self._settings)
        if unfit is not None:
            return Refused(part.key, Reason("submission-rejected", unfit))
        try:
            description = jdl.description(self._settings, self._service_id, part.key, part.task_count, spec)
            files = pack_part(self._settings, submission, runs_in, facts)
            acting = await self._users.identity(part.owner)
            sandbox = await self._call("upload", {"files": files}, acting, self._carrier)
        except (jdl.NoSafeWord, TooLarge) as error:
            return Refused(part.key, Reason("submission-rejected", str(error)))
        except Lacking as error:
            return Refused(part.key, Reason("input-unavailable", str(error)))
        except NoIdentity as error:
            return Refused(part.key, Reason("credential-rejected", str(error)))
        except DiracUnreachable as error:
            # Without its sandbox no job was submitted, whatever became of that.
            return Deferred(part.key, error.detail)
        except DiracRefused as error:
            return self._said_no(part, error) or Deferred(part.key, error.detail)
        version = runs_in.version if isinstance(runs_in, Software) else None
        return _Prepared(part, description, sandbox, acting, version)

    async def _submit(self, prepared: _Prepared) -> Accepted | Refused | Deferred | Unknown:
        part, acting = prepared.part, prepared.acting
        try:
            told = await self._call(
                "submit", {"jdl": prepared.description, "sandbox": prepared.sandbox}, acting
            )
        except DiracUnreachable as error:
            return (Unknown if error.started else Deferred)(part.key, error.detail)
        except DiracRefused as error:
            return await self._refused(part, error, acting)
        jobs = tuple(told["jobs"])
        if len(jobs) != part.task_count:
            return Unknown(part.key, f"DIRAC made {len(jobs)} jobs of {part.task_count} tasks")
        if told["to_confirm"]:
            await self._confirm(jobs, acting)
        return Accepted(part.key, Handle(jobs, acting, prepared.version).text())

    def _runs_in(self, wish: Mapping[str, Any]) -> Software | Image | Reason:
        """Give what a job's `software` means, or why there is none."""
        if wish["kind"] == "installed":
            software = find_software(self._settings.software, wish)
            return software or Reason("software-unavailable", "it is not in the catalogue any more")
        containers = self._settings.containers
        if containers is None or "image" not in wish:
            return Reason("image-unavailable", "the facility runs no such container any more")
        return Image(containers, Reference.read(wish["image"]))

    async def _refused(
        self, part: Part, error: DiracRefused, acting: Identity | None
    ) -> Refused | Deferred | Unknown:
        """Tell what a "no" to a submission means; of many jobs some may have come to be before it."""
        answer = self._said_no(part, error)
        final = isinstance(answer, Refused) and error.kind not in _NO_TO_WHO_ASKS
        if final and part.task_count > 1:
            try:
                left = await self._jobs_of([part], acting)
            except (DiracUnreachable, DiracRefused) as doubt:
                return Unknown(part.key, doubt.detail)
            if left[part.key]:
                return Unknown(part.key, error.detail)
        return answer or Unknown(part.key, error.detail)

    @staticmethod
    def _said_no(part: Part, error: DiracRefused) -> Refused | Deferred | None:
        """Tell what a "no" means; None if what was done before it is not known."""
        if error.kind in _NO_TO_WHO_ASKS:
            return Refused(part.key, Reason("credential-rejected", error.detail))
        if error.kind == "unauthorized":
            # For a minute DIRAC may say so to those who are right (client.py); nothing was done.
            return Deferred(part.key, error.detail)
        if error.kind == "failed":
            return None
        return Refused(part.key, Reason("submission-rejected", error.detail))

    async def find(self, parts: Sequence[Part]) -> list[Accepted | Absent]:
        """Look for parts by their names; an incomplete one is undecided, and taken back if it stays so."""
        answers: list[Accepted | Absent] = []
        for acting, some in (await self._by_identity(parts)).items():
            try:
                found = await self._jobs_of(some, acting)
            except DiracRefused as error:
                _log.warning("DIRAC refuses", kind=error.kind, detail=error.detail)
                continue
            for part in some:
                places = found[part.key]
                if len(places) == part.task_count:
                    self._incomplete.pop(part.key, None)
                    jobs = tuple(places[place] for place in range(part.task_count))
                    answers.append(Accepted(part.key, Handle(jobs, acting).text()))
                elif not places:
                    self._incomplete.pop(part.key, None)
                    answers.append(Absent(part.key))
                elif self._stays_incomplete(part.key, len(places)):
                    await self._take_back(list(places.values()), acting)
        return answers

    def _stays_incomplete(self, key: PartKey, count: int) -> bool:
        """Tell whether a part has had the same few jobs for as long as a submission may take."""
        now = self._clock.now()
        before, since = self._incomplete.get(key, (0, now))
        if before != count:
            self._incomplete[key] = (count, now)
            return False
        return now - since >= timedelta(seconds=self._settings.appears_within_seconds)

    async def clear(self, parts: Sequence[Part]) -> list[PartKey]:
        """Remove whatever jobs there are of parts that were never accepted; name those that have none now."""
        gone: list[PartKey] = []
        for acting, some in (await self._by_identity(parts)).items():
            found = await self._jobs_of(some, acting)
            numbers = [number for part in some for number in found[part.key].values()]
            if numbers:
                await self._take_back(numbers, acting)
            gone += [part.key for part in some if not found[part.key]]
        return gone

    async def confirm_again(
        self, some: Sequence[tuple[LivePart, Handle]], seen: Mapping[int, JobSeen]
    ) -> None:
        """Confirm accepted jobs that still wait for it: the confirmation did not get there."""
        for live, handle in some:
            jobs = [handle.number(live.part, index) for index in live.live]
            if any(number in seen and seen[number].status == states.SUBMITTING for number in jobs):
                await self._confirm(jobs, handle.acting)

    async def _confirm(self, jobs: Sequence[int], acting: Identity | None) -> None:
        try:
            await self._call("confirm", {"jobs": list(jobs)}, acting)
        except (DiracUnreachable, DiracRefused) as error:
            # They are there, and the next look at them sees that they still wait.
            _log.warning("not confirmed yet", jobs=len(jobs), detail=error.detail)

    async def _take_back(self, numbers: Sequence[int], acting: Identity | None) -> None:
        await self._call("kill", {"jobs": list(numbers)}, acting)
        await self._call("delete", {"jobs": list(numbers)}, acting)

    async def _jobs_of(self, parts: Sequence[Part], acting: Identity | None) -> dict[PartKey, dict[int, int]]:
        """Give of each part the jobs that there are, by their place in it.

        Of several with one name the first counts: nobody else can know our id before it is there.
        """
        found: dict[PartKey, dict[int, int]] = {part.key: {} for part in parts}
        numbers: set[int] = set()
        for group in sorted({jdl.group_name(part.key.job_id) for part in parts}):
            numbers.update(await self._call("find", {"JobGroup": group}, acting))
        told = await self._call("status", {"jobs": sorted(numbers)}, acting) if numbers else {}
        for number in sorted(map(int, told)):
            job = states.read_status(told[str(number)])
            named = jdl.read_name(job.name, self._service_id)
            if named is not None and named.key in found and job.status != states.DELETED:
                found[named.key].setdefault(named.place, number)
        return found

    async def _by_identity(self, parts: Sequence[Part]) -> dict[Identity | None, list[Part]]:
        groups: dict[Identity | None, list[Part]] = defaultdict(list)
        for part in parts:
            try:
                groups[await self._users.identity(part.owner)].append(part)
            except NoIdentity as error:
                _log.warning("nobody to ask as", part=part.key, detail=str(error))
        return groups

    async def _call(
        self,
        name: str,
        arguments: Mapping[str, object],
        acting: Identity | None,
        by: Worker | None = None,
    ) -> Any:
        worker = by or self._worker
        return await worker.call(name, arguments, acting, deadline_seconds=self._settings.call_seconds)
