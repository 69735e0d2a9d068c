"""Get the list of tasks wrong: which there are, their order, their states."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import with_entries, with_jobs

Job = dict[str, Any]
_STATES = ("pending", "queued", "running", "succeeded", "failed", "cancelled")


@twists("CC-TASK-001")
async def count_the_only_task(request: Request, forward: Forward) -> Answer:
    """A job that is no array carries `task_counts`."""

    def count(job: Job) -> None:
        counts = dict.fromkeys(_STATES, 0) | {"total": 1, job["state"]: 1}
        job.setdefault("task_counts", counts)

    return await with_jobs(request, forward, count)


@twists("CC-TASK-001")
async def have_no_task(request: Request, forward: Forward) -> Answer:
    """list_tasks of a job that is no array gives nothing."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "tasks") and answer.status == 200:
        job = (await forward(replace(request, path=f"/jobs/{request.segments[1]}", query=()))).json()
        return answer if "task_counts" in job else answer.with_json({"tasks": []})
    return answer


@twists("CC-TASK-001")
async def give_the_only_task_the_index_one(request: Request, forward: Forward) -> Answer:
    """The one task of a job that is no array has the index 1."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "tasks") and answer.status == 200:
        job = (await forward(replace(request, path=f"/jobs/{request.segments[1]}", query=()))).json()
        if "task_counts" not in job:
            return answer.edited(lambda page: [task.update(index=1) for task in page["tasks"]])
    return answer


@twists("CC-TASK-002")
async def list_tasks_from_one(request: Request, forward: Forward) -> Answer:
    """The tasks of an array have the indices 1 to N."""
    return await with_entries(request, forward, "tasks", lambda task: task.update(index=task["index"] + 1))


@twists("CC-TASK-002")
async def lose_the_last_task(request: Request, forward: Forward) -> Answer:
    """list_tasks of an array does not give the last task."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "tasks") and answer.status == 200:
        page = answer.json()
        if len(page["tasks"]) > 1 and "next_page_token" not in page:
            page["tasks"].pop()
        return answer.with_json(page)
    return answer


@twists("CC-TASK-002")
async def list_a_task_for_the_array(request: Request, forward: Forward) -> Answer:
    """list_tasks of an array gives one task more, which stands for the whole array."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "tasks") and answer.status == 200:
        page = answer.json()
        if len(page["tasks"]) > 1 and "next_page_token" not in page:
            page["tasks"].append({**page["tasks"][-1], "index": len(page["tasks"])})
        return answer.with_json(page)
    return answer


@twists("CC-TASK-007")
async def list_the_last_task_first(request: Request, forward: Forward) -> Answer:
    """list_tasks gives the highest index first."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "tasks") and answer.status == 200:
        return answer.edited(lambda page: page["tasks"].reverse())
    return answer


@twists("CC-TASK-007")
async def list_tasks_as_words(request: Request, forward: Forward) -> Answer:
    """list_tasks orders the indices as texts: 10 comes before 2."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "tasks") and answer.status == 200:
        return answer.edited(lambda page: page["tasks"].sort(key=lambda task: str(task["index"])))
    return answer


@twists("CC-TASK-007")
async def list_tasks_in_any_state(request: Request, forward: Forward) -> Answer:
    """`state=` of list_tasks is ignored."""
    is_list = request.is_call("GET", "jobs", "*", "tasks")
    return await forward(request.without_parameter("state") if is_list else request)


@twists("CC-TASK-007")
async def list_tasks_in_the_last_state(request: Request, forward: Forward) -> Answer:
    """Of a repeated `state=` of list_tasks the last counts."""
    states = [value for name, value in request.query if name == "state"]
    if request.is_call("GET", "jobs", "*", "tasks") and states:
        return await forward(request.with_parameter("state", states[-1]))
    return await forward(request)
