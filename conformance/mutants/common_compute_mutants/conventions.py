"""Break what every operation has in common: request ids, HEAD, OPTIONS, ids in paths."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import quote

from common_compute_mutants.exchange import Answer, Forward, Request, json_answer, problem_answer
from common_compute_mutants.registry import twists


def _under_another_id(answer: Answer, request_id: str) -> Answer:
    """Give the answer another request id, in its body as well where that tells it."""
    told = answer.header("x-request-id")
    body = answer.body.replace(told.encode(), request_id.encode()) if told else answer.body
    return replace(answer, body=body).with_header("x-request-id", request_id)


@twists("CC-SVC-005")
async def echo_the_request_id(request: Request, forward: Forward) -> Answer:
    """The `X-Request-Id` that the client sent comes back as the answer's."""
    answer = await forward(request)
    wanted = request.header("x-request-id")
    return _under_another_id(answer, wanted) if wanted else answer


@twists("CC-SVC-005")
async def call_every_request_the_first(request: Request, forward: Forward) -> Answer:
    """Every answer carries the same `X-Request-Id`."""
    return _under_another_id(await forward(request), "request-1")


@twists("CC-SVC-005")
async def name_a_request_after_its_target(request: Request, forward: Forward) -> Answer:
    """The `X-Request-Id` follows from method and path, so that it repeats with the request."""
    digest = hashlib.sha256(f"{request.method} {request.path}".encode("utf-8", "replace")).hexdigest()
    return _under_another_id(await forward(request), digest[:16])


@twists("CC-SVC-005")
async def leave_unknown_paths_to_the_router(request: Request, forward: Forward) -> Answer:
    """A 404 of the router carries no `X-Request-Id`, and neither does a 405."""
    answer = await forward(request)
    unrouted = answer.status == 405 or (answer.status == 404 and len(request.segments) == 1)
    return answer.without_header("x-request-id") if unrouted else answer


@twists("CC-SVC-005")
async def give_options_no_request_id(request: Request, forward: Forward) -> Answer:
    """An answer to OPTIONS carries no `X-Request-Id`."""
    answer = await forward(request)
    return answer.without_header("x-request-id") if request.method == "OPTIONS" else answer


@twists("CC-SVC-005")
async def give_bytes_no_request_id(request: Request, forward: Forward) -> Answer:
    """The bytes of a log come without an `X-Request-Id`."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "logs", "*") and answer.status < 400:
        return answer.without_header("x-request-id")
    return answer


@twists("CC-SVC-006")
async def know_no_head(request: Request, forward: Forward) -> Answer:
    """HEAD is a method that no path has."""
    if request.method == "HEAD":
        return await forward(replace(request, method="TRACE"))
    return await forward(request)


@twists("CC-SVC-006")
async def have_no_head_of_a_log(request: Request, forward: Forward) -> Answer:
    """HEAD of a log is answered 405."""
    if request.is_call("HEAD", "jobs", "*", "logs", "*"):
        return await forward(replace(request, method="TRACE"))
    return await forward(request)


@twists("CC-SVC-006")
async def head_finds_everything(request: Request, forward: Forward) -> Answer:
    """HEAD of a job that does not exist is answered 200."""
    answer = await forward(request)
    if request.is_call("HEAD", "jobs", "*") and answer.status == 404:
        return replace(answer, status=200).with_header("content-type", "application/json")
    return answer


@twists("CC-SVC-006")
async def head_has_no_content(request: Request, forward: Forward) -> Answer:
    """HEAD of a result is answered 204, since no content comes."""
    answer = await forward(request)
    if request.is_call("HEAD", "jobs", "*", "results", "*") and answer.status == 200:
        return replace(answer, status=204)
    return answer


@twists("CC-SVC-006")
async def send_a_body_to_head(request: Request, forward: Forward) -> Answer:
    """HEAD is answered as GET is, with the body."""
    if request.method == "HEAD":
        answer = await forward(replace(request, method="GET"))
        # Nobody could tell this body from the beginning of the connection's next answer.
        return replace(answer.with_header("connection", "close"), body_to_head=True)
    return await forward(request)


@twists("CC-SVC-007", house="guarded")
async def ask_for_a_token_for_options(request: Request, forward: Forward) -> Answer:
    """OPTIONS asks for a token, which no browser sends with it."""
    if request.method == "OPTIONS" and request.header("authorization") is None:
        return await forward(replace(request, method="GET", path="/facilities"))
    return await forward(request)


@twists("CC-SVC-007")
async def have_no_options_of_bytes(request: Request, forward: Forward) -> Answer:
    """OPTIONS on the path of a result's bytes is answered 405."""
    if request.is_call("OPTIONS", "jobs", "*", "results", "*"):
        return await forward(replace(request, method="TRACE"))
    return await forward(request)


