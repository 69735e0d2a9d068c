"""Release what should stay, or keep what was released."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import TERMINAL, ask_for_job, is_about_one_job, without_body

Job = dict[str, Any]


def _is_release(request: Request) -> bool:
    return request.is_call("DELETE", "jobs", "*")


async def _hidden(request: Request, forward: Forward, *left: tuple[str, ...], listed: bool = False) -> Answer:
    """Hide released jobs in place of forgetting them, but for what is `left` of each: method and noun."""
    hidden = request.memory.setdefault("hidden", set())
    if _is_release(request) and request.segments[1] not in hidden:
        job = await ask_for_job(request, forward)
        if job is not None and job["state"] in TERMINAL:
            hidden.add(job["id"])
            return without_body(await forward(replace(request, method="OPTIONS")), 204)
    if is_about_one_job(request) and request.segments[1] in hidden:
        if not any(request.is_call(method, "jobs", "*", *noun) for method, *noun in left):
            answer = await forward(replace(request, method="OPTIONS", body=b""))
            return problem_answer(request, answer, 404, "not-found")
        return await forward(request)
    answer = await forward(request)
    if request.is_call("GET", "jobs") and answer.status == 200 and not listed:
        page = answer.json()
        page["jobs"] = [job for job in page["jobs"] if job["id"] not in hidden]
        return answer.with_json(page)
    return answer


@twists("CC-JOB-039")
async def say_ok_to_a_release(request: Request, forward: Forward) -> Answer:
    """release_job is answered 202, since the facility is tidied up later."""
    answer = await forward(request)
    return replace(answer, status=202) if _is_release(request) and answer.status == 204 else answer


@twists("CC-JOB-039")
async def list_what_was_released(request: Request, forward: Forward) -> Answer:
    """A released job stays in the lists."""
    return await _hidden(request, forward, listed=True)


@twists("CC-JOB-039")
async def list_what_was_released_by_its_state(request: Request, forward: Forward) -> Answer:
    """A released job stays in the lists that are asked for by a state."""
    if request.parameter("state") is not None:
        return await _hidden(request, forward, listed=True)
    return await _hidden(request, forward)


@twists("CC-JOB-039")
async def serve_results_of_the_released(request: Request, forward: Forward) -> Answer:
    """get_result still gives the bytes of a released job."""
    return await _hidden(request, forward, ("GET", "results", "*"))


@twists("CC-JOB-039")
async def list_results_of_the_released(request: Request, forward: Forward) -> Answer:
    """list_results still lists what a released job left."""
    return await _hidden(request, forward, ("GET", "results"))


@twists("CC-JOB-039")
async def serve_logs_of_the_released(request: Request, forward: Forward) -> Answer:
    """get_log still gives the logs of a released job."""
    return await _hidden(request, forward, ("GET", "logs", "*"))


@twists("CC-JOB-039")
async def list_tasks_of_the_released(request: Request, forward: Forward) -> Answer:
    """list_tasks still lists the tasks of a released job."""
    return await _hidden(request, forward, ("GET", "tasks"))


@twists("CC-JOB-039")
async def cancel_what_was_released(request: Request, forward: Forward) -> Answer:
    """cancel_job of a released job is answered 200 with the job."""
    return await _hidden(request, forward, ("POST", "cancel"))


@twists("CC-JOB-039")
async def say_gone(request: Request, forward: Forward) -> Answer:
    """get_job of a released job is answered 410."""
    answer = await forward(request)
    released = request.memory.setdefault("released", set())
    if _is_release(request) and answer.status == 204:
        released.add(request.segments[1])
    if request.is_call("GET", "jobs", "*") and request.segments[1] in released:
        return problem_answer(request, answer, 410, "job-released")
    return answer


@twists("CC-JOB-039")
async def release_again_and_again(request: Request, forward: Forward) -> Answer:
    """release_job of a job that was released already is answered 204."""
    answer = await forward(request)
    released = request.memory.setdefault("released", set())
    if _is_release(request) and answer.status == 204:
        released.add(request.segments[1])
    if _is_release(request) and answer.status == 404 and request.segments[1] in released:
        return without_body(answer, 204)
    return answer


@twists("CC-JOB-039")
async def come_back(request: Request, forward: Forward) -> Answer:
    """A released job is there again when it is asked for the second time."""
    asked = request.memory.setdefault("asked", {})
    if request.is_call("GET", "jobs", "*"):
        asked[request.segments[1]] = asked.get(request.segments[1], 0) + 1
    if _is_release(request) and request.segments[1] not in request.memory.get("hidden", set()):
        asked[request.segments[1]] = 0
    if request.is_call("GET", "jobs", "*") and asked[request.segments[1]] > 1:
        return await forward(request)
    return await _hidden(request, forward)


@twists("CC-JOB-040")
async def let_go_of_what_runs(request: Request, forward: Forward) -> Answer:
    """release_job of a running job is answered 204, and the job is nowhere."""
    return await _let_go(request, forward, "running")


@twists("CC-JOB-040")
async def let_go_of_what_waits(request: Request, forward: Forward) -> Answer:
    """release_job of a job that does not run yet is answered 204, and the job is nowhere."""
    return await _let_go(request, forward, "pending", "queued")


async def _let_go(request: Request, forward: Forward, *states: str) -> Answer:
    """Hide jobs that are released in one of these states."""
    hidden = request.memory.setdefault("hidden", set())
    if _is_release(request):
        job = await ask_for_job(request, forward)
        if job is not None and job["state"] in states:
            hidden.add(job["id"])
            return without_body(await forward(replace(request, method="OPTIONS")), 204)
    answer = await forward(request)
    if is_about_one_job(request) and request.segments[1] in hidden:
        return problem_answer(request, answer, 404, "not-found")
    return answer


@twists("CC-JOB-040")
async def cancel_what_cannot_be_released(request: Request, forward: Forward) -> Answer:
    """release_job of a running job is answered 409, and cancels it."""
    answer = await forward(request)
    if _is_release(request) and answer.status == 409:
        await forward(replace(request, method="POST", path=f"{request.path}/cancel"))
    return answer


@twists("CC-JOB-040")
async def release_it_later(request: Request, forward: Forward) -> Answer:
    """release_job of a running job is answered 409, and the job is released when it has ended."""
    waiting = request.memory.setdefault("waiting", set())
    if is_about_one_job(request) and request.segments[1] in waiting:
        await forward(
            replace(request, method="DELETE", path=f"/jobs/{request.segments[1]}", query=(), body=b"")
        )
    answer = await forward(request)
    if _is_release(request) and answer.status == 409:
        waiting.add(request.segments[1])
    return answer


@twists("CC-JOB-040")
async def take_it_for_not_ready(request: Request, forward: Forward) -> Answer:
    """release_job of a running job is answered 409 `results-not-ready`."""
    answer = await forward(request)
    if _is_release(request) and answer.status == 409:
        return problem_answer(request, answer, 409, "results-not-ready", retryable=True)
    return answer
