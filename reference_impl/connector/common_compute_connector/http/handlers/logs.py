"""What a task wrote to one of its streams: kept, or read at the facility while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from common_compute_connector.answers import ByteAnswer
from common_compute_connector.errors import Fault, LogUnavailable, NotFound, ResultsNotReady
from common_compute_connector.http.byte_ranges import Wanted, wanted_range
from common_compute_connector.http.handlers.files import NOSNIFF, gives_ranges, kept_bytes
from common_compute_connector.http.handlers.results import check_results_are_there
from common_compute_connector.http.request import Request
from common_compute_connector.jobs import State, Task
from common_compute_connector.service import Service
from common_compute_connector.store.parts import find_submitted_part
from common_compute_connector.store.results import find_log
from common_compute_connector.store.tasks import find_task

_TEXT = "text/plain"


def faults_of_task_index(service: Service, request: Request) -> Sequence[Fault]:  # noqa: ARG001
    """Miss the task of an array."""
    missing = request.job.is_array and "task_index" not in request.query
    if not missing or any(fault.parameter == "task_index" for fault in request.faults):
        return ()
    return [
        Fault("invalid-request", "An array job has a log for each task: say which.", parameter="task_index")
    ]


async def get_log(service: Service, request: Request) -> ByteAnswer:
    """Give a log, or a part of it."""
    job, index = request.job, request.query.get("task_index", 0)
    live = not job.state.terminal
    if live and "live-logs" not in service.facility_classes(job.facility_id):
        raise ResultsNotReady(job.state)
    if not live:
        check_results_are_there(service, job)
    task = await service.store.read(lambda connection: find_task(connection, job.id, index))
    if task is None:
        raise NotFound("task", str(index))
    stream = request.ids["stream"]
    kept = await service.store.read(lambda connection: find_log(connection, job.id, index, stream))
    if kept is not None:
        return kept_bytes(service, request, kept.content_name, kept.size_bytes, _TEXT)
    if not task.state.terminal:
        return await _read_live(service, request, task)
    if _never_ran(task):
        return _nothing(service, request)
    raise LogUnavailable


async def _read_live(service: Service, request: Request, task: Task) -> ByteAnswer:
    """Ask the facility for what there is by now.

    Raises:
        FacilityUnavailable: it does not answer.
        LogUnavailable: it has lost it.
    """
    job = request.job
    part = await service.store.read(lambda connection: find_submitted_part(connection, job.id, task.index))
    known = service.facilities.get(job.facility_id)
    if part is None or known is None:
        return _nothing(service, request)
    stream = cast('Literal["stdout", "stderr"]', request.ids["stream"])
    ranged = gives_ranges(service, request)
    wanted = _wanted(request) if ranged else None
    try:
        if wanted is None:
            log = await known.connector.read_log(part, task.index, stream, 0, None)
            return ByteAnswer(200, _TEXT, log.size_bytes, log.chunks, _headers(ranged=ranged))
        size = (await known.connector.read_log(part, task.index, stream, 0, 0)).size_bytes
        span = wanted.within(size)
        if span is None:
            return _nothing(service, request)
        log = await known.connector.read_log(part, task.index, stream, span.start, span.stop)
    except LogUnavailable:
        if task.state is State.RUNNING:
            raise
        return _nothing(service, request)
    headers = [*_headers(ranged=ranged), ("content-range", span.content_range(size))]
    return ByteAnswer(206, _TEXT, len(span), log.chunks, headers)


def _nothing(service: Service, request: Request) -> ByteAnswer:
    """Answer for a log that nothing could have been written to."""
    ranged = gives_ranges(service, request)
    wanted = _wanted(request) if ranged else None
    if wanted is not None:
        wanted.within(0)
    return ByteAnswer(200, _TEXT, 0, headers=_headers(ranged=ranged))


def _wanted(request: Request) -> Wanted | None:
    # A log has no tag while it grows, so a part wanted of a certain tag's bytes is never given.
    return wanted_range(request.headers.get("range"), request.headers.get("if-range"))


def _headers(*, ranged: bool) -> list[tuple[str, str]]:
    return [NOSNIFF, ("accept-ranges", "bytes")] if ranged else [NOSNIFF]


def _never_ran(task: Task) -> bool:
    return task.started_at is None and task.exit_code is None and task.signal is None
