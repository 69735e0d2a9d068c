"""The results of a job: the list, and the bytes."""

from __future__ import annotations

from urllib.parse import quote

from common_compute_connector.answers import Answer, ByteAnswer
from common_compute_connector.documents import result_document
from common_compute_connector.errors import NotFound, ResultExpired, ResultsNotReady
from common_compute_connector.http.handlers.files import kept_bytes
from common_compute_connector.http.handlers.pages import page, page_size
from common_compute_connector.http.request import Request
from common_compute_connector.service import Service
from common_compute_connector.store import results as stored
from common_compute_connector.store.job_records import JobRecord


async def list_results(service: Service, request: Request) -> Answer:
    """Give a page of a terminal job's results."""
    job = request.job
    check_results_are_there(service, job)
    task_index = request.query.get("task_index")
    after = (request.position[0], request.position[1]) if request.position else None
    limit = page_size(service, request) + 1
    found = await service.store.read(
        lambda connection: stored.list_results(connection, job.id, task_index, after, limit)
    )
    return page(
        service,
        request,
        "results",
        found,
        lambda result: [result.task_index, result.path],
        lambda result: result_document(result, of_array=job.is_array),
        complete=job.complete,
    )


async def get_result(service: Service, request: Request) -> ByteAnswer:
    """Give the bytes of a result, or a part of them."""
    job, result_id = request.job, request.ids["result_id"]
    check_results_are_there(service, job)
    result = await service.store.read(lambda connection: stored.find_result(connection, job.id, result_id))
    if result is None or result.location is not None:
        raise NotFound("result", result_id)
    return kept_bytes(
        service,
        request,
        result.content_name,
        result.size_bytes,
        result.media_type,
        etag=f'"{result.sha256}"',
        headers=[("content-disposition", _attachment(result.path))],
    )


def check_results_are_there(service: Service, job: JobRecord) -> None:
    """Refuse to give results or logs of a job that has not ended, or whose retention is over."""
    if not job.state.terminal:
        raise ResultsNotReady(job.state)
    if job.results_expired or (job.expires_at is not None and job.expires_at <= service.clock.now()):
        raise ResultExpired(job.expires_at)


def _attachment(path: str) -> str:
    """Name a file for who downloads it (RFC 6266): the last segment, in ASCII and in full."""
    name = path.rsplit("/", 1)[-1]
    plain = "".join(char if " " <= char <= "~" and char not in '"\\%' else "_" for char in name)
    if plain == name:
        return f'attachment; filename="{plain}"'
    full = quote(name.encode("utf-8", "surrogateescape"), safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{full}"
