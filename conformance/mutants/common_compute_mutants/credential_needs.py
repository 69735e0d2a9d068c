"""Get wrong when a credential is needed, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.facility import BetweenGroundAndFacility
from common_compute_mutants.registry import twists, wraps
from common_compute_mutants.shown import TERMINAL, all_jobs, is_submission, without_body

_AUTHORIZATION = "authorization"


def _is(request: Request, method: str) -> bool:
    return request.is_call(method, "facilities", "*", "credential")


@twists("CC-CRED-005", house="enrolled")
async def delete_what_is_in_use(request: Request, forward: Forward) -> Answer:
    """delete_credential is answered 204 also while a job of the caller runs."""
    return await _deleted_under(request, forward, "pending", "queued", "running")


@twists("CC-CRED-005", house="enrolled")
async def delete_what_waiting_jobs_need(request: Request, forward: Forward) -> Answer:
    """delete_credential is answered 204 while the caller's jobs wait, and 409 only while one runs."""
    return await _deleted_under(request, forward, "pending", "queued")


async def _deleted_under(request: Request, forward: Forward, *states: str) -> Answer:
    """Say that a credential is deleted while the caller's live jobs are in these states."""
    answer = await forward(request)
    if _is(request, "DELETE") and answer.status == 409:
        live = {job["state"] for job in await all_jobs(request, forward)} - TERMINAL
        return without_body(answer, 204) if live <= set(states) else answer
    return answer


@twists("CC-CRED-005", house="enrolled")
async def say_that_jobs_are_not_over(request: Request, forward: Forward) -> Answer:
    """delete_credential while a job of the caller runs is answered 409 `job-not-terminal`."""
    answer = await forward(request)
    if _is(request, "DELETE") and answer.status == 409:
        return problem_answer(request, answer, 409, "job-not-terminal", retryable=True)
    return answer


@wraps("CC-CRED-006", house="enrolled")
class EnrolWhereNobodyNeedsIt(BetweenGroundAndFacility):
    """put_credential makes keys at a facility that acts for all under the service's own account."""

    async def describe(self) -> Mapping[str, Any]:
        """Say so."""
        return _delegated_to_the_service(await self.right.describe())


@twists("CC-CRED-006", house="enrolled")
async def miss_what_nobody_needs(request: Request, forward: Forward) -> Answer:
    """put_credential answers 404 at a facility that acts for all under the service's own account."""
    answer = await forward(request)
    if request.is_call("GET", "facilities") and answer.status == 200:
        return answer.edited(
            lambda page: page.update(
                facilities=[_delegated_to_the_service(each) for each in page["facilities"]]
            )
        )
    if request.is_call("GET", "facilities", "*") and answer.status == 200:
        return answer.with_json(_delegated_to_the_service(answer.json()))
    if _is(request, "PUT"):
        return problem_answer(request, answer, 404, "not-found")
    return answer


def _delegated_to_the_service(facility: Mapping[str, Any]) -> dict[str, Any]:
    if "credential" not in facility:
        return dict(facility)
    return {**facility, "credential": {**facility["credential"], "delegation": "service"}}


@twists("CC-CRED-007", house="enrolled")
async def enrol_by_submitting(request: Request, forward: Forward) -> Answer:
    """A submission without a credential enrols the caller and is accepted."""
    answer = await forward(request)
    if is_submission(request) and answer.status == 409 and answer.json()["code"] == "credential-required":
        return await _enrolled(request, forward)
    return answer


@twists("CC-CRED-007", house="enrolled")
async def trust_who_was_enrolled_once(request: Request, forward: Forward) -> Answer:
    """A submission is accepted after delete_credential, since the credential was good before."""
    answer = await forward(request)
    good = request.memory.setdefault("good", set())
    told = request.header(_AUTHORIZATION)
    if _is(request, "PUT") and answer.status in (200, 201):
        good.add(told)
    refused = is_submission(request) and answer.status == 409
    if refused and told in good and answer.json()["code"] == "credential-required":
        return await _enrolled(request, forward)
    return answer


async def _enrolled(request: Request, forward: Forward) -> Answer:
    facility_id = request.json()["facility_id"]
    own = replace(request, method="PUT", path=f"/facilities/{facility_id}/credential", body=b"{}")
    await forward(own.without_header("idempotency-key").with_header("content-type", "application/json"))
    return await forward(request)


@twists("CC-CRED-007", house="enrolled")
async def run_jobs_of_who_is_awaited(request: Request, forward: Forward) -> Answer:
    """A submission is accepted while new keys, made after delete_credential, wait for a step of the user."""

    def wait(credential: dict[str, Any]) -> None:
        if credential.get("state") == "valid" and request.header(_AUTHORIZATION) in deleted:
            credential["state"] = "awaiting_user"

    answer = await forward(request)
    deleted = request.memory.setdefault("deleted", set())
    if _is(request, "DELETE") and answer.status == 204:
        deleted.add(request.header(_AUTHORIZATION))
    asked = _is(request, "PUT") or _is(request, "GET")
    return answer.edited(wait) if asked and answer.status in (200, 201) else answer


@twists("CC-CRED-007", house="enrolled")
async def forbid_who_is_not_enrolled(request: Request, forward: Forward) -> Answer:
    """A submission without a credential is answered 403."""
    answer = await forward(request)
    if is_submission(request) and answer.status == 409 and answer.json()["code"] == "credential-required":
        return problem_answer(request, answer, 403, "forbidden")
    return answer


@twists("CC-CRED-007", house="enrolled")
async def fail_who_is_not_enrolled(request: Request, forward: Forward) -> Answer:
    """A submission without a credential is answered 422."""
    answer = await forward(request)
    if is_submission(request) and answer.status == 409 and answer.json()["code"] == "credential-required":
        errors = [{"pointer": "/facility_id", "detail": "Enrol first.", "code": "credential-required"}]
        return problem_answer(request, answer, 422, "credential-required", errors=errors)
    return answer
