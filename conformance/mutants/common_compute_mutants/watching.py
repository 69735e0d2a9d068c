"""Wait for a change of a job too long, too short, or for another change than was asked for."""

from __future__ import annotations

from common_compute_connector.clock import SystemClock
from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import TERMINAL, ask_for_job, without_body

_LONGEST = 60
_CLOCK = SystemClock()


def _is_get(request: Request) -> bool:
    return request.is_call("GET", "jobs", "*")


def _is_wait(request: Request) -> bool:
    return _is_get(request) and bool(request.parameter("wait_seconds"))


def _whole(request: Request) -> Request:
    return request.without_header("if-none-match")


@twists("CC-JOB-048")
async def wait_to_the_end(request: Request, forward: Forward) -> Answer:
    """A wait goes on to its end, whatever changes meanwhile."""
    if _is_wait(request):
        started = _CLOCK.elapsed()
        answer = await forward(request)
        told = request.parameter("wait_seconds") or ""
        seconds = min(float(told), _LONGEST) if told.isdecimal() else 0.0
        if answer.status == 200 and answer.json()["state"] in TERMINAL:
            await _CLOCK.sleep(started + seconds - _CLOCK.elapsed())
        return answer
    return await forward(request)


@twists("CC-JOB-048")
async def wake_at_anything(request: Request, forward: Forward) -> Answer:
    """A wait without `If-None-Match` ends at any change, also if the state is the same."""
    if _is_wait(request) and not request.header("if-none-match"):
        etag = (await forward(request.without_parameter("wait_seconds"))).header("etag")
        if etag is not None:
            await forward(request.with_header("if-none-match", etag))
        return await forward(request.without_parameter("wait_seconds"))
    return await forward(request)


@twists("CC-JOB-048")
async def wake_with_what_was(request: Request, forward: Forward) -> Answer:
    """A wait that ends at a change gives the job as it was when the wait began."""
    if _is_wait(request):
        before = await forward(_whole(request).without_parameter("wait_seconds"))
        answer = await forward(request)
        return before if answer.status == 200 else answer
    return await forward(request)


@twists("CC-JOB-048")
async def say_not_modified_of_a_change(request: Request, forward: Forward) -> Answer:
    """A wait with `If-None-Match` ends with 304 also at a change."""
    answer = await forward(request)
    if _is_wait(request) and request.header("if-none-match"):
        return without_body(answer, 304) if answer.status == 200 else answer
    return answer


@twists("CC-JOB-049")
async def wait_for_nothing(request: Request, forward: Forward) -> Answer:
    """`wait_seconds` is taken, and nobody waits."""
    return await forward(request.without_parameter("wait_seconds") if _is_get(request) else request)


@twists("CC-JOB-049")
async def wait_for_nothing_with_a_tag(request: Request, forward: Forward) -> Answer:
    """A request with `If-None-Match` does not wait."""
    if _is_get(request) and request.header("if-none-match"):
        return await forward(request.without_parameter("wait_seconds"))
    return await forward(request)


@twists("CC-JOB-049")
async def end_the_wait_with_200(request: Request, forward: Forward) -> Answer:
    """A wait without a change is answered 200 also to who has the job's ETag."""
    answer = await forward(request)
    if _is_wait(request) and answer.status == 304:
        return await forward(_whole(request).without_parameter("wait_seconds"))
    return answer


@twists("CC-JOB-049")
async def end_the_wait_with_304(request: Request, forward: Forward) -> Answer:
    """A wait without a change is answered 304 also to who gave no ETag."""
    if _is_wait(request) and not request.header("if-none-match"):
        before = await forward(request.without_parameter("wait_seconds"))
        answer = await forward(request)
        same = answer.status == 200 and answer.header("etag") == before.header("etag")
        return without_body(answer, 304) if same else answer
    return await forward(request)


@twists("CC-JOB-049")
async def end_the_wait_with_an_error(request: Request, forward: Forward) -> Answer:
    """A wait without a change is answered 408."""
    answer = await forward(request)
    if _is_wait(request) and answer.status == 304:
        return problem_answer(request, answer, 408, "timeout", retryable=True)
    return answer


@twists("CC-JOB-050")
async def wait_for_the_dead(request: Request, forward: Forward) -> Answer:
    """get_job of a terminal job waits as long as it is asked to, up to 5 seconds."""
    seconds = request.parameter("wait_seconds") or ""
    if _is_get(request) and seconds.isdecimal():
        job = await ask_for_job(request, forward)
        if job is not None and job["state"] in TERMINAL:
            await _CLOCK.sleep(min(int(seconds), 5))
    return await forward(request)


@twists("CC-JOB-050")
async def refuse_long_waits(request: Request, forward: Forward) -> Answer:
    """A `wait_seconds` above `max_wait_seconds` is answered 422."""
    answer = await forward(request)
    seconds = request.parameter("wait_seconds") or ""
    if _is_get(request) and seconds.isdecimal() and int(seconds) > _LONGEST:
        errors = [{"parameter": "wait_seconds", "detail": "This is too long."}]
        return problem_answer(request, answer, 422, "invalid-request", errors=errors)
    return answer


@twists("CC-JOB-050")
async def wait_for_no_tag(request: Request, forward: Forward) -> Answer:
    """get_job of a terminal job with `wait_seconds` is answered 200 also to who has its ETag."""
    if _is_wait(request):
        job = await ask_for_job(request, forward)
        if job is not None and job["state"] in TERMINAL:
            return await forward(_whole(request))
    return await forward(request)


@twists("CC-JOB-051")
async def take_no_seconds_for_no_wait(request: Request, forward: Forward) -> Answer:
    """`wait_seconds=0` is taken for no wait."""
    if _is_get(request) and request.parameter("wait_seconds") == "0":
        return await forward(request.without_parameter("wait_seconds"))
    return await forward(request)


@twists("CC-JOB-051")
async def take_negative_seconds(request: Request, forward: Forward) -> Answer:
    """A negative `wait_seconds` is taken for no wait."""
    if _is_get(request) and (request.parameter("wait_seconds") or "").startswith("-"):
        return await forward(request.without_parameter("wait_seconds"))
    return await forward(request)


@twists("CC-JOB-051")
async def wait_without_saying_so(request: Request, forward: Forward) -> Answer:
    """`wait_seconds` is taken by a service that does not claim `watch`."""
    answer = await forward(request)
    if request.is_call("GET", "service-info") and answer.status == 200:
        return answer.edited(lambda info: info["conforms_to"].remove("watch"))
    return answer


@twists("CC-JOB-051")
async def name_the_wait_wrongly(request: Request, forward: Forward) -> Answer:
    """The 422 for a faulty `wait_seconds` names no parameter."""
    answer = await forward(request)
    if _is_get(request) and answer.status == 422:
        return answer.edited(lambda problem: [error.pop("parameter", None) for error in problem["errors"]])
    return answer
