"""Tell the life of a job as it was not: its history and its times."""

from __future__ import annotations

from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import TERMINAL, edit_jobs, moved, with_jobs

Job = dict[str, Any]


def _over(job: Job) -> bool:
    return job["state"] in TERMINAL


@twists("CC-JOB-022")
async def begin_with_queued(request: Request, forward: Forward) -> Answer:
    """`history` begins when the facility has the job."""

    def shorten(job: Job) -> None:
        if len(job.get("history", [])) > 1:
            del job["history"][0]

    return await with_jobs(request, forward, shorten)


@twists("CC-JOB-022")
async def begin_a_moment_later(request: Request, forward: Forward) -> Answer:
    """The first entry of `history` is a microsecond later than `created_at`."""

    def delay(job: Job) -> None:
        for entry in job.get("history", [])[:1]:
            entry["at"] = moved(entry["at"], microseconds=1)

    return await with_jobs(request, forward, delay)


@twists("CC-JOB-022")
async def count_attempts_from_nothing(request: Request, forward: Forward) -> Answer:
    """The attempt of `pending` in the `history` is the 0 of a job that nobody tried yet."""

    def count(job: Job) -> None:
        for entry in job.get("history", [])[:1]:
            entry["attempt"] = 0

    return await with_jobs(request, forward, count)


@twists("CC-JOB-022")
async def leave_the_end_out(request: Request, forward: Forward) -> Answer:
    """`history` of a terminal job ends with the state before."""
    return await with_jobs(
        request, forward, lambda job: job["history"].pop() if "history" in job and _over(job) else None
    )


@twists("CC-JOB-022")
async def leave_the_present_out(request: Request, forward: Forward) -> Answer:
    """`history` of a job that has not ended ends with the state before the present one."""

    def shorten(job: Job) -> None:
        if len(job.get("history", [])) > 1 and not _over(job):
            job["history"].pop()

    return await with_jobs(request, forward, shorten)


@twists("CC-JOB-022")
async def end_on_the_second(request: Request, forward: Forward) -> Answer:
    """The end of a job is told in whole seconds, which may lie before its start."""

    def cut(job: Job) -> None:
        if "history" in job and _over(job):
            last = job["history"][-1]
            last["at"] = last["at"].partition(".")[0].removesuffix("Z") + "Z"

    return await with_jobs(request, forward, cut)


@twists("CC-JOB-022")
async def tell_the_history_backwards(request: Request, forward: Forward) -> Answer:
    """`history` begins with the newest entry."""
    return await with_jobs(request, forward, lambda job: job.get("history", []).reverse())


@twists("CC-JOB-023")
async def queue_again_before_the_end(request: Request, forward: Forward) -> Answer:
    """Once before its end a job that ran is seen queued again, in the same attempt."""
    fallen = request.memory.setdefault("fallen", set())

    def fall(job: Job) -> None:
        states = [entry["state"] for entry in job["history"]]
        if _over(job) and "running" in states and job["id"] not in fallen:
            fallen.add(job["id"])
            job["history"][-1] = {**job["history"][-1], "state": "queued"}
            job["history"][-1].pop("reason", None)
            job["state"] = "queued"
            for name in ("reason", "exit_code", "signal", "finished_at", "expires_at"):
                job.pop(name, None)

    answer = await forward(request)
    return edit_jobs(answer, fall) if request.is_call("GET", "jobs", "*") else answer


@twists("CC-JOB-023")
async def start_again_in_the_same_attempt(request: Request, forward: Forward) -> Answer:
    """`history` of a job that ran shows it queued and running again, in the same attempt."""

    def repeat(job: Job) -> None:
        states = [entry["state"] for entry in job.get("history", [])]
        if "running" in states and _over(job):
            running = job["history"][states.index("running")]
            job["history"][-1:-1] = [{**running, "state": "queued"}, running]

    return await with_jobs(request, forward, repeat)


@twists("CC-JOB-023")
async def fail_on_the_way(request: Request, forward: Forward) -> Answer:
    """`history` of a job that succeeded shows it as failed before."""

    def fail(job: Job) -> None:
        if "history" in job and job["state"] == "succeeded":
            job["history"].insert(
                -1, {**job["history"][-1], "state": "failed", "reason": {"code": "unknown"}}
            )

    return await with_jobs(request, forward, fail)


@twists("CC-JOB-023")
async def tell_every_look(request: Request, forward: Forward) -> Answer:
    """`history` has an entry for every look at the facility, also if the state was the same as before."""

    def repeat(job: Job) -> None:
        if "history" in job:
            job["history"] = [entry for entry in job["history"] for _ in (0, 1)][1:]

    return await with_jobs(request, forward, repeat)


@twists("CC-JOB-023")
async def skip_back_to_pending(request: Request, forward: Forward) -> Answer:
    """`history` shows a second attempt, in which the job is pending again, before the first one goes on."""

    def fall(job: Job) -> None:
        states = [entry["state"] for entry in job.get("history", [])]
        if "queued" in states:
            entry = job["history"][states.index("queued")]
            job["history"].insert(states.index("queued"), {**entry, "state": "pending", "attempt": 2})

    return await with_jobs(request, forward, fall)


@twists("CC-JOB-024")
async def start_before_it_was_sent(request: Request, forward: Forward) -> Answer:
    """`started_at` is by the clock of a facility that is an hour behind."""

    def set_back(job: Job) -> None:
        if "started_at" in job:
            job["started_at"] = moved(job["started_at"], hours=-1)

    return await with_jobs(request, forward, set_back)


@twists("CC-JOB-024")
async def finish_before_it_started(request: Request, forward: Forward) -> Answer:
    """`finished_at` of a job that ran is the time at which it was queued."""

    def swap(job: Job) -> None:
        if "started_at" in job and "finished_at" in job:
            job["started_at"], job["finished_at"] = job["finished_at"], job["started_at"]

    return await with_jobs(request, forward, swap)


@twists("CC-JOB-024")
async def finish_on_the_second(request: Request, forward: Forward) -> Answer:
    """`finished_at` is in whole seconds, which may lie before `started_at`."""

    def cut(job: Job) -> None:
        if "finished_at" in job:
            job["finished_at"] = job["finished_at"].partition(".")[0].removesuffix("Z") + "Z"

    return await with_jobs(request, forward, cut)
