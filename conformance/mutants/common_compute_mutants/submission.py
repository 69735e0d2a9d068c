"""Answer a submission with something else than the job that was sent."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import edit_jobs, is_about_one_job, is_submission, with_jobs


@twists("CC-JOB-001")
async def say_ok_to_a_new_job(request: Request, forward: Forward) -> Answer:
    """A submission is answered 200."""
    answer = await forward(request)
    return replace(answer, status=200) if is_submission(request) and answer.status == 201 else answer


@twists("CC-JOB-001")
async def say_accepted_to_a_big_job(request: Request, forward: Forward) -> Answer:
    """A submission of more than 4 kB is answered 202."""
    answer = await forward(request)
    big = is_submission(request) and answer.status == 201 and len(request.body) > 4096
    return replace(answer, status=202) if big else answer


@twists("CC-JOB-001")
async def say_not_where_the_job_is(request: Request, forward: Forward) -> Answer:
    """A 201 has no `Location`."""
    answer = await forward(request)
    return answer.without_header("location") if is_submission(request) else answer


@twists("CC-JOB-001")
async def locate_jobs_at_the_root(request: Request, forward: Forward) -> Answer:
    """`Location` is the job's path without the base path, where nothing is."""
    answer = await forward(request)
    if is_submission(request) and answer.status == 201:
        return answer.with_header("location", (answer.header("location") or "").removeprefix("/v1"))
    return answer


@twists("CC-JOB-001")
async def locate_jobs_beside_the_list(request: Request, forward: Forward) -> Answer:
    """`Location` is the bare id, which from POST /jobs leads beside the list of jobs."""
    answer = await forward(request)
    if is_submission(request) and answer.status == 201:
        return answer.with_header("location", answer.json()["id"])
    return answer


@twists("CC-JOB-001")
async def answer_with_the_id_alone(request: Request, forward: Forward) -> Answer:
    """A submission is answered with the job's id, not with the job."""
    answer = await forward(request)
    if is_submission(request) and answer.status == 201:
        return answer.with_json({"id": answer.json()["id"]})
    return answer


@twists("CC-JOB-001")
async def name_jobs_in_capitals(request: Request, forward: Forward) -> Answer:
    """A job's id has capital letters."""
    if is_about_one_job(request):
        segments = [request.segments[0], request.segments[1].lower(), *request.segments[2:]]
        request = replace(request, path="/" + "/".join(segments))
    answer = await with_jobs(request, forward, lambda job: job.update(id=job["id"].upper()))
    if is_submission(request) and answer.status == 201:
        return answer.with_header("location", f"/v1/jobs/{answer.json()['id']}")
    return answer


@twists("CC-JOB-001")
async def confuse_keys_that_differ_in_case(request: Request, forward: Forward) -> Answer:
    """A valid submission is answered with another job, since keys are compared without regard to case."""
    key = request.header("idempotency-key")
    return await forward(request.with_header("idempotency-key", key.lower()) if key else request)


@twists("CC-JOB-002")
async def list_new_jobs_later(request: Request, forward: Forward) -> Answer:
    """The first list_jobs after a submission does not have the new job."""
    answer = await forward(request)
    new = request.memory.setdefault("new", set())
    if is_submission(request) and answer.status == 201:
        new.add(answer.json()["id"])
    if request.is_call("GET", "jobs") and answer.status == 200:
        page = answer.json()
        page["jobs"] = [job for job in page["jobs"] if job["id"] not in new]
        new.clear()
        return answer.with_json(page)
    return answer


@twists("CC-JOB-002")
async def find_new_jobs_later(request: Request, forward: Forward) -> Answer:
    """The first get_job after a submission does not find the new job."""
    answer = await forward(request)
    new = request.memory.setdefault("new", set())
    if is_submission(request) and answer.status == 201:
        new.add(answer.json()["id"])
    if request.is_call("GET", "jobs", "*") and request.segments[1] in new:
        new.remove(request.segments[1])
        return problem_answer(request, answer, 404, "not-found")
    return answer


@twists("CC-JOB-002")
async def list_jobs_once_they_are_queued(request: Request, forward: Forward) -> Answer:
    """list_jobs leaves a job out while it is pending, unless it is asked for by its state."""
    answer = await forward(request)
    if request.is_call("GET", "jobs") and answer.status == 200 and request.parameter("state") is None:
        page = answer.json()
        page["jobs"] = [job for job in page["jobs"] if job["state"] != "pending"]
        return answer.with_json(page)
    return answer


