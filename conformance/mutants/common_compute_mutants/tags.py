"""Tell whether a job changed by a wrong ETag or a wrong `updated_at`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import TERMINAL, ask_for_job, with_jobs, without_body

Job = dict[str, Any]
_KNOWN = "if-none-match"


def _is_get(request: Request) -> bool:
    return request.is_call("GET", "jobs", "*")


def _is_look(request: Request) -> bool:
    return _is_get(request) and request.parameter("wait_seconds") is None


def _whole(request: Request) -> Request:
    return request.without_header(_KNOWN)


async def _tagged(request: Request, forward: Forward, tag: Callable[[Job, str], str]) -> Answer:
    """Tag jobs otherwise: a request's own tag is held against these, and a wait still ends at a change."""
    if not _is_get(request):
        return await forward(request)
    right = request.memory.setdefault("right", {})
    known = request.header(_KNOWN)
    waits = known in right and not _is_look(request)
    answer = await forward(request.with_header(_KNOWN, right[known]) if waits else _whole(request))
    if answer.status != 200:
        return answer.with_header("etag", known or "") if answer.status == 304 else answer
    etag = answer.header("etag") or ""
    other = tag(answer.json(), etag)
    right[other] = etag
    if known is not None and other in known and not waits:
        return without_body(answer, 304).with_header("etag", other)
    return answer.with_header("etag", other)


@twists("CC-JOB-046")
async def tag_strongly(request: Request, forward: Forward) -> Answer:
    """The ETag of a job is a strong one."""
    answer = await forward(request)
    etag = answer.header("etag")
    return answer.with_header("etag", etag.removeprefix("W/")) if _is_get(request) and etag else answer


@twists("CC-JOB-046")
async def tag_nothing(request: Request, forward: Forward) -> Answer:
    """get_job carries no ETag."""
    answer = await forward(request)
    return answer.without_header("etag") if _is_get(request) else answer


@twists("CC-JOB-046")
async def send_the_body_to_who_has_it(request: Request, forward: Forward) -> Answer:
    """`If-None-Match` is ignored."""
    return await forward(_whole(request) if _is_look(request) else request)


@twists("CC-JOB-046")
async def take_any_tag_for_its_own(request: Request, forward: Forward) -> Answer:
    """Every request with `If-None-Match` is answered 304."""
    if _is_look(request) and request.header(_KNOWN):
        answer = await forward(_whole(request))
        return without_body(answer, 304) if answer.status == 200 else answer
    return await forward(request)


@twists("CC-JOB-046")
async def read_one_tag_only(request: Request, forward: Forward) -> Answer:
    """Of a list of ETags in `If-None-Match` the first is read."""
    known = request.header(_KNOWN)
    if _is_get(request) and known:
        return await forward(request.with_header(_KNOWN, known.partition(",")[0]))
    return await forward(request)


@twists("CC-JOB-046")
async def tag_all_jobs_alike(request: Request, forward: Forward) -> Answer:
    """The ETag tells the state of a job and not which job it is."""
    return await _tagged(request, forward, lambda job, _: f'W/"{job["state"]}"')


@twists("CC-JOB-046")
async def forget_the_tag_of_what_is_over(request: Request, forward: Forward) -> Answer:
    """A terminal job is sent in full to who has its ETag."""
    if _is_get(request):
        job = await ask_for_job(request, forward)
        if job is not None and job["state"] in TERMINAL:
            return await forward(_whole(request))
    return await forward(request)


@twists("CC-JOB-047")
async def tag_a_job_once(request: Request, forward: Forward) -> Answer:
    """The ETag of a job never changes."""
    return await _tagged(request, forward, lambda job, _: f'W/"{job["id"]}"')


@twists("CC-JOB-047")
async def tag_the_state(request: Request, forward: Forward) -> Answer:
    """The ETag changes with the state only, and not with a request to cancel."""
    return await _tagged(request, forward, lambda job, _: f'W/"{job["id"]}.{job["state"]}"')


@twists("CC-JOB-047")
async def tag_the_observation(request: Request, forward: Forward) -> Answer:
    """The ETag changes with `observed_at`."""

    def tag(job: Job, etag: str) -> str:
        digest = hashlib.sha256(job.get("observed_at", "").encode()).hexdigest()[:8]
        return f'{etag.removesuffix(chr(34))}.{digest}"'

    return await _tagged(request, forward, tag)


@twists("CC-JOB-047")
async def tag_the_second(request: Request, forward: Forward) -> Answer:
    """The ETag is the second of the last change, which several changes may share."""
    return await _tagged(request, forward, lambda job, _: f'W/"{job["id"]}.{job["updated_at"][:19]}"')


@twists("CC-JOB-047")
async def remember_every_tag(request: Request, forward: Forward) -> Answer:
    """An ETag that the job had before is answered 304."""
    answer = await forward(request)
    if not _is_get(request) or answer.status != 200:
        return answer
    had = request.memory.setdefault("had", {}).setdefault(request.segments[1], set())
    had.add(answer.header("etag"))
    if _is_look(request) and request.header(_KNOWN) in had:
        return without_body(answer, 304)
    return answer


@twists("CC-JOB-047")
async def update_once(request: Request, forward: Forward) -> Answer:
    """`updated_at` of a job stays its `created_at`."""
    return await with_jobs(request, forward, lambda job: job.update(updated_at=job["created_at"]))


@twists("CC-JOB-047")
async def update_with_the_state(request: Request, forward: Forward) -> Answer:
    """`updated_at` moves with the state, and not with a request to cancel."""

    def hold(job: Job) -> None:
        if "history" in job:
            job["updated_at"] = job["history"][-1]["at"]

    return await with_jobs(request, forward, hold)


@twists("CC-JOB-047")
async def update_with_every_look(request: Request, forward: Forward) -> Answer:
    """`updated_at` is `observed_at`, and moves while nothing changes."""

    def move(job: Job) -> None:
        job["updated_at"] = job.get("observed_at", job["updated_at"])

    return await with_jobs(request, forward, move)
