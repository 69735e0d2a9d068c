"""Ask for tokens where none is needed, or serve callers without one."""

from __future__ import annotations

from dataclasses import replace

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import with_jobs

_AUTHORIZATION = "authorization"
_OPEN = ("/service-info", "/health")


async def _refused(request: Request, forward: Forward) -> Answer:
    answer = await forward(replace(request, method="OPTIONS", body=b""))
    refusal = problem_answer(request, answer, 401, "unauthenticated")
    return refusal.with_header("www-authenticate", 'Bearer realm="common-compute"')


@twists("CC-ACC-001")
async def look_at_tokens_for_nothing(request: Request, forward: Forward) -> Answer:
    """Under access `none` a request with a token is answered 401, since no token is known."""
    if (request.header(_AUTHORIZATION) or "").startswith("Bearer"):
        return await _refused(request, forward)
    return await forward(request)


@twists("CC-ACC-001")
async def look_at_other_schemes_for_nothing(request: Request, forward: Forward) -> Answer:
    """Under access `none` an `Authorization` of another scheme than Bearer is answered 401."""
    told = request.header(_AUTHORIZATION)
    if told is not None and not told.startswith("Bearer"):
        return await _refused(request, forward)
    return await forward(request)


@twists("CC-ACC-001")
async def give_jobs_to_nobody(request: Request, forward: Forward) -> Answer:
    """Under access `none` the owner of a job is `nobody`."""
    return await with_jobs(request, forward, lambda job: job.update(owner="nobody"))


@twists("CC-ACC-001")
async def believe_tokens_unseen(request: Request, forward: Forward) -> Answer:
    """Under access `none` the owner of a job is the token that came with its submission."""
    owners = request.memory.setdefault("owners", {})
    answer = await forward(request)
    token = (request.header(_AUTHORIZATION) or "").removeprefix("Bearer ")
    if request.is_call("POST", "jobs") and answer.status == 201 and token:
        owners[answer.json()["id"]] = token
    if request.method == "POST" and answer.status < 300 and answer.json().get("id") in owners:
        return answer.edited(lambda job: job.update(owner=owners[job["id"]]))
    return answer


@twists("CC-ACC-001")
async def claim_credentials_of_nobody(request: Request, forward: Forward) -> Answer:
    """Under access `none` a facility claims `credentials`."""
    answer = await forward(request)
    if request.is_call("GET", "facilities") and answer.status == 200:
        return answer.edited(
            lambda page: [each["conforms_to"].append("credentials") for each in page["facilities"]]
        )
    return answer


def _note(request: Request, answer: Answer) -> None:
    """Remember the last token that was let in where one is needed."""
    if answer.status != 401 and request.header(_AUTHORIZATION) is not None and request.path not in _OPEN:
        request.memory["known"] = request.header(_AUTHORIZATION)


async def _let_in(request: Request, forward: Forward, *call: str, method: str = "GET") -> Answer:
    """Serve a call also without a known token, as one who was let in last."""
    answer = await forward(request)
    _note(request, answer)
    if answer.status == 401 and request.is_call(method, *call) and "known" in request.memory:
        return await forward(request.with_header(_AUTHORIZATION, request.memory["known"]))
    return answer


@twists("CC-ACC-002", house="guarded")
async def show_facilities_to_everybody(request: Request, forward: Forward) -> Answer:
    """list_facilities asks for no token."""
    return await _let_in(request, forward, "facilities")


@twists("CC-ACC-002", house="guarded")
async def show_logs_to_everybody(request: Request, forward: Forward) -> Answer:
    """get_log asks for no token."""
    return await _let_in(request, forward, "jobs", "*", "logs", "*")


@twists("CC-ACC-002", house="guarded")
async def show_tasks_to_everybody(request: Request, forward: Forward) -> Answer:
    """list_tasks asks for no token."""
    return await _let_in(request, forward, "jobs", "*", "tasks")


@twists("CC-ACC-002", house="guarded")
async def let_everybody_cancel(request: Request, forward: Forward) -> Answer:
    """cancel_job asks for no token."""
    return await _let_in(request, forward, "jobs", "*", "cancel", method="POST")


@twists("CC-ACC-002", house="guarded")
async def validate_for_everybody(request: Request, forward: Forward) -> Answer:
    """validate_job asks for no token."""
    return await _let_in(request, forward, "jobs", "validate", method="POST")


