"""Stumble over needless bodies, and overlook query parameters."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists


@twists("CC-SVC-014")
async def parse_needless_bodies(request: Request, forward: Forward) -> Answer:
    """A body sent to GET is parsed, and is answered 400 if it is no JSON."""
    answer = await forward(request)
    if request.method == "GET" and request.body and request.json() is None:
        return problem_answer(request, answer, 400, "malformed-request")
    return answer


@twists("CC-SVC-014")
async def look_at_the_type_of_needless_bodies(request: Request, forward: Forward) -> Answer:
    """A body sent to cancel_job is answered 415 unless it is announced as JSON."""
    if request.is_call("POST", "jobs", "*", "cancel") and request.body:
        announced = (request.header("content-type") or "").partition(";")[0]
        if announced != "application/json":
            answer = await forward(replace(request, method="OPTIONS", body=b""))
            return problem_answer(request, answer, 415, "unsupported-media-type")
    return await forward(request)


@twists("CC-SVC-014")
async def refuse_a_body_of_delete(request: Request, forward: Forward) -> Answer:
    """release_job with a body is answered 400."""
    if request.is_call("DELETE", "jobs", "*") and request.body:
        answer = await forward(replace(request, method="OPTIONS", body=b""))
        return problem_answer(request, answer, 400, "malformed-request")
    return await forward(request)


_KNOWN_IN_LOGS = ("task_index",)


@twists("CC-SVC-015")
async def ignore_parameters_of_a_log(request: Request, forward: Forward) -> Answer:
    """get_log ignores query parameters that it does not know."""
    if request.is_call("GET", "jobs", "*", "logs", "*"):
        kept = tuple(pair for pair in request.query if pair[0] in _KNOWN_IN_LOGS)
        return await forward(replace(request, query=kept))
    return await forward(request)


@twists("CC-SVC-015")
async def ignore_parameters_of_a_submission(request: Request, forward: Forward) -> Answer:
    """submit_job ignores its query, since it has no parameter."""
    return await forward(replace(request, query=()) if request.is_call("POST", "jobs") else request)


@twists("CC-SVC-015")
async def say_400_of_unknown_parameters(request: Request, forward: Forward) -> Answer:
    """A query parameter that is not known is answered 400."""
    answer = await forward(request)
    if answer.status == 422 and b"parameter" in answer.body:
        return problem_answer(request, answer, 400, "malformed-request")
    return answer


@twists("CC-SVC-015")
async def point_to_parameters(request: Request, forward: Forward) -> Answer:
    """A faulty query parameter is named by a `pointer` instead of as `parameter`."""

    def edit(problem: dict[str, list[dict[str, str]]]) -> None:
        for error in problem.get("errors", []):
            if "parameter" in error:
                error["pointer"] = "/" + error.pop("parameter")

    answer = await forward(request)
    return answer.edited(edit) if answer.status == 422 else answer


@twists("CC-SVC-015")
async def take_the_last_of_two(request: Request, forward: Forward) -> Answer:
    """Of a query parameter that is sent twice the last one counts."""
    once = dict(request.query)
    if request.is_call("GET", "jobs"):
        repeatable = tuple(pair for pair in request.query if pair[0] in ("state", "label"))
        single = tuple(pair for pair in once.items() if pair[0] not in ("state", "label"))
        return await forward(replace(request, query=(*repeatable, *single)))
    return await forward(replace(request, query=tuple(once.items())))


@twists("CC-SVC-015")
async def wait_twice(request: Request, forward: Forward) -> Answer:
    """get_job takes the first of two `wait_seconds`."""
    if request.is_call("GET", "jobs", "*") and Counter(name for name, _ in request.query)["wait_seconds"] > 1:
        return await forward(request.with_parameter("wait_seconds", request.parameter("wait_seconds") or "0"))
    return await forward(request)