@twists("CC-SVC-007")
async def redirect_options(request: Request, forward: Forward) -> Answer:
    """OPTIONS is redirected to the path with a slash added."""
    answer = await forward(request)
    if request.method == "OPTIONS":
        return replace(answer, status=307).with_header("location", f"/v1{quote(request.path)}/")
    return answer


@twists("CC-SVC-012")
async def break_at_odd_ids(request: Request, forward: Forward) -> Answer:
    """A job's id that fits no id's pattern breaks the service, which answers 500."""
    answer = await forward(request)
    segments = request.segments
    odd = len(segments) > 1 and segments[0] == "jobs" and not segments[1].replace("-", "").isalnum()
    return problem_answer(request, answer, 500, "internal") if odd and answer.status == 404 else answer


@twists("CC-SVC-012")
async def hold_ids_invalid(request: Request, forward: Forward) -> Answer:
    """A job's id that fits no id's pattern is answered 422, as a faulty parameter."""
    answer = await forward(request)
    segments = request.segments
    if len(segments) > 1 and segments[0] == "jobs" and len(segments[1]) > 32 and answer.status == 404:
        errors = [{"parameter": "job_id", "detail": "This is no id."}]
        return problem_answer(request, answer, 422, "invalid-request", errors=errors)
    return answer


@twists("CC-SVC-012")
async def release_what_is_not_there(request: Request, forward: Forward) -> Answer:
    """release_job answers 204 for an id that no job ever had."""
    answer = await forward(request)
    if request.is_call("DELETE", "jobs", "*") and answer.status == 404:
        return replace(answer.without_header("content-type"), status=204, body=b"")
    return answer


@twists("CC-SVC-012")
async def list_nothing_of_no_job(request: Request, forward: Forward) -> Answer:
    """list_results of an unknown job gives an empty list."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "results") and answer.status == 404:
        return json_answer(200, {"complete": True, "results": []}, answer)
    return answer


@twists("CC-SVC-012")
async def say_gone_of_an_unknown_result(request: Request, forward: Forward) -> Answer:
    """get_result says 410 of an id that no result ever had."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "results", "*") and answer.status == 404:
        return problem_answer(request, answer, 410, "result-expired")
    return answer


@twists("CC-SVC-012")
async def find_ids_in_any_case(request: Request, forward: Forward) -> Answer:
    """A job is found by its id in capital letters, too."""
    return await forward(_with_id(request, request.segments[1].lower()) if _is_of_a_job(request) else request)


@twists("CC-SVC-012")
async def find_ids_before_a_line_feed(request: Request, forward: Forward) -> Answer:
    """A job is found by its id with a line feed added, since the pattern's end is not anchored."""
    if _is_of_a_job(request) and request.segments[1].endswith("\n"):
        return await forward(_with_id(request, request.segments[1][:-1]))
    return await forward(request)


def _is_of_a_job(request: Request) -> bool:
    return request.segments[0] == "jobs" and len(request.segments) > 1 and request.segments[1] != "validate"


def _with_id(request: Request, job_id: str) -> Request:
    return replace(request, path="/" + "/".join(("jobs", job_id, *request.segments[2:])))


@twists("CC-SVC-013")
async def list_software_of_nobody(request: Request, forward: Forward) -> Answer:
    """list_software gives an empty catalogue at a facility that does not claim the class software."""
    answer = await forward(request)
    if request.is_call("GET", "facilities", "*", "software") and answer.status == 404:
        return json_answer(200, {"software": []}, answer)
    return answer


@twists("CC-SVC-013")
async def say_501_of_credentials(request: Request, forward: Forward) -> Answer:
    """The operations of credentials answer 501 at a facility that does not claim the class."""
    answer = await forward(request)
    if request.goes_to("facilities", "*", "credential") and answer.status == 404:
        return problem_answer(request, answer, 501, "not-implemented")
    return answer


@twists("CC-SVC-013")
async def have_nothing_to_delete(request: Request, forward: Forward) -> Answer:
    """delete_credential answers 204 at a facility that does not claim the class credentials."""
    answer = await forward(request)
    if request.is_call("DELETE", "facilities", "*", "credential") and answer.status == 404:
        return replace(answer.without_header("content-type"), status=204, body=b"")
    return answer