@twists("CC-ACC-002", house="guarded")
async def show_heads_to_everybody(request: Request, forward: Forward) -> Answer:
    """HEAD on a job asks for no token."""
    return await _let_in(request, forward, "jobs", "*", method="HEAD")


@twists("CC-ACC-002", house="guarded")
async def say_forbidden_to_strangers(request: Request, forward: Forward) -> Answer:
    """A request with a token that is not known is answered 403."""
    answer = await forward(request)
    if answer.status == 401 and request.header(_AUTHORIZATION) is not None:
        return problem_answer(request, answer, 403, "forbidden")
    return answer


@twists("CC-ACC-002", house="guarded")
async def not_say_how_to_get_in(request: Request, forward: Forward) -> Answer:
    """A 401 has no `WWW-Authenticate`."""
    return (await forward(request)).without_header("www-authenticate")


@twists("CC-ACC-002", house="guarded")
async def not_say_how_to_get_in_with_a_token(request: Request, forward: Forward) -> Answer:
    """The 401 to a token that is not known has no `WWW-Authenticate`."""
    answer = await forward(request)
    return answer.without_header("www-authenticate") if request.header(_AUTHORIZATION) else answer


@twists("CC-ACC-002", house="guarded")
async def look_at_the_accept_header_first(request: Request, forward: Forward) -> Answer:
    """A request without a token that accepts no JSON is answered 406."""
    answer = await forward(request)
    accepted = request.header("accept") or "*/*"
    if answer.status == 401 and "json" not in accepted and "*" not in accepted:
        return problem_answer(request, answer, 406, "not-acceptable")
    return answer


@twists("CC-ACC-002", house="guarded")
async def look_at_the_query_first(request: Request, forward: Forward) -> Answer:
    """A request without a token that has an unknown query parameter is answered 422."""
    answer = await forward(request)
    if answer.status == 401 and request.parameter("surprise") is not None:
        errors = [{"parameter": "surprise", "detail": "There is no such parameter."}]
        return problem_answer(request, answer, 422, "invalid-request", errors=errors)
    return answer


@twists("CC-ACC-002", house="guarded")
async def believe_what_a_token_says_of_itself(request: Request, forward: Forward) -> Answer:
    """A token of three parts is taken for a JWT, whose signature nobody checks."""
    answer = await forward(request)
    told = request.header(_AUTHORIZATION) or ""
    _note(request, answer)
    if answer.status == 401 and told.count(".") == 2 and "known" in request.memory:
        return await forward(request.with_header(_AUTHORIZATION, request.memory["known"]))
    return answer


@twists("CC-ACC-002", house="guarded")
async def compare_the_beginning_of_tokens(request: Request, forward: Forward) -> Answer:
    """A token is known if it begins as a known one does, in its first 12 characters."""
    known = request.memory.setdefault("beginnings", {})
    told = request.header(_AUTHORIZATION) or ""
    answer = await forward(request)
    begins = told.removeprefix("Bearer ")[:12]
    if answer.status != 401 and told and request.path not in _OPEN:
        known.setdefault(begins, told)
    if answer.status == 401 and begins in known:
        return await forward(request.with_header(_AUTHORIZATION, known[begins]))
    return answer


@twists("CC-ACC-002", house="guarded")
async def take_the_token_for_the_user(request: Request, forward: Forward) -> Answer:
    """The token is also taken as it stands behind another scheme than Bearer."""
    told = request.header(_AUTHORIZATION) or ""
    scheme, _, token = told.partition(" ")
    if token and scheme != "Bearer":
        return await forward(request.with_header(_AUTHORIZATION, f"Bearer {token}"))
    return await forward(request)


@twists("CC-ACC-002", house="guarded")
async def take_a_token_in_the_query(request: Request, forward: Forward) -> Answer:
    """A token in the query is taken, where every log of a proxy keeps it."""
    token = request.parameter("access_token")
    if token is not None and request.header(_AUTHORIZATION) is None:
        asked = request.without_parameter("access_token")
        return await forward(asked.with_header(_AUTHORIZATION, f"Bearer {token}"))
    return await forward(request)


@twists("CC-ACC-002", house="guarded")
async def close_the_door_as_well(request: Request, forward: Forward) -> Answer:
    """get_health asks for a known token if it is given any."""
    if request.path in _OPEN and request.header(_AUTHORIZATION) is not None:
        asked = await forward(replace(request, path="/facilities"))
        return asked if asked.status == 401 else await forward(request)
    return await forward(request)
