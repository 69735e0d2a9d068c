"""Answer the wrong one of several faults."""

from __future__ import annotations

from dataclasses import replace

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists

_PARAMETERS = {
    "jobs": ("facility_id", "state", "label", "created_after", "updated_after", "page_size", "page_token"),
    "results": ("task_index", "page_size", "page_token"),
    "tasks": ("state", "page_size", "page_token"),
    "stdout": ("task_index",),
    "stderr": ("task_index",),
}


def _excludes_json(request: Request) -> bool:
    accept = request.header("accept") or "*/*"
    return "json" not in accept and "*" not in accept


def _is_typed(request: Request) -> bool:
    return (request.header("content-type") or "").startswith("application/json")


def _known(request: Request) -> Request:
    """Return the request without the query parameters that its operation does not know."""
    known = ("wait_seconds",) if len(request.segments) == 2 else _PARAMETERS.get(request.segments[-1], ())
    return replace(request, query=tuple(pair for pair in request.query if pair[0] in known))


@twists("CC-ERR-014")
async def negotiate_before_routing(request: Request, forward: Forward) -> Answer:
    """A path that does not exist is answered 406 where `Accept` excludes JSON."""
    answer = await forward(request)
    if answer.status == 404 and len(request.segments) == 1 and _excludes_json(request):
        return problem_answer(request, answer, 406, "not-acceptable")
    return answer


@twists("CC-ERR-014")
async def negotiate_before_the_method(request: Request, forward: Forward) -> Answer:
    """A method that a path does not have is answered 406 where `Accept` excludes JSON."""
    answer = await forward(request)
    if answer.status == 405 and _excludes_json(request):
        return problem_answer(request, answer, 406, "not-acceptable")
    return answer


@twists("CC-ERR-014")
async def look_at_the_type_before_negotiating(request: Request, forward: Forward) -> Answer:
    """A submission of another media type is answered 415 before `Accept` is looked at."""
    if request.is_call("POST", "jobs") and not _is_typed(request):
        return await forward(request.without_header("accept"))
    return await forward(request)


@twists("CC-ERR-014")
async def validate_the_type_before_negotiating(request: Request, forward: Forward) -> Answer:
    """validate_job answers 415 before it looks at `Accept`."""
    if request.is_call("POST", "jobs", "validate") and not _is_typed(request):
        return await forward(request.without_header("accept"))
    return await forward(request)


@twists("CC-ERR-014")
async def look_for_the_job_before_negotiating(request: Request, forward: Forward) -> Answer:
    """An unknown job is answered 404 before `Accept` is looked at."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*") and answer.status == 406:
        found = await forward(request.without_header("accept"))
        return found if found.status == 404 else answer
    return answer


@twists("CC-ERR-014")
async def measure_before_looking_at_the_type(request: Request, forward: Forward) -> Answer:
    """A body that is too large is answered 413 before its media type is looked at."""
    answer = await forward(request)
    if request.is_submission and answer.status == 415 and len(request.body) > 2**20:
        measured = await forward(request.with_header("content-type", "application/json"))
        return measured if measured.status == 413 else answer
    return answer


@twists("CC-ERR-014")
async def parse_before_looking_at_the_type(request: Request, forward: Forward) -> Answer:
    """A body that is no JSON is answered 400 before its media type is looked at."""
    answer = await forward(request)
    if request.is_submission and answer.status == 415 and request.json() is None:
        return problem_answer(request, answer, 400, "malformed-request")
    return answer


@twists("CC-ERR-014")
async def parse_before_measuring(request: Request, forward: Forward) -> Answer:
    """A body that is too large and no JSON is answered 400."""
    answer = await forward(request)
    if answer.status == 413 and request.json() is None:
        return problem_answer(request, answer, 400, "malformed-request")
    return answer


@twists("CC-ERR-014")
async def look_at_the_key_before_parsing(request: Request, forward: Forward) -> Answer:
    """An `Idempotency-Key` that is none is answered 422 before the body is parsed."""
    answer = await forward(request)
    if (
        request.is_call("POST", "jobs")
        and answer.status == 400
        and len(request.header("idempotency-key") or "") > 255
    ):
        errors = [{"header": "Idempotency-Key", "detail": "This is no key."}]
        return problem_answer(request, answer, 422, "invalid-request", errors=errors)
    return answer


@twists("CC-ERR-014")
async def look_at_the_query_before_the_job(request: Request, forward: Forward) -> Answer:
    """An unknown query parameter is answered 422 before the job is looked for."""
    return await _query_first(request, forward, "jobs")


@twists("CC-ERR-014")
async def look_at_the_query_before_the_facility(request: Request, forward: Forward) -> Answer:
    """An unknown query parameter is answered 422 before the facility is looked for."""
    return await _query_first(request, forward, "facilities")


async def _query_first(request: Request, forward: Forward, noun: str) -> Answer:
    answer = await forward(request)
    if request.is_call("GET", noun, "*") and answer.status == 404:
        unknown = [pair[0] for pair in request.query if pair not in _known(request).query]
        if unknown:
            errors = [{"parameter": name, "detail": "This parameter is not known here."} for name in unknown]
            return problem_answer(request, answer, 422, "invalid-request", errors=errors)
    return answer


@twists("CC-ERR-014")
async def look_for_the_task_before_the_query(request: Request, forward: Forward) -> Answer:
    """get_log answers 404 for a task that is not there before an unknown query parameter."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "logs", "*") and answer.status == 422:
        found = await forward(_known(request))
        return found if found.status == 404 else answer
    return answer


@twists("CC-ERR-014")
async def say_not_ready_before_the_query(request: Request, forward: Forward) -> Answer:
    """list_results of a job that has not ended answers 409 before an unknown query parameter."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "results") and answer.status == 422:
        found = await forward(_known(request))
        return found if found.status == 409 else answer
    return answer


@twists("CC-ERR-014")
async def say_not_terminal_before_the_query(request: Request, forward: Forward) -> Answer:
    """release_job of a job that has not ended answers 409 before an unknown query parameter."""
    answer = await forward(request)
    if request.is_call("DELETE", "jobs", "*") and answer.status == 422:
        job = await forward(replace(_known(request), method="GET"))
        if job.status == 200 and job.json()["state"] not in ("succeeded", "failed", "cancelled"):
            return problem_answer(request, answer, 409, "job-not-terminal", retryable=True)
    return answer


@twists("CC-ERR-014")
async def look_at_the_range_before_the_result(request: Request, forward: Forward) -> Answer:
    """A result that is not there is answered 416 where a range of it is asked for."""
    answer = await forward(request)
    if (
        request.is_call("GET", "jobs", "*", "results", "*")
        and answer.status == 404
        and request.header("range")
    ):
        return problem_answer(request, answer, 416, "range-not-satisfiable")
    return answer
