"""Answer errors in wrong documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists


def _page(answer: Answer, text: str, media_type: str = "text/html") -> Answer:
    return replace(answer, body=text.encode()).with_header("content-type", media_type)


@twists("CC-ERR-001")
async def say_not_found_in_html(request: Request, forward: Forward) -> Answer:
    """A path that does not exist is answered with a page of HTML."""
    answer = await forward(request)
    return _page(answer, "<h1>Not Found</h1>") if answer.status == 404 else answer


@twists("CC-ERR-001")
async def say_method_not_allowed_in_a_word(request: Request, forward: Forward) -> Answer:
    """405 is answered in plain text, by the framework."""
    answer = await forward(request)
    return _page(answer, "Method Not Allowed", "text/plain") if answer.status == 405 else answer


@twists("CC-ERR-001")
async def say_too_large_as_a_proxy_does(request: Request, forward: Forward) -> Answer:
    """413 is answered with the HTML of a proxy in front."""
    answer = await forward(request)
    return _page(answer, "<h1>413 Request Entity Too Large</h1>") if answer.status == 413 else answer


@twists("CC-ERR-001")
async def say_range_not_satisfiable_without_a_word(request: Request, forward: Forward) -> Answer:
    """416 is answered without a body, as a server of static files does."""
    answer = await forward(request)
    return replace(answer.without_header("content-type"), body=b"") if answer.status == 416 else answer


@twists("CC-ERR-001")
async def announce_refusals_as_plain_json(request: Request, forward: Forward) -> Answer:
    """A problem with status 422 is announced as `application/json`."""
    answer = await forward(request)
    return answer.with_header("content-type", "application/json") if answer.status == 422 else answer


@twists("CC-ERR-001")
async def announce_conflicts_as_plain_json(request: Request, forward: Forward) -> Answer:
    """A problem with status 409 is announced as `application/json`."""
    answer = await forward(request)
    return answer.with_header("content-type", "application/json") if answer.status == 409 else answer


async def _edit(
    request: Request, forward: Forward, edit: Callable[[dict[str, Any]], object], *statuses: int
) -> Answer:
    """Change the problem documents of these statuses, of all if none is given."""
    answer = await forward(request)
    if answer.header("content-type") == "application/problem+json" and (
        not statuses or answer.status in statuses
    ):
        return answer.edited(edit)
    return answer


@twists("CC-ERR-002")
async def give_no_type(request: Request, forward: Forward) -> Answer:
    """`type` of every problem is `about:blank`."""
    return await _edit(request, forward, lambda problem: problem.update(type="about:blank"))


@twists("CC-ERR-002")
async def give_a_url_for_a_type(request: Request, forward: Forward) -> Answer:
    """`type` of a problem is a page of the documentation instead of the contract's URN."""
    return await _edit(
        request,
        forward,
        lambda problem: problem.update(type=f"https://docs.example.org/problems/{problem['code']}"),
    )


@twists("CC-ERR-002")
async def give_the_type_of_another_code(request: Request, forward: Forward) -> Answer:
    """`type` of a 406 names another code than `code` does."""
    return await _edit(
        request,
        forward,
        lambda problem: problem.update(type="urn:common-compute:problem:invalid-request"),
        406,
    )


@twists("CC-ERR-002")
async def give_another_status_inside(request: Request, forward: Forward) -> Answer:
    """`status` in the problem of a 415 is 400."""
    return await _edit(request, forward, lambda problem: problem.update(status=400), 415)


@twists("CC-ERR-002")
async def give_another_request_id_inside(request: Request, forward: Forward) -> Answer:
    """`request_id` of a problem is not the answer's `X-Request-Id`."""
    return await _edit(request, forward, lambda problem: problem.update(request_id="unknown"))


@twists("CC-ERR-002")
async def give_no_detail(request: Request, forward: Forward) -> Answer:
    """The problem of a 404 has no `detail`."""
    return await _edit(request, forward, lambda problem: problem.pop("detail"), 404)


@twists("CC-ERR-002")
async def give_no_instance(request: Request, forward: Forward) -> Answer:
    """The problem of a body that is no JSON has no `instance`."""
    return await _edit(request, forward, lambda problem: problem.pop("instance"), 400)


@twists("CC-ERR-002")
async def give_no_code_for_a_method(request: Request, forward: Forward) -> Answer:
    """The problem of a 405 has no `code`."""
    return await _edit(request, forward, lambda problem: problem.pop("code"), 405)


@twists("CC-ERR-002")
async def give_no_title_for_a_conflict(request: Request, forward: Forward) -> Answer:
    """The problem of a 409 has no `title`."""
    return await _edit(request, forward, lambda problem: problem.pop("title"), 409)


@twists("CC-ERR-002")
async def tell_retryable_in_a_word(request: Request, forward: Forward) -> Answer:
    """`retryable` of a problem is the word `no`."""
    return await _edit(request, forward, lambda problem: problem.update(retryable="no"), 422)


@twists("CC-ERR-003")
async def answer_400_to_an_invalid_request(request: Request, forward: Forward) -> Answer:
    """A problem with the code `invalid-request` has the status 400."""
    answer = await forward(request)
    problem = answer.json() if answer.status == 422 else None
    if isinstance(problem, dict) and problem["code"] == "invalid-request":
        return replace(answer, status=400).edited(lambda told: told.update(status=400))
    return answer


@twists("CC-ERR-003")
async def answer_404_for_an_unknown_facility(request: Request, forward: Forward) -> Answer:
    """A submission for an unknown facility has its code, `unknown-facility`, and the status 404."""
    answer = await forward(request)
    problem = answer.json() if answer.status == 422 else None
    if isinstance(problem, dict) and problem["code"] == "unknown-facility":
        return replace(answer, status=404).edited(lambda told: told.update(status=404))
    return answer


@twists("CC-ERR-003")
async def retry_what_is_invalid(request: Request, forward: Forward) -> Answer:
    """A request that is not valid is called retryable."""
    return await _edit(request, forward, lambda problem: problem.update(retryable=True), 422)


@twists("CC-ERR-003")
async def never_retry(request: Request, forward: Forward) -> Answer:
    """No problem is retryable, not even that of results which are not ready."""
    return await _edit(request, forward, lambda problem: problem.update(retryable=False))


@twists("CC-ERR-003")
async def retry_what_is_not_found(request: Request, forward: Forward) -> Answer:
    """A problem with status 404 is called retryable."""
    return await _edit(request, forward, lambda problem: problem.update(retryable=True), 404)


@twists("CC-ERR-003")
async def call_a_range_malformed(request: Request, forward: Forward) -> Answer:
    """A range that cannot be satisfied has the code `range-not-satisfiable` with the status 400."""
    answer = await forward(request)
    if answer.status == 416:
        return problem_answer(request, answer, 400, "range-not-satisfiable")
    return answer
