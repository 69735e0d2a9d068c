"""Let callers see, use or end what belongs to another."""

from __future__ import annotations

from collections.abc import Callable

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import ask_for_job, is_about_one_job, is_submission, with_jobs

_AUTHORIZATION = "authorization"


async def _noted(request: Request, forward: Forward) -> Answer:
    """Answer as the right server does, and note whose token submitted which job."""
    answer = await forward(request)
    if is_submission(request) and answer.status == 201:
        request.memory.setdefault("tokens", {})[answer.json()["id"]] = request.header(_AUTHORIZATION)
    return answer


def _as_owner(request: Request) -> Request | None:
    """Give the request as the job's owner would make it, None if it is about no job of another caller."""
    if not is_about_one_job(request):
        return None
    token = request.memory.get("tokens", {}).get(request.segments[1])
    return (
        None
        if token in (None, request.header(_AUTHORIZATION))
        else request.with_header(_AUTHORIZATION, token)
    )


async def _open(request: Request, forward: Forward, method: str, *noun: str) -> Answer:
    """Serve one operation to every caller who has a token."""
    answer = await _noted(request, forward)
    owned = _as_owner(request)
    if answer.status == 404 and owned is not None and request.is_call(method, "jobs", "*", *noun):
        return await forward(owned)
    return answer


async def _altered(request: Request, forward: Forward, change: Callable[[Answer], Answer]) -> Answer:
    """Change the answer about another caller's job."""
    answer = await _noted(request, forward)
    return change(answer) if answer.status == 404 and _as_owner(request) is not None else answer


@twists("CC-ACC-003", house="guarded")
async def own_everything(request: Request, forward: Forward) -> Answer:
    """The owner of every job is the service."""
    return await with_jobs(request, forward, lambda job: job.update(owner="common-compute"))


@twists("CC-ACC-003", house="guarded")
async def list_the_jobs_of_all(request: Request, forward: Forward) -> Answer:
    """list_jobs gives the jobs of all callers."""
    return await _leaking(request, forward, leaks=request.is_call("GET", "jobs"))


@twists("CC-ACC-003", house="guarded")
async def list_the_jobs_of_all_in_a_state(request: Request, forward: Forward) -> Answer:
    """list_jobs gives the jobs of all callers if it is asked for a state."""
    return await _leaking(request, forward, leaks=request.parameter("state") is not None)


@twists("CC-ACC-003", house="guarded")
async def list_the_jobs_of_all_at_a_facility(request: Request, forward: Forward) -> Answer:
    """list_jobs gives the jobs of all callers if it is asked for a facility."""
    return await _leaking(request, forward, leaks=request.parameter("facility_id") is not None)


async def _leaking(request: Request, forward: Forward, *, leaks: bool) -> Answer:
    """List the jobs of all who submitted any."""
    answer = await _noted(request, forward)
    tokens = set(request.memory.get("tokens", {}).values()) - {request.header(_AUTHORIZATION)}
    if not (request.is_call("GET", "jobs") and leaks and answer.status == 200):
        return answer
    page = answer.json()
    for token in sorted(tokens):
        theirs = await forward(request.with_header(_AUTHORIZATION, token))
        page["jobs"] += theirs.json()["jobs"] if theirs.status == 200 else []
    page["jobs"].sort(key=lambda job: job["created_at"], reverse=True)
    return answer.with_json(page)


@twists("CC-ACC-004", house="guarded")
async def show_the_jobs_of_others(request: Request, forward: Forward) -> Answer:
    """get_job shows the jobs of all callers."""
    return await _open(request, forward, "GET")


@twists("CC-ACC-004", house="guarded")
async def show_the_heads_of_others(request: Request, forward: Forward) -> Answer:
    """HEAD on a job answers for the jobs of all callers."""
    return await _open(request, forward, "HEAD")


@twists("CC-ACC-004", house="guarded")
async def show_the_tasks_of_others(request: Request, forward: Forward) -> Answer:
    """list_tasks shows the tasks of all callers' jobs."""
    return await _open(request, forward, "GET", "tasks")


@twists("CC-ACC-004", house="guarded")
async def list_the_results_of_others(request: Request, forward: Forward) -> Answer:
    """list_results lists the results of all callers' jobs."""
    return await _open(request, forward, "GET", "results")


@twists("CC-ACC-004", house="guarded")
async def give_the_results_of_others(request: Request, forward: Forward) -> Answer:
    """get_result gives the results of all callers' jobs to who knows their ids."""
    return await _open(request, forward, "GET", "results", "*")


@twists("CC-ACC-004", house="guarded")
async def give_the_logs_of_others(request: Request, forward: Forward) -> Answer:
    """get_log gives the logs of all callers' jobs."""
    return await _open(request, forward, "GET", "logs", "*")


@twists("CC-ACC-004", house="guarded")
async def give_stderr_of_others(request: Request, forward: Forward) -> Answer:
    """get_log gives stderr of all callers' jobs, and stdout of the caller's own."""
    return await _open(request, forward, "GET", "logs", "stderr")


@twists("CC-ACC-004", house="guarded")
async def cancel_the_jobs_of_others(request: Request, forward: Forward) -> Answer:
    """cancel_job cancels the jobs of all callers."""
    return await _open(request, forward, "POST", "cancel")


@twists("CC-ACC-004", house="guarded")
async def release_the_jobs_of_others(request: Request, forward: Forward) -> Answer:
    """release_job releases the jobs of all callers."""
    return await _open(request, forward, "DELETE")


@twists("CC-ACC-004", house="guarded")
async def cancel_in_secret(request: Request, forward: Forward) -> Answer:
    """cancel_job of another caller's job is answered 404, and cancels it."""
    return await _in_secret(request, forward, "POST", "cancel")


