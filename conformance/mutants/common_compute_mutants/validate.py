"""Validate in another way than submissions are judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request, json_answer, problem_answer
from common_compute_mutants.registry import twists

Verdict = dict[str, Any]


async def _judge(request: Request, forward: Forward, edit: Callable[[Verdict], object]) -> Answer:
    """Change the verdict of validate_job."""
    answer = await forward(request)
    if request.is_call("POST", "jobs", "validate") and answer.status == 200:
        return answer.edited(edit)
    return answer


@twists("CC-VAL-021")
async def run_what_is_validated(request: Request, forward: Forward) -> Answer:
    """validate_job makes a job of a valid body."""
    answer = await forward(request)
    if request.is_call("POST", "jobs", "validate") and answer.status == 200 and answer.json()["valid"]:
        await forward(replace(request, path="/jobs"))
    return answer


@twists("CC-VAL-021")
async def validate_without_metadata(request: Request, forward: Forward) -> Answer:
    """validate_job calls a body invalid for its `metadata`, which submit_job accepts."""
    told = request.json()
    if isinstance(told, dict) and told.get("metadata"):
        fault = {
            "pointer": "/metadata",
            "code": "invalid-request",
            "detail": "This member is not known here.",
        }
        return await _judge(request, forward, lambda verdict: verdict.update(valid=False, errors=[fault]))
    return await forward(request)


@twists("CC-VAL-021")
async def warn_of_what_is_valid(request: Request, forward: Forward) -> Answer:
    """validate_job lists a warning among the `errors` of a valid body."""
    warning = {"pointer": "/resources", "code": "unsupported-capability", "detail": "Defaults will apply."}

    def edit(verdict: Verdict) -> None:
        if verdict["valid"]:
            verdict["errors"] = [warning]

    return await _judge(request, forward, edit)


@twists("CC-VAL-021")
async def validate_names_only(request: Request, forward: Forward) -> Answer:
    """validate_job calls every body invalid that has no `name`."""
    told = request.json()
    if isinstance(told, dict) and "name" not in told:
        fault = {"pointer": "/name", "code": "invalid-request", "detail": "This member is missing."}

        def edit(verdict: Verdict) -> None:
            verdict.update(valid=False, errors=[fault, *verdict["errors"]])

        return await _judge(request, forward, edit)
    return await forward(request)


@twists("CC-VAL-022")
async def refuse_what_is_invalid(request: Request, forward: Forward) -> Answer:
    """validate_job answers 422 to an invalid body, as submit_job does."""
    answer = await forward(request)
    if request.is_call("POST", "jobs", "validate") and answer.status == 200 and not answer.json()["valid"]:
        return problem_answer(request, answer, 422, "invalid-request", errors=answer.json()["errors"])
    return answer


@twists("CC-VAL-022")
async def validate_the_form_only(request: Request, forward: Forward) -> Answer:
    """validate_job does not look at what the facility offers."""

    def edit(verdict: Verdict) -> None:
        form = [error for error in verdict["errors"] if error["code"] == "invalid-request"]
        verdict.update(valid=not form, errors=form)

    return await _judge(request, forward, edit)


@twists("CC-VAL-022")
async def find_one_fault(request: Request, forward: Forward) -> Answer:
    """validate_job gives the first fault only."""
    return await _judge(request, forward, lambda verdict: verdict.update(errors=verdict["errors"][:1]))


@twists("CC-VAL-022")
async def find_faults_without_code(request: Request, forward: Forward) -> Answer:
    """validate_job gives faults without their `code`."""
    return await _judge(request, forward, lambda verdict: [error.pop("code") for error in verdict["errors"]])


@twists("CC-VAL-022")
async def call_every_fault_invalid(request: Request, forward: Forward) -> Answer:
    """The code of every fault that validate_job finds is `invalid-request`."""
    return await _judge(
        request,
        forward,
        lambda verdict: [error.update(code="invalid-request") for error in verdict["errors"]],
    )


@twists("CC-VAL-022")
async def find_faults_without_place(request: Request, forward: Forward) -> Answer:
    """validate_job does not say where a fault is."""
    return await _judge(
        request, forward, lambda verdict: [error.pop("pointer", None) for error in verdict["errors"]]
    )


@twists("CC-VAL-022")
async def validate_objects_only(request: Request, forward: Forward) -> Answer:
    """validate_job answers 422 to a body that is no object."""
    answer = await forward(request)
    judged = request.is_call("POST", "jobs", "validate") and answer.status == 200
    if judged and not isinstance(request.json(), dict):
        return problem_answer(request, answer, 422, "invalid-request", errors=answer.json()["errors"])
    return answer


@twists("CC-VAL-022")
async def take_null_for_no_body(request: Request, forward: Forward) -> Answer:
    """validate_job answers 400 to the body `null`."""
    answer = await forward(request)
    if (
        request.is_call("POST", "jobs", "validate")
        and answer.status == 200
        and request.body.strip() == b"null"
    ):
        return problem_answer(request, answer, 400, "malformed-request")
    return answer


@twists("CC-VAL-022", house="enrolled")
async def validate_without_the_caller(request: Request, forward: Forward) -> Answer:
    """validate_job does not look at the caller's credential, for want of which submit_job answers 409."""

    def edit(verdict: Verdict) -> None:
        kept = [error for error in verdict["errors"] if error["code"] != "credential-required"]
        verdict.update(valid=not kept, errors=kept)

    return await _judge(request, forward, edit)


@twists("CC-VAL-022")
async def accept_what_is_no_object(request: Request, forward: Forward) -> Answer:
    """validate_job calls an empty list valid."""
    answer = await forward(request)
    if request.is_call("POST", "jobs", "validate") and request.json() == [] and answer.status == 200:
        return json_answer(200, {"valid": True, "errors": []}, answer)
    return answer
