"""Cancel jobs that should go on, or let jobs go on that should end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from common_compute_connector.clock import SystemClock
from common_compute_connector.jobs import Reason, State
from common_compute_connector.protocol import LivePart, TaskSeen
from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.facility import BetweenGroundAndFacility
from common_compute_mutants.registry import twists, wraps
from common_compute_mutants.shown import (
    TERMINAL,
    ask_for_job,
    edit_each,
    edit_jobs,
    moved,
    with_jobs,
    without_body,
)
from common_compute_mutants.verbs import AltersObservations

Job = dict[str, Any]


_YOUNG = timedelta(seconds=10)


def _is_cancel(request: Request) -> bool:
    return request.is_call("POST", "jobs", "*", "cancel")


def _is_early(job: Job) -> bool:
    """Tell whether a job waits or has just begun, as on a busy machine before anybody can cancel it."""
    young = SystemClock().now() - datetime.fromisoformat(job["created_at"]) < _YOUNG
    return job["state"] in ("pending", "queued") or (job["state"] == "running" and young)


@twists("CC-JOB-035")
async def say_ok_to_a_cancel(request: Request, forward: Forward) -> Answer:
    """cancel_job of a job that runs is answered 200."""
    answer = await forward(request)
    return replace(answer, status=200) if _is_cancel(request) and answer.status == 202 else answer


@twists("CC-JOB-035")
async def say_nothing_to_a_cancel(request: Request, forward: Forward) -> Answer:
    """cancel_job of a job that runs is answered 204, without the job."""
    answer = await forward(request)
    return without_body(answer, 204) if _is_cancel(request) and answer.status == 202 else answer


@twists("CC-JOB-035")
async def not_tell_when_it_was_asked(request: Request, forward: Forward) -> Answer:
    """The answer to cancel_job has no `cancel_requested_at`, which get_job has."""
    answer = await forward(request)
    return (
        edit_jobs(answer, lambda job: job.pop("cancel_requested_at", None)) if _is_cancel(request) else answer
    )


@twists("CC-JOB-035")
async def forget_that_it_was_asked(request: Request, forward: Forward) -> Answer:
    """A job that was cancelled carries no `cancel_requested_at` once it is terminal."""
    return await with_jobs(
        request,
        forward,
        lambda job: job.pop("cancel_requested_at", None) if job["state"] in TERMINAL else None,
    )


@twists("CC-JOB-035")
async def note_the_last_cancel(request: Request, forward: Forward) -> Answer:
    """`cancel_requested_at` moves with every further cancel."""
    cancels = request.memory.setdefault("cancels", {})
    if _is_cancel(request):
        cancels[request.segments[1]] = cancels.get(request.segments[1], -1) + 1

    def move(job: Job) -> None:
        if "cancel_requested_at" in job:
            by = max(cancels.get(job["id"], 0), 0)
            job["cancel_requested_at"] = moved(job["cancel_requested_at"], milliseconds=by)

    return await with_jobs(request, forward, move)


@twists("CC-JOB-035")
async def cancel_only_what_runs(request: Request, forward: Forward) -> Answer:
    """cancel_job of a job that waits, or has just begun, is answered 409, and it goes on."""
    if _is_cancel(request):
        job = await ask_for_job(request, forward)
        if job is not None and _is_early(job):
            answer = await forward(replace(request, method="GET", path=f"/jobs/{job['id']}"))
            return problem_answer(request, answer, 409, "job-not-running", retryable=True)
    return await forward(request)


@twists("CC-JOB-035")
async def cancel_once(request: Request, forward: Forward) -> Answer:
    """A second cancel_job of a job that has not ended yet is answered 409."""
    answer = await forward(request)
    asked = request.memory.setdefault("asked", set())
    if _is_cancel(request) and answer.status == 202:
        if request.segments[1] in asked:
            return problem_answer(request, answer, 409, "job-not-terminal", retryable=True)
        asked.add(request.segments[1])
    return answer


@twists("CC-JOB-036")
async def refuse_to_cancel_what_is_over(request: Request, forward: Forward) -> Answer:
    """cancel_job of a terminal job is answered 409."""
    answer = await forward(request)
    if _is_cancel(request) and answer.status == 200:
        return problem_answer(request, answer, 409, "job-terminal")
    return answer


@twists("CC-JOB-036")
async def accept_to_cancel_what_is_over(request: Request, forward: Forward) -> Answer:
    """cancel_job of a terminal job is answered 202."""
    answer = await forward(request)
    return replace(answer, status=202) if _is_cancel(request) and answer.status == 200 else answer


@twists("CC-JOB-036")
async def note_a_cancel_in_vain(request: Request, forward: Forward) -> Answer:
    """cancel_job of a terminal job gives it a `cancel_requested_at`."""
    answer = await forward(request)
    noted = request.memory.setdefault("noted", set())
    if _is_cancel(request) and answer.status == 200:
        noted.add(request.segments[1])

    def note(job: Job) -> None:
        if job["id"] in noted:
            job.setdefault("cancel_requested_at", job["updated_at"])

    return edit_jobs(answer, note)


@twists("CC-JOB-036")
async def cancel_what_succeeded(request: Request, forward: Forward) -> Answer:
    """cancel_job of a job that succeeded makes it a cancelled one."""
    return await _cancel_what_is(request, forward, "succeeded")


@twists("CC-JOB-036")
async def cancel_what_failed(request: Request, forward: Forward) -> Answer:
    """cancel_job of a job that failed makes it a cancelled one."""
    return await _cancel_what_is(request, forward, "failed")


async def _cancel_what_is(request: Request, forward: Forward, state: str) -> Answer:
    """Show jobs that were cancelled when they had ended in this state as cancelled."""
    answer = await forward(request)
    turned = request.memory.setdefault("turned", set())
    if _is_cancel(request) and answer.status == 200 and answer.json()["state"] == state:
        turned.add(request.segments[1])

    def turn(job: Job) -> None:
        if job["id"] in turned:
            job.update(state="cancelled", reason={"code": "cancelled-by-user"})

    return edit_jobs(answer, turn)


@wraps("CC-JOB-037")
class CancelNothing(BetweenGroundAndFacility):
    """A cancel is accepted and never reaches the facility."""

    async def cancel(self, parts: Sequence[LivePart]) -> None:
        """Do nothing."""


@twists("CC-JOB-037")
async def lose_early_cancels(request: Request, forward: Forward) -> Answer:
    """cancel_job of a job that waits, or has just begun, is answered 202, noted, and never done."""
    lost = request.memory.setdefault("lost", {})
    if _is_cancel(request):
        job = await ask_for_job(request, forward)
        if job is not None and _is_early(job):
            lost.setdefault(job["id"], moved(job["updated_at"], milliseconds=1))
            answer = await forward(replace(request, method="GET", path=f"/jobs/{job['id']}"))
            noted = {**job, "cancel_requested_at": lost[job["id"]]}
            return replace(answer, status=202).without_header("etag").with_json(noted)

    def note(job: Job) -> None:
        if job["id"] in lost:
            job.setdefault("cancel_requested_at", lost[job["id"]])

    return await with_jobs(request, forward, note)


@wraps("CC-JOB-037")
class SucceedWhenCancelled(AltersObservations):
    """A job that was cancelled while it ran is said to have succeeded, since nothing of it failed."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Tell that."""
        if task.state is State.CANCELLED:
            return replace(task, state=State.SUCCEEDED, exit_code=0, reason=None)
        return task


@wraps("CC-JOB-037")
class BlameTheFacilityForACancel(AltersObservations):
    """A job that its user cancelled has the reason `cancelled-by-facility`."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Blame it."""
        if task.state is State.CANCELLED:
            return replace(task, reason=Reason("cancelled-by-facility"))
        return task


@wraps("CC-TASK-013")
class CancelTheFirstTask(BetweenGroundAndFacility):
    """Cancelling an array job reaches the task 0 only."""

    async def cancel(self, parts: Sequence[LivePart]) -> None:
        """Name task 0 alone."""
        await self.right.cancel([replace(each, live=[i for i in each.live if i == 0]) for each in parts])


@twists("CC-TASK-013")
async def leave_waiting_tasks_waiting(request: Request, forward: Forward) -> Answer:
    """list_tasks shows the tasks of a cancelled array job as queued if they never ran."""

    def wait(task: Job) -> None:
        if task["state"] == "cancelled" and task["index"] > 0:
            task["state"] = "queued"
            task.pop("reason", None)

    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "tasks") and answer.status == 200:
        return edit_each(answer, "tasks", wait)
    return answer
