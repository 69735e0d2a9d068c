"""Get wrong what the tasks of an array make of their job."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import TERMINAL, with_entries, with_jobs

Job = dict[str, Any]
Task = dict[str, Any]
_STATES = ("pending", "queued", "running", "succeeded", "failed", "cancelled")


async def _tasks_of(request: Request, forward: Forward, job_id: str) -> list[Task]:
    asked = replace(
        request, method="GET", path=f"/jobs/{job_id}/tasks", query=(("page_size", "1000"),), body=b""
    )
    answer = await forward(asked.without_header("if-none-match"))
    return answer.json()["tasks"] if answer.status == 200 else []


async def _with_tasks_known(request: Request, forward: Forward) -> tuple[Answer, list[Task]]:
    """Give an answer about one job, and the tasks that this job has then."""
    answer = await forward(request)
    if not (request.is_call("GET", "jobs", "*") and answer.status == 200):
        return answer, []
    return answer, await _tasks_of(request, forward, request.segments[1])


async def _with_counts(request: Request, forward: Forward, edit: Any) -> Answer:
    return await with_jobs(
        request, forward, lambda job: edit(job["task_counts"]) if "task_counts" in job else None
    )


@twists("CC-TASK-008")
async def count_tasks_once(request: Request, forward: Forward) -> Answer:
    """`task_counts` stay as they were when the job was submitted."""

    def hold(counts: dict[str, int]) -> None:
        counts.update(dict.fromkeys(_STATES, 0) | {"pending": counts["total"]})

    return await _with_counts(request, forward, hold)


@twists("CC-TASK-008")
async def count_successes_twice(request: Request, forward: Forward) -> Answer:
    """A task that failed is counted as one that succeeded as well."""
    return await _with_counts(
        request, forward, lambda counts: counts.update(succeeded=counts["succeeded"] + counts["failed"])
    )


@twists("CC-TASK-008")
async def count_failures_among_the_cancelled(request: Request, forward: Forward) -> Answer:
    """Tasks that failed are counted as cancelled."""
    return await _with_counts(
        request,
        forward,
        lambda counts: counts.update(cancelled=counts["cancelled"] + counts["failed"], failed=0),
    )


@twists("CC-TASK-008")
async def count_no_cancelled_tasks(request: Request, forward: Forward) -> Answer:
    """Tasks that were cancelled are not counted, so that the numbers do not add up."""
    return await _with_counts(request, forward, lambda counts: counts.update(cancelled=0))


@twists("CC-TASK-008")
async def count_what_is_not_over(request: Request, forward: Forward) -> Answer:
    """`total` is the number of tasks that have not ended."""

    def shrink(counts: dict[str, int]) -> None:
        counts["total"] -= sum(counts[state] for state in TERMINAL)

    return await _with_counts(request, forward, shrink)


@twists("CC-TASK-009")
async def hide_a_partial_failure(request: Request, forward: Forward) -> Answer:
    """An array of which some tasks succeeded has succeeded."""

    def succeed(job: Job) -> None:
        if job["state"] == "failed" and job.get("task_counts", {}).get("succeeded"):
            job["state"] = "succeeded"
            job.pop("reason", None)
            for entry in job.get("history", [])[-1:]:
                entry["state"] = "succeeded"
                entry.pop("reason", None)

    return await with_jobs(request, forward, succeed)


@twists("CC-TASK-009")
async def fail_with_the_first_failure(request: Request, forward: Forward) -> Answer:
    """An array job is failed as soon as one of its tasks is."""

    def fail(job: Job) -> None:
        if job["state"] == "running" and job.get("task_counts", {}).get("failed"):
            job.update(state="failed", reason={"code": "exit-nonzero"})
            if "history" in job:
                job["history"].append({**job["history"][-1], "state": "failed"})

    return await with_jobs(request, forward, fail)


@twists("CC-TASK-009")
async def give_the_reason_of_the_last_failure(request: Request, forward: Forward) -> Answer:
    """The reason of an array job is that of the failed task with the highest index."""
    answer, tasks = await _with_tasks_known(request, forward)
    failed = [task for task in tasks if task["state"] == "failed"]
    if failed and answer.json()["state"] == "failed" and "task_counts" in answer.json():
        return answer.edited(lambda job: job.update(reason=failed[-1]["reason"]))
    return answer


@twists("CC-TASK-009")
async def put_cancelling_before_failing(request: Request, forward: Forward) -> Answer:
    """An array of which one task failed and others were cancelled is cancelled."""

    def cancel(job: Job) -> None:
        if job["state"] == "failed" and job.get("task_counts", {}).get("cancelled"):
            job.update(state="cancelled", reason={"code": "cancelled-by-user"})
            for entry in job.get("history", [])[-1:]:
                entry.update(state="cancelled", reason={"code": "cancelled-by-user"})

    return await with_jobs(request, forward, cancel)


@twists("CC-TASK-009")
async def end_before_the_last_task(request: Request, forward: Forward) -> Answer:
    """When an array job is terminal, its last task is still listed as running."""

    def run(task: Task) -> None:
        looks = request.memory.setdefault(f"{request.segments[1]} {task['index']}", 0)
        request.memory[f"{request.segments[1]} {task['index']}"] = looks + 1
        if task["index"] and not looks and task["state"] in TERMINAL:
            task["state"] = "running"
            for name in ("reason", "exit_code", "signal", "finished_at"):
                task.pop(name, None)

    return await with_entries(request, forward, "tasks", run)


@twists("CC-TASK-011")
async def show_the_exit_code_of_a_task(request: Request, forward: Forward) -> Answer:
    """An array job shows the exit code of its task 0."""
    answer, tasks = await _with_tasks_known(request, forward)
    if len(tasks) > 1 and answer.json()["state"] in TERMINAL and "exit_code" in tasks[0]:
        return answer.edited(lambda job: job.update(exit_code=tasks[0]["exit_code"]))
    return answer


@twists("CC-TASK-011")
async def start_with_the_latest_task(request: Request, forward: Forward) -> Answer:
    """`started_at` of an array job is the latest of its tasks'."""
    answer, tasks = await _with_tasks_known(request, forward)
    started = [task["started_at"] for task in tasks if "started_at" in task]
    return answer.edited(lambda job: job.update(started_at=max(started))) if len(started) > 1 else answer