@twists("CC-ACC-004", house="guarded")
async def release_in_secret(request: Request, forward: Forward) -> Answer:
    """release_job of another caller's job is answered 404, and releases it."""
    return await _in_secret(request, forward, "DELETE")


async def _in_secret(request: Request, forward: Forward, method: str, *noun: str) -> Answer:
    answer = await _noted(request, forward)
    owned = _as_owner(request)
    if owned is not None and request.is_call(method, "jobs", "*", *noun):
        await forward(owned)
    return answer


@twists("CC-ACC-004", house="guarded")
async def tell_by_a_tag(request: Request, forward: Forward) -> Answer:
    """get_job answers 304 to who has the ETag of another caller's job."""
    answer = await _noted(request, forward)
    owned = _as_owner(request)
    if answer.status == 404 and owned is not None and request.header("if-none-match"):
        theirs = await forward(owned)
        return theirs if theirs.status == 304 else answer
    return answer


@twists("CC-ACC-004", house="guarded")
async def wait_for_the_jobs_of_others(request: Request, forward: Forward) -> Answer:
    """get_job with `wait_seconds` waits for another caller's job, which it then shows."""
    if request.parameter("wait_seconds") is None:
        return await _noted(request, forward)
    return await _open(request, forward, "GET")


@twists("CC-ACC-004", house="guarded")
async def say_forbidden_of_the_jobs_of_others(request: Request, forward: Forward) -> Answer:
    """A job of another caller is answered 403."""
    return await _altered(request, forward, lambda answer: problem_answer(request, answer, 403, "forbidden"))


@twists("CC-ACC-004", house="guarded")
async def explain_too_much(request: Request, forward: Forward) -> Answer:
    """The `detail` of a 404 for another caller's job says that it belongs to somebody else."""
    return await _altered(
        request,
        forward,
        lambda answer: answer.edited(lambda problem: problem.update(detail="This is not yours.")),
    )


@twists("CC-ACC-004", house="guarded")
async def suggest_to_try_again(request: Request, forward: Forward) -> Answer:
    """The 404 for another caller's job has a `Retry-After`, which that for a missing one has not."""
    return await _altered(request, forward, lambda answer: answer.with_header("retry-after", "60"))


@twists("CC-ACC-004", house="guarded")
async def look_at_the_state_before_the_owner(request: Request, forward: Forward) -> Answer:
    """release_job of another caller's job that has not ended is answered 409."""
    answer = await _noted(request, forward)
    owned = _as_owner(request)
    if answer.status == 404 and owned is not None and request.is_call("DELETE", "jobs", "*"):
        job = await ask_for_job(owned, forward)
        if job is not None and "expires_at" not in job:
            return problem_answer(request, answer, 409, "job-not-terminal", retryable=True)
    return answer


@twists("CC-ACC-004", house="guarded")
async def look_at_the_query_before_the_owner(request: Request, forward: Forward) -> Answer:
    """get_log of another caller's array without `task_index` is answered 422, not 404."""
    answer = await _noted(request, forward)
    owned = _as_owner(request)
    if answer.status == 404 and owned is not None and request.is_call("GET", "jobs", "*", "logs", "*"):
        theirs = await forward(owned)
        return theirs if theirs.status == 422 else answer
    return answer


@twists("CC-ACC-005", house="guarded")
async def share_keys(request: Request, forward: Forward) -> Answer:
    """A key belongs to the service: that of another caller is answered with the other's job."""
    return await _shared(request, forward, lambda theirs, _: theirs)


@twists("CC-ACC-005", house="guarded")
async def refuse_the_keys_of_others(request: Request, forward: Forward) -> Answer:
    """A key that another caller used is answered 422."""
    return await _shared(
        request, forward, lambda _, like: problem_answer(request, like, 422, "idempotency-key-reused")
    )


async def _shared(
    request: Request, forward: Forward, answer_with: Callable[[Answer, Answer], Answer]
) -> Answer:
    """Look a key up among those of all callers."""
    key, told = request.header("idempotency-key"), request.header(_AUTHORIZATION)
    users = request.memory.setdefault("users", {})
    if is_submission(request) and key is not None and users.get(key, told) != told:
        theirs = await forward(request.with_header(_AUTHORIZATION, users[key]))
        return answer_with(theirs, theirs)
    answer = await forward(request)
    if is_submission(request) and key is not None and answer.status == 201:
        users.setdefault(key, told)
    return answer


@twists("CC-ACC-005", house="guarded")
async def show_the_next_page_to_anybody(request: Request, forward: Forward) -> Answer:
    """A page token gives the rest of the list of the caller who got it, whoever sends it."""
    owners = request.memory.setdefault("pages", {})
    told, page_token = request.header(_AUTHORIZATION), request.parameter("page_token")
    if request.is_call("GET", "jobs") and owners.get(page_token, told) != told:
        return await forward(request.with_header(_AUTHORIZATION, owners[page_token]))
    answer = await forward(request)
    if request.is_call("GET", "jobs") and answer.status == 200 and "next_page_token" in answer.json():
        owners[answer.json()["next_page_token"]] = told
    return answer


@twists("CC-ACC-005", house="guarded")
async def begin_again_for_another(request: Request, forward: Forward) -> Answer:
    """A page token of another caller is answered with the first page of the caller's own jobs."""
    owners = request.memory.setdefault("pages", {})
    told, page_token = request.header(_AUTHORIZATION), request.parameter("page_token")
    if request.is_call("GET", "jobs") and owners.get(page_token, told) != told:
        return await forward(request.without_parameter("page_token"))
    answer = await forward(request)
    if request.is_call("GET", "jobs") and answer.status == 200 and "next_page_token" in answer.json():
        owners[answer.json()["next_page_token"]] = told
    return answer
