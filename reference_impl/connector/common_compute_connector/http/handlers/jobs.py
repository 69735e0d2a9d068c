"""Check, list, cancel and release jobs, and list the tasks of one."""

from __future__ import annotations

from common_compute_connector.answers import Answer
from common_compute_connector.documents import (
    job_document,
    job_etag,
    job_summary_document,
    stale_at,
    task_document,
)
from common_compute_connector.errors import NotFound, NotTerminal
from common_compute_connector.http.handlers.job_documents import RecentDocuments
from common_compute_connector.http.handlers.pages import page, page_size
from common_compute_connector.http.request import Request
from common_compute_connector.jobs import State
from common_compute_connector.service import Service
from common_compute_connector.store import jobs as stored
from common_compute_connector.store.job_records import JobRecord, Position
from common_compute_connector.store.jobs import JobFilter
from common_compute_connector.store.tasks import list_tasks as tasks_of

_DOCUMENTS = RecentDocuments()


async def list_jobs(service: Service, request: Request) -> Answer:
    """Give a page of the caller's jobs, newest first."""
    query = request.query
    wanted = JobFilter(
        states=[State(state) for state in query.get("state", ())],
        facility_id=query.get("facility_id"),
        labels=[_label(text) for text in query.get("label", ())],
        created_after=query.get("created_after"),
        updated_after=query.get("updated_after"),
    )
    before = Position(*request.position) if request.position else None
    limit = page_size(service, request) + 1
    found = await service.store.read(
        lambda connection: stored.list_jobs(connection, request.owner, wanted, before, limit)
    )
    return page(
        service,
        request,
        "jobs",
        found,
        lambda listed: list(listed.position),
        lambda listed: job_summary_document(listed.job, stale=service.is_stale(listed.job)),
    )


async def get_job(service: Service, request: Request) -> Answer:
    """Give a job, if asked for only once it differs from what the caller has."""
    known_tags = _tags(request.headers.get("if-none-match"))
    wait = request.query.get("wait_seconds")
    job = request.job
    if wait is not None and not job.state.terminal:
        job = await _changed(service, request, known_tags, min(wait, service.limits.max_wait_seconds))
    stale = service.is_stale(job)
    etag = job_etag(job, stale=stale)
    if known_tags is not None and _matches(etag, known_tags):
        return Answer(304, headers=[("etag", etag)])
    return Answer(200, _DOCUMENTS.document(job, stale=stale), [("etag", etag)])


async def cancel_job(service: Service, request: Request) -> Answer:
    """Note the wish to cancel; a job that was terminal on arrival stays as it is."""
    now = service.clock.now()
    job = await service.store.write(
        lambda connection: stored.request_cancel(connection, request.owner, request.job.id, now)
    )
    if job is None:
        raise NotFound("job", request.job.id)
    status = 200 if job.state.terminal else 202
    if status == 202:
        service.dispatcher.wake(job.facility_id)
    return Answer(status, job_document(job, stale=service.is_stale(job)))


async def release_job(service: Service, request: Request) -> Answer:
    """Forget a terminal job, at once and everywhere that callers can look."""
    job = request.job
    if not job.state.terminal:
        raise NotTerminal(job.state)
    now = service.clock.now()
    gone = await service.store.write(
        lambda connection: stored.release_job(connection, request.owner, job.id, now)
    )
    if not gone:  # somebody else released it in between
        raise NotFound("job", job.id)
    service.store.content.drop(job.id)
    service.dispatcher.wake(job.facility_id)
    return Answer(204)


async def list_tasks(service: Service, request: Request) -> Answer:
    """Give a page of a job's tasks, by index."""
    states = [State(state) for state in request.query.get("state", ())]
    after = request.position[0] if request.position else None
    limit = page_size(service, request) + 1
    found = await service.store.read(
        lambda connection: tasks_of(connection, request.job.id, states, after, limit)
    )
    return page(service, request, "tasks", found, lambda task: [task.index], task_document)


async def _changed(
    service: Service, request: Request, known_tags: frozenset[str] | None, seconds: float
) -> JobRecord:
    """Wait for what the caller waits for: a difference from the tags, or without any a change of state."""
    job, clock, changes = request.job, service.clock, service.store.changes
    until = clock.elapsed() + seconds
    while True:
        change = changes.expect(job.id)  # before the look, so that nothing falls in between
        found = await service.store.read(
            lambda connection: stored.find_job(connection, request.owner, request.job.id)
        )
        if found is None:
            raise NotFound("job", request.job.id)
        job, stale, left = found, service.is_stale(found), until - clock.elapsed()
        if known_tags is None:
            done = job.state is not request.job.state
        else:
            done = not _matches(job_etag(job, stale=stale), known_tags)
        if done or job.state.terminal or left <= 0 or changes.closed:
            changes.forget(change, job.id)
            return job
        if not stale and known_tags is not None:  # turning stale is a difference that nobody announces
            turns = stale_at(job, service.stale_after(job.facility_id)) - clock.now()
            left = min(left, max(turns.total_seconds(), 0.001))
        await changes.within(change, job.id, left, clock)


def _label(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value


def _tags(header: str | None) -> frozenset[str] | None:
    """Read `If-None-Match`; compared weakly (RFC 9110, 8.8.3.2), so the mark of weakness falls away."""
    if header is None:
        return None
    return frozenset(tag.strip().removeprefix("W/") for tag in header.split(","))


def _matches(etag: str, known_tags: frozenset[str]) -> bool:
    return "*" in known_tags or etag.removeprefix("W/") in known_tags
