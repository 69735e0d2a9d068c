"""The connector: the few verbs with which the server speaks to the facility.

What each promises is written in `common_compute_connector.protocol.Connector`. The object keeps no record of
jobs: a server can be killed at any moment, and the next one finds everything at the facility, under our keys.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

from common_compute_connector.errors import (
    ConfigurationError,
    EnrolmentNotSupported,
    FacilityUnavailable,
    LogUnavailable,
)
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
    ResultBytes,
    Stream,
    Submission,
)

from . import launch
from .describe import facility_document, software_documents
from .directories import Directories
from .nq import NotTaken, Queue
from .states import MARKS, task_seen

T = TypeVar("T")

_CHUNK = 256 * 1024
_STREAMS: tuple[Stream, ...] = ("stdout", "stderr")


def open_connector(configuration: FacilityConfiguration, ground: Ground) -> Connector:
    """Make the connector of one `[[facility]]` table, touching nothing yet.

    Raises:
        ConfigurationError: the settings are wrong; every fault is told.
    """
    place = f"facility {configuration.id}"
    settings = dict(configuration.settings)
    root = settings.pop("root", None)
    faults = [f"{place}: there is no setting {name!r}; there is `root`." for name in settings]
    if not isinstance(root, str) or not root:
        faults.append(f"{place}: `root` must be given: a directory for the jobs.")
    if faults:
        raise ConfigurationError(faults)
    # The service's id, so that two services can share a directory.
    return Facility(configuration.id, Path(str(root)).absolute() / ground.service_id)


class Facility:
    """One facility. Every verb may be repeated, and is never called for one part twice at once."""

    max_tasks_per_part = 1  # the queue knows no arrays: each task is a submission of its own
    bound_to_host = True  # only a server on this machine can see these jobs
    shares_server_account = True  # jobs run as the server does, so callers have to trust each other

    def __init__(self, facility_id: str, root: Path) -> None:
        self.facility_id = facility_id
        # nq detaches what it takes: it may appear a moment after we were killed.
        self.pace = Pace(appears_within_seconds=5, observe_every_seconds=0.2)
        self._directories = Directories(root)
        self._queue = Queue(root / "queue")

    async def describe(self) -> Document:
        """Give the facility document."""
        return {"id": self.facility_id, **facility_document()}

    async def list_software(self) -> Sequence[Document]:
        """Give the catalogue."""
        return software_documents()

    async def submit(self, batch: Sequence[Submission]) -> Sequence[Accepted | Deferred]:
        """Write each task's directory, whose name is our key, and hand nq a command line that ends in it."""

        def hand_over() -> list[Accepted | Deferred]:
            answers: list[Accepted | Deferred] = []
            for one in batch:
                name = self._directories.add(one)
                try:
                    job = self._queue.hand_over(
                        [sys.executable, "-I", launch.__file__, str(self._directories.tasks / name)]
                    )
                except NotTaken as error:
                    answers.append(Deferred(one.part.key, str(error)))
                else:
                    answers.append(Accepted(one.part.key, job))
            return answers

        return await self._ask(hand_over)

    async def find(self, parts: Sequence[Part]) -> Sequence[Accepted | Absent]:
        """Look for our keys in nq's command lines: a directory alone is no submission."""

        def look() -> list[Accepted | Absent]:
            jobs = self._queue.jobs()
            named = [(part.key, jobs.get(self._directories.name(part.key))) for part in parts]
            return [Accepted(key, job) if job else Absent(key) for key, job in named]

        return await self._ask(look)

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Read nq's files of all live tasks, and the marks that were left beside them."""

        def look() -> list[Observation]:
            there = self._queue.names()
            return [self._observed(live.part, there) for live in parts]

        return await self._ask(look)

    def _observed(self, part: Part, there: frozenset[str]) -> Observation:
        job = part.handle or ""
        if job not in there:
            return Observation(part.key, known=False)
        seen = task_seen(part.first_index, self._queue.look(job), self._marks(part))
        if seen is None:
            # nq has not said how it ended: for a moment, or for ever if nq was killed with it. The server
            # waits for `lost_after_seconds`.
            return Observation(part.key, known=False)
        return Observation(part.key, [seen])

    def _marks(self, part: Part) -> Mapping[str, str]:
        found = ((name, self._directories.record(part.key, name)) for name in MARKS)
        return {name: text for name, text in found if text is not None}

    async def cancel(self, parts: Sequence[LivePart]) -> None:
        """Leave the wish where `launch.py` looks, and take a job that still waits out of the queue."""

        def ask_to_end() -> None:
            for live in parts:
                self._directories.ask_to_end(live.part.key)
                if "start" not in self._marks(live.part):
                    self._queue.end_waiting(live.part.handle or "")

        await self._ask(ask_to_end)

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
        """Give the logs and the files that the output rules match; what cannot be read is named as lost."""
        for task in ended:
            key, index = task.part.key, task.index
            lost: list[str] = []
            for stream in _STREAMS:
                log = await self._open(self._directories.log(key, stream), lost)
                if log is not None:
                    yield LogBytes(key, index, stream, _chunks(log))
            for path, file in await self._ask(self._directories.results, key, task.outputs):
                result = await self._open(file, lost)
                if result is not None:
                    yield ResultBytes(key, index, path, _chunks(result))
            yield Collected(key, index, lost)

    async def read_log(
        self,
        part: Part,
        index: int,  # noqa: ARG002  (a part is one task here)
        stream: Stream,
        start: int,
        stop: int | None,
    ) -> LogSlice:
        """Read from the file in which the log grows.

        Raises:
            LogUnavailable: it is not there.
        """
        log = await self._open(self._directories.log(part.key, stream), [])
        if log is None:
            raise LogUnavailable
        size = log.seek(0, os.SEEK_END)
        log.seek(start)
        return LogSlice(size, _chunks(log, max(0, min(size, size if stop is None else stop) - start)))

    async def release(self, parts: Sequence[Part]) -> Sequence[PartKey]:
        """Remove the tasks' directories and nq's files."""

        def remove() -> list[PartKey]:
            jobs = self._queue.jobs()
            for part in parts:
                self._queue.remove(jobs.get(self._directories.name(part.key), ""))
            return [part.key for part in parts if self._directories.remove(part.key)]

        return await self._ask(remove)

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:  # noqa: ARG002
        """Refuse: callers have nothing to arrange here."""
        raise EnrolmentNotSupported

    async def check_enrolment(self, owner: str, held: Enrolment | None) -> Enrolment:  # noqa: ARG002
        """Refuse: callers have nothing to arrange here."""
        raise EnrolmentNotSupported

    async def withdraw(self, held: Enrolment) -> None:
        """Do nothing: nothing is kept."""

    async def close(self) -> None:
        """Do nothing: the queue and its jobs go on without us."""

    async def _ask(self, work: Callable[..., T], *arguments: object) -> T:
        """Do what may block beside the server's event loop.

        Trouble with the facility is told as such: then no job fails, and the server asks again later.
        """
        try:
            return await asyncio.to_thread(work, *arguments)
        except OSError as error:
            raise FacilityUnavailable(self.facility_id, str(error)) from error

    async def _open(self, path: Path, lost: list[str]) -> BinaryIO | None:
        try:
            return await asyncio.to_thread(self._directories.open, path)
        except OSError as error:
            lost.append(f"{path.name}: {error.strerror}")
            return None


async def _chunks(file: BinaryIO, most: int | None = None) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK if most is None else min(_CHUNK, most)):
            most = None if most is None else most - len(chunk)
            yield chunk
