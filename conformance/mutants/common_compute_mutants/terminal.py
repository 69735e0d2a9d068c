"""Let a terminal job have less than everything, or go on changing."""

from __future__ import annotations

from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import TERMINAL, edit_jobs, moved, with_jobs

Job = dict[str, Any]


def _over(job: Job) -> bool:
    return job["state"] in TERMINAL


@twists("CC-JOB-026")
async def succeed_before_the_bytes_are_home(request: Request, forward: Forward) -> Answer:
    """get_job shows a job as succeeded once the facility has it, while its results are still to come."""

    def end(job: Job) -> None:
        if job["state"] in ("queued", "running"):
            job["history"].append({**job["history"][-1], "state": "succeeded"})
            job.update(state="succeeded", exit_code=0, expires_at=moved(job["updated_at"], days=7))

    answer = await forward(request)
    return edit_jobs(answer, end) if request.is_call("GET", "jobs", "*") else answer


async def _late(request: Request, forward: Forward, *noun: str) -> Answer:
    """Answer 409 to the first request for something of a job that has ended."""
    answer = await forward(request)
    known = request.memory.setdefault("known", set())
    if (
        request.is_call("GET", "jobs", "*", *noun)
        and answer.status == 200
        and request.segments[1] not in known
    ):
        known.add(request.segments[1])
        return problem_answer(request, answer, 409, "results-not-ready", retryable=True)
    return answer


@twists("CC-JOB-026")
async def list_results_later(request: Request, forward: Forward) -> Answer:
    """The results of a terminal job are listed only when they are asked for a second time."""
    return await _late(request, forward, "results")


@twists("CC-JOB-026")
async def give_bytes_later(request: Request, forward: Forward) -> Answer:
    """The first result of a terminal job is given only when it is asked for a second time."""
    return await _late(request, forward, "results", "*")


@twists("CC-JOB-026")
async def give_logs_later(request: Request, forward: Forward) -> Answer:
    """The first log of a terminal job is given only when it is asked for a second time."""
    return await _late(request, forward, "logs", "*")


@twists("CC-JOB-026")
async def keep_nothing_of_a_cancelled_job(request: Request, forward: Forward) -> Answer:
    """list_results of a job that was cancelled is answered 409."""
    return await _nothing_of(request, forward, "cancelled", "results")


@twists("CC-JOB-026")
async def keep_no_log_of_a_failed_job(request: Request, forward: Forward) -> Answer:
    """get_log of a job that failed is answered 404."""
    return await _nothing_of(request, forward, "failed", "logs", "*")


async def _nothing_of(request: Request, forward: Forward, state: str, *noun: str) -> Answer:
    """Refuse something of jobs that are known to have ended in this state."""
    answer = await forward(request)
    ended = request.memory.setdefault("ended", set())
    if request.is_call("GET", "jobs", "*") and answer.status == 200 and answer.json()["state"] == state:
        ended.add(request.segments[1])
    if request.is_call("GET", "jobs", "*", *noun) and answer.status == 200 and request.segments[1] in ended:
        if noun == ("results",):
            return problem_answer(request, answer, 409, "results-not-ready", retryable=True)
        return problem_answer(request, answer, 404, "log-unavailable")
    return answer


@twists("CC-JOB-029")
async def tell_no_expiry(request: Request, forward: Forward) -> Answer:
    """A terminal job carries no `expires_at`."""
    return await with_jobs(request, forward, lambda job: job.pop("expires_at", None))


@twists("CC-JOB-029")
async def let_terminal_jobs_go_stale(request: Request, forward: Forward) -> Answer:
    """A terminal job is stale."""
    return await with_jobs(request, forward, lambda job: job.update(stale=True) if _over(job) else None)


@twists("CC-JOB-029")
async def change_the_mind(request: Request, forward: Forward) -> Answer:
    """A job that succeeded has failed from the second look on."""
    seen = request.memory.setdefault("seen", set())

    def fail(job: Job) -> None:
        if job["state"] == "succeeded" and job["id"] in seen:
            job["state"] = "failed"
            job["reason"] = {"code": "results-lost"}
        elif job["state"] == "succeeded":
            seen.add(job["id"])

    return await with_jobs(request, forward, fail)


@twists("CC-JOB-029")
async def observe_the_dead(request: Request, forward: Forward) -> Answer:
    """`observed_at` of a terminal job goes on with every look."""

    def observe(job: Job) -> None:
        if _over(job) and "observed_at" in job:
            request.memory["looks"] = request.memory.get("looks", 0) + 1
            job["observed_at"] = moved(job["observed_at"], milliseconds=request.memory["looks"])

    return await with_jobs(request, forward, observe)


@twists("CC-JOB-029")
async def put_the_expiry_off(request: Request, forward: Forward) -> Answer:
    """Every look at a terminal job puts its `expires_at` off."""

    def put_off(job: Job) -> None:
        if "expires_at" in job:
            request.memory["looks"] = request.memory.get("looks", 0) + 1
            job["expires_at"] = moved(job["expires_at"], seconds=request.memory["looks"])

    return await with_jobs(request, forward, put_off)


@twists("CC-JOB-029")
async def tag_every_look(request: Request, forward: Forward) -> Answer:
    """The ETag of a terminal job is another one at every look."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*") and answer.status == 200 and _over(answer.json()):
        request.memory["looks"] = request.memory.get("looks", 0) + 1
        return answer.with_header("etag", f'W/"{request.segments[1]}.{request.memory["looks"]}"')
    return answer
