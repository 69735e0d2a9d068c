"""Answer paths, methods and `Accept` wrongly."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists

_BELOW_A_JOB = ("cancel", "tasks", "results", "logs")


@twists("CC-ERR-004")
async def answer_404_for_a_method(request: Request, forward: Forward) -> Answer:
    """A method that a path does not have is answered 404."""
    answer = await forward(request)
    return problem_answer(request, answer, 404, "not-found") if answer.status == 405 else answer


@twists("CC-ERR-004")
async def allow_nothing(request: Request, forward: Forward) -> Answer:
    """A 405 comes without `Allow`."""
    answer = await forward(request)
    return answer.without_header("allow") if answer.status == 405 else answer


@twists("CC-ERR-004")
async def allow_the_first_route_only(request: Request, forward: Forward) -> Answer:
    """`Allow` of a 405 names the first of a path's methods only."""
    answer = await forward(request)
    allowed = (answer.header("allow") or "").partition(",")[0]
    return answer.with_header("allow", allowed) if answer.status == 405 else answer


@twists("CC-ERR-004")
async def allow_every_method(request: Request, forward: Forward) -> Answer:
    """`Allow` of a 405 names every method there is."""
    answer = await forward(request)
    if answer.status == 405:
        return answer.with_header("allow", "GET, HEAD, OPTIONS, POST, PUT, DELETE, PATCH")
    return answer


@twists("CC-ERR-004")
async def answer_501_to_patch(request: Request, forward: Forward) -> Answer:
    """PATCH, which no path has, is answered 501."""
    answer = await forward(request)
    if request.method == "PATCH" and answer.status == 405:
        return problem_answer(request, answer, 501, "not-implemented")
    return answer


@twists("CC-ERR-004")
async def answer_405_for_a_path(request: Request, forward: Forward) -> Answer:
    """A path below a job that is no operation's is answered 405."""
    answer = await forward(request)
    below = request.segments[2:3]
    if answer.status == 404 and request.segments[0] == "jobs" and below and below[0] not in _BELOW_A_JOB:
        return problem_answer(request, answer, 405, "method-not-allowed").with_header("allow", "GET")
    return answer


@twists("CC-ERR-004")
async def redirect_a_slash_away(request: Request, forward: Forward) -> Answer:
    """A path with a slash added is redirected to the path without it."""
    answer = await forward(request)
    if request.path.endswith("/") and request.path != "/":
        return replace(answer, status=307).with_header("location", f"/v1{quote(request.path.rstrip('/'))}")
    return answer


@twists("CC-ERR-004")
async def ignore_a_slash(request: Request, forward: Forward) -> Answer:
    """A path with a slash added is that of the operation."""
    return await forward(replace(request, path=request.path.rstrip("/")) if request.path != "/" else request)


@twists("CC-ERR-004")
async def route_in_any_case(request: Request, forward: Forward) -> Answer:
    """Paths are found in capital letters, too."""
    head, slash, rest = request.path[1:].partition("/")
    return await forward(replace(request, path=f"/{head.lower()}{slash}{rest}"))


@twists("CC-ERR-004")
async def ignore_two_slashes(request: Request, forward: Forward) -> Answer:
    """Two slashes in a path count as one."""
    return await forward(replace(request, path="/" + request.path.lstrip("/").replace("//", "/")))


@twists("CC-ERR-004")
async def take_put_for_post(request: Request, forward: Forward) -> Answer:
    """cancel_job takes PUT as well."""
    if request.is_call("PUT", "jobs", "*", "cancel"):
        return await forward(replace(request, method="POST"))
    return await forward(request)


@twists("CC-ERR-004")
async def hide_the_missing_method_of_validation(request: Request, forward: Forward) -> Answer:
    """GET of the path of validate_job looks for a job called `validate` and answers 404."""
    answer = await forward(request)
    if request.goes_to("jobs", "validate") and answer.status == 405:
        return problem_answer(request, answer, 404, "not-found")
    return answer


@twists("CC-ERR-005")
async def ignore_accept(request: Request, forward: Forward) -> Answer:
    """`Accept` is ignored."""
    return await forward(request.without_header("accept"))


@twists("CC-ERR-005")
async def ignore_accept_of_a_submission(request: Request, forward: Forward) -> Answer:
    """A submission makes a job whatever `Accept` says."""
    return await forward(request.without_header("accept") if request.is_call("POST", "jobs") else request)


@twists("CC-ERR-005")
async def ignore_accept_of_tasks(request: Request, forward: Forward) -> Answer:
    """list_tasks answers in JSON whatever `Accept` says."""
    if request.is_call("GET", "jobs", "*", "tasks"):
        return await forward(request.without_header("accept"))
    return await forward(request)


@twists("CC-ERR-005")
async def overlook_a_quality_of_zero(request: Request, forward: Forward) -> Answer:
    """A media type in `Accept` with `q=0` counts as accepted."""
    accept = request.header("accept")
    if accept is None:
        return await forward(request)
    return await forward(request.with_header("accept", accept.replace(";q=0,", ",")))


@twists("CC-ERR-005")
async def look_at_the_first_type_only(request: Request, forward: Forward) -> Answer:
    """Of `Accept` the first media type counts, and a wildcard behind it is overlooked."""
    accept = request.header("accept")
    if accept is None:
        return await forward(request)
    return await forward(request.with_header("accept", accept.partition(",")[0]))


@twists("CC-ERR-005")
async def want_json_by_name(request: Request, forward: Forward) -> Answer:
    """`application/*` in `Accept` does not count as JSON."""
    accept = request.header("accept")
    if accept is None:
        return await forward(request)
    return await forward(request.with_header("accept", accept.replace("application/*", "application/x-any")))


@twists("CC-ERR-005")
async def negotiate_logs(request: Request, forward: Forward) -> Answer:
    """get_log is answered 406 where `Accept` excludes plain text."""
    answer = await forward(request)
    accept = request.header("accept") or "*/*"
    if request.is_call("GET", "jobs", "*", "logs", "*") and "text/" not in accept and "*/*" not in accept:
        return problem_answer(request, answer, 406, "not-acceptable")
    return answer


@twists("CC-ERR-005")
async def negotiate_results(request: Request, forward: Forward) -> Answer:
    """get_result is answered 406 where `Accept` excludes the result's media type."""
    answer = await forward(request)
    accept, kind = request.header("accept") or "*/*", answer.header("content-type") or ""
    if request.is_call("GET", "jobs", "*", "results", "*") and answer.status == 200:
        if "*/*" in accept or kind.partition(";")[0] in accept:
            return answer
        return problem_answer(request, answer, 406, "not-acceptable")
    return answer