async def _with_spec(request: Request, forward: Forward, edit: Callable[[dict[str, Any]], object]) -> Answer:
    """Change `spec` wherever a job shows it."""
    return await with_jobs(request, forward, lambda job: edit(job["spec"]) if "spec" in job else None)


@twists("CC-JOB-005")
async def fill_in_that_outputs_are_required(request: Request, forward: Forward) -> Answer:
    """`spec` shows the default `required` of each output."""
    return await _with_spec(
        request,
        forward,
        lambda spec: [output.setdefault("required", True) for output in spec.get("outputs", [])],
    )


@twists("CC-JOB-005")
async def name_nameless_jobs(request: Request, forward: Forward) -> Answer:
    """A job without a name is given one, which `spec` shows."""
    return await _with_spec(request, forward, lambda spec: spec.setdefault("name", "job"))


@twists("CC-JOB-005")
async def drop_nulls_of_metadata(request: Request, forward: Forward) -> Answer:
    """Members of `metadata` that are null are gone."""

    def drop(spec: dict[str, Any]) -> None:
        if "metadata" in spec:
            spec["metadata"] = {name: v for name, v in spec["metadata"].items() if v is not None}

    return await _with_spec(request, forward, drop)


@twists("CC-JOB-005")
async def drop_empty_labels(request: Request, forward: Forward) -> Answer:
    """Labels with an empty value are gone from `spec`."""

    def drop(spec: dict[str, Any]) -> None:
        if "labels" in spec:
            spec["labels"] = {name: value for name, value in spec["labels"].items() if value}

    return await _with_spec(request, forward, drop)


@twists("CC-JOB-005")
async def drop_empty_members(request: Request, forward: Forward) -> Answer:
    """A list or an object that was sent empty is gone from `spec`."""

    def drop(spec: dict[str, Any]) -> None:
        for name in [name for name, value in spec.items() if value in ([], {})]:
            del spec[name]

    return await _with_spec(request, forward, drop)


@twists("CC-JOB-005")
async def compose_characters(request: Request, forward: Forward) -> Answer:
    """Texts of `spec` come back in Unicode's composed form."""

    def compose(spec: dict[str, Any]) -> None:
        spec.update(json.loads(unicodedata.normalize("NFC", json.dumps(spec, ensure_ascii=False))))

    return await _with_spec(request, forward, compose)


@twists("CC-JOB-005")
async def make_whole_numbers_of_metadata(request: Request, forward: Forward) -> Answer:
    """Fractions among the numbers of `metadata` are cut off."""

    def cut(spec: dict[str, Any]) -> None:
        for name, value in spec.get("metadata", {}).items():
            if isinstance(value, float):
                spec["metadata"][name] = int(value)

    return await _with_spec(request, forward, cut)


@twists("CC-JOB-005")
async def leave_inputs_out_later(request: Request, forward: Forward) -> Answer:
    """get_job shows inline inputs without their bytes, which the answer to the submission still had."""

    def empty(job: dict[str, Any]) -> None:
        for entry in job.get("spec", {}).get("inputs", []):
            if entry["source"]["kind"] == "inline":
                entry["source"]["content_base64"] = ""

    answer = await forward(request)
    return edit_jobs(answer, empty) if request.is_call("GET", "jobs", "*") else answer


@twists("CC-JOB-005")
async def show_the_beginning_of_arguments(request: Request, forward: Forward) -> Answer:
    """`spec` shows the first 1000 characters of an argument only."""
    return await _with_spec(
        request, forward, lambda spec: spec.update(command=[word[:1000] for word in spec["command"]])
    )


@twists("CC-JOB-005")
async def show_tasks_in_place_of_their_number(request: Request, forward: Forward) -> Answer:
    """An array that was sent as a `count` is shown as that many tasks with parameters."""

    def unfold(spec: dict[str, Any]) -> None:
        if "count" in spec.get("array", {}):
            spec["array"] = {"parameters": [{"N": str(n)} for n in range(int(spec["array"]["count"]))]}

    return await _with_spec(request, forward, unfold)


@twists("CC-JOB-005")
async def redact_arguments(request: Request, forward: Forward) -> Answer:
    """In `spec`, whatever stands in an argument between `//` and `@` is taken for a user and redacted."""

    def redact(word: str) -> str:
        before, slashes, rest = word.partition("//")
        user, at, host = rest.partition("@")
        return f"{before}//REDACTED@{host}" if slashes and at and user else word

    return await _with_spec(
        request, forward, lambda spec: spec.update(command=[redact(word) for word in spec["command"]])
    )
