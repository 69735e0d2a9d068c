"""Get the service's own document, its health or its base URL wrong."""

from __future__ import annotations

from dataclasses import replace

from common_compute_mutants.exchange import Answer, Forward, Request, json_answer, problem_answer
from common_compute_mutants.registry import twists


@twists("CC-SVC-001")
async def answer_401_to_everything(request: Request, forward: Forward) -> Answer:
    """Every request is answered 401, as by a proxy in front that was never set up."""
    return problem_answer(request, await forward(request), 401, "unauthenticated")


@twists("CC-SVC-001")
async def answer_404_to_everything(request: Request, forward: Forward) -> Answer:
    """Every request is answered 404, as by a service that is mounted at another path."""
    return problem_answer(request, await forward(request), 404, "not-found")


@twists("CC-SVC-001", house="guarded")
async def ask_for_a_token_at_the_door(request: Request, forward: Forward) -> Answer:
    """get_service_info asks for a token like any other operation."""
    if request.is_call("GET", "service-info") and request.header("authorization") is None:
        return await forward(replace(request, path="/facilities"))
    return await forward(request)


@twists("CC-SVC-001")
async def take_core_for_granted(request: Request, forward: Forward) -> Answer:
    """`conforms_to` of the service names its optional classes only, without `core`."""
    answer = await forward(request)
    if request.is_call("GET", "service-info") and answer.status == 200:
        return answer.edited(lambda info: info["conforms_to"].remove("core"))
    return answer


@twists("CC-SVC-002", house="guarded")
async def ask_for_a_token_for_health(request: Request, forward: Forward) -> Answer:
    """get_health asks for a token, which no load balancer has."""
    if request.is_call("GET", "health") and request.header("authorization") is None:
        return await forward(replace(request, path="/facilities"))
    return await forward(request)


@twists("CC-SVC-002")
async def fail_with_200(request: Request, forward: Forward) -> Answer:
    """get_health says `fail` and answers 200 all the same."""
    answer = await forward(request)
    if request.is_call("GET", "health") and answer.status == 200:
        return answer.edited(lambda health: health.update(status="fail"))
    return answer


@twists("CC-SVC-002")
async def pass_with_503(request: Request, forward: Forward) -> Answer:
    """get_health says `pass` and answers 503."""
    answer = await forward(request)
    passes = request.is_call("GET", "health") and answer.status == 200
    return replace(answer, status=503) if passes else answer


@twists("CC-SVC-002")
async def say_ok(request: Request, forward: Forward) -> Answer:
    """get_health says `ok`, a word that the health document does not have."""
    answer = await forward(request)
    if request.is_call("GET", "health") and answer.status == 200:
        return answer.edited(lambda health: health.update(status="ok"))
    return answer


@twists("CC-SVC-002")
async def report_bad_health_as_a_problem(request: Request, forward: Forward) -> Answer:
    """get_health answers 503 with a problem document instead of the health document."""
    answer = await forward(request)
    if request.is_call("GET", "health") and answer.status == 200:
        return problem_answer(request, answer, 503, "service-unavailable", retryable=True)
    return answer


@twists("CC-SVC-008", base="/api")
async def leave_out_the_version(request: Request, forward: Forward) -> Answer:
    """The base URL ends in `/api`, without the contract's version."""
    return await forward(request)


@twists("CC-SVC-008", base="/v1.0")
async def give_the_minor_version_as_well(request: Request, forward: Forward) -> Answer:
    """The base URL ends in `/v1.0`, which changes with every addition to the contract."""
    return await forward(request)


@twists("CC-SVC-008", base="/v1/compute")
async def put_the_version_in_the_middle(request: Request, forward: Forward) -> Answer:
    """The base URL goes on behind the contract's version."""
    return await forward(request)


@twists("CC-SVC-004")
async def say_null_of_a_description(request: Request, forward: Forward) -> Answer:
    """get_service_info says null for a description that it does not have."""
    answer = await forward(request)
    if request.is_call("GET", "service-info") and answer.status == 200:
        return answer.edited(lambda info: info.update(description=None))
    return answer


@twists("CC-SVC-004")
async def say_null_until_it_is_known(request: Request, forward: Forward) -> Answer:
    """A job that has not ended says null for its exit code."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*") and answer.status == 200:
        return answer.edited(lambda job: job.setdefault("exit_code") if job.get("state") == "running" else 0)
    return answer


@twists("CC-SVC-004")
async def have_no_content_in_an_empty_list(request: Request, forward: Forward) -> Answer:
    """A list of jobs that is empty is answered 204, a status that list_jobs does not have."""
    answer = await forward(request)
    if request.is_call("GET", "jobs") and answer.json() == {"jobs": []}:
        return replace(answer.without_header("content-type"), status=204, body=b"")
    return answer


@twists("CC-SVC-004")
async def count_seconds_since_1970(request: Request, forward: Forward) -> Answer:
    """The list of jobs gives `created_at` as a number of seconds."""
    answer = await forward(request)
    if request.is_call("GET", "jobs") and answer.status == 200:
        return answer.edited(lambda page: [job.update(created_at=1.7e9) for job in page["jobs"]])
    return answer


@twists("CC-SVC-004")
async def leave_the_media_type_to_guess(request: Request, forward: Forward) -> Answer:
    """A result in the list has no `media_type`."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "results") and answer.status == 200:
        return answer.edited(lambda page: [result.pop("media_type") for result in page["results"]])
    return answer


@twists("CC-SVC-004")
async def forget_whether_it_is_stale(request: Request, forward: Forward) -> Answer:
    """The answer to a cancellation is a job without `stale`."""
    answer = await forward(request)
    if request.is_call("POST", "jobs", "*", "cancel") and answer.status < 300:
        return answer.edited(lambda job: job.pop("stale", None))
    return answer


@twists("CC-SVC-004")
async def tell_a_release_in_json(request: Request, forward: Forward) -> Answer:
    """release_job answers 200 with a word, where the contract has 204 only."""
    answer = await forward(request)
    if request.is_call("DELETE", "jobs", "*") and answer.status == 204:
        return json_answer(200, {"released": True}, answer)
    return answer