@twists("CC-TASK-011")
async def finish_with_the_first_to_end(request: Request, forward: Forward) -> Answer:
    """`finished_at` of an array job is the earliest of its tasks'."""
    answer, tasks = await _with_tasks_known(request, forward)
    finished = [task["finished_at"] for task in tasks if "finished_at" in task]
    if len(finished) > 1 and answer.json()["state"] in TERMINAL:
        return answer.edited(lambda job: job.update(finished_at=min(finished)))
    return answer


@twists("CC-TASK-011")
async def count_failures_as_attempts(request: Request, forward: Forward) -> Answer:
    """The attempt of an array job rises with every task that failed."""
    return await with_jobs(
        request,
        forward,
        lambda job: job.update(attempt=1 + job.get("task_counts", {}).get("failed", 0)),
    )


@twists("CC-TASK-012")
async def show_the_native_record_of_a_task(request: Request, forward: Forward) -> Answer:
    """An array job shows `native` of its task 0."""
    answer, tasks = await _with_tasks_known(request, forward)
    if len(tasks) > 1 and "native" in tasks[0]:
        return answer.edited(lambda job: job.update(native=tasks[0]["native"]))
    return answer


@twists("CC-TASK-012")
async def show_the_native_state_of_most(request: Request, forward: Forward) -> Answer:
    """An array job shows the native state in which its tasks agree, though they differ in their ids."""
    answer, tasks = await _with_tasks_known(request, forward)
    states = {task.get("native", {}).get("state") for task in tasks}
    if len(tasks) > 1 and len(states) == 1 and None not in states:
        return answer.edited(lambda job: job.update(native={"state": next(iter(states))}))
    return answer
