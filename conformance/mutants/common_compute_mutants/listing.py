"""Get the list of jobs wrong: its order, its pages, its filters, what it shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import all_jobs, ask_for_job, edit_jobs

Job = dict[str, Any]
FILTERS = ("state", "facility_id", "label", "created_after", "updated_after")
USUAL_SIZE = 100


def _is_list(request: Request) -> bool:
    return request.is_call("GET", "jobs")


async def _listed(request: Request, forward: Forward, edit: Callable[[Job], object]) -> Answer:
    """Change each job of the list."""
    answer = await forward(request)
    return edit_jobs(answer, edit) if _is_list(request) else answer


async def _ordered(request: Request, forward: Forward, key: Callable[[Job], Any]) -> Answer:
    """Order the whole list by a key and cut it into pages, whose tokens are numbers."""
    page_token = request.parameter("page_token") or "0"
    if not page_token.isdecimal():
        return await forward(request)
    answer = await forward(request.without_parameter("page_token"))
    if answer.status != 200:
        return answer
    jobs = sorted(await all_jobs(request, forward, *FILTERS), key=key)
    return page_of(answer, jobs, int(page_token), int(request.parameter("page_size") or USUAL_SIZE))


def page_of(answer: Answer, jobs: list[Job], start: int, size: int) -> Answer:
    """Answer with the jobs from `start` on, whose number is the page's token."""
    page: dict[str, Any] = {"jobs": jobs[start : start + size]}
    if len(jobs) > start + size:
        page["next_page_token"] = str(start + size)
    return answer.with_json(page)


@twists("CC-JOB-042")
async def list_the_oldest_first(request: Request, forward: Forward) -> Answer:
    """list_jobs gives the oldest job first."""
    if _is_list(request):
        return await _ordered(request, forward, lambda job: job["created_at"])
    return await forward(request)


@twists("CC-JOB-042")
async def list_what_moved_last_first(request: Request, forward: Forward) -> Answer:
    """list_jobs gives first what changed last."""
    if _is_list(request):
        newest = datetime.max.replace(tzinfo=None)

        def age(job: Job) -> timedelta:
            return newest - datetime.fromisoformat(job["updated_at"]).replace(tzinfo=None)

        return await _ordered(request, forward, age)
    return await forward(request)


@twists("CC-JOB-042")
async def reverse_each_page(request: Request, forward: Forward) -> Answer:
    """Within a page the oldest job comes first."""
    answer = await forward(request)
    return (
        answer.edited(lambda page: page["jobs"].reverse())
        if _is_list(request) and answer.status == 200
        else answer
    )


@twists("CC-JOB-042")
async def list_jobs_with_their_history(request: Request, forward: Forward) -> Answer:
    """list_jobs shows the `history` of each job."""
    answer = await forward(request)
    if _is_list(request) and answer.status == 200:
        page = answer.json()
        for job in page["jobs"]:
            whole = await ask_for_job(request, forward, job["id"])
            job["history"] = whole["history"] if whole else []
        return answer.with_json(page)
    return answer


@twists("CC-JOB-042")
async def list_jobs_with_their_spec(request: Request, forward: Forward) -> Answer:
    """list_jobs shows the `spec` of each job."""
    answer = await forward(request)
    if _is_list(request) and answer.status == 200:
        page = answer.json()
        for job in page["jobs"]:
            whole = await ask_for_job(request, forward, job["id"])
            job["spec"] = whole["spec"] if whole else {}
        return answer.with_json(page)
    return answer


@twists("CC-JOB-042")
async def list_no_exit_codes(request: Request, forward: Forward) -> Answer:
    """list_jobs leaves out the exit codes, which get_job gives."""
    return await _listed(request, forward, lambda job: job.pop("exit_code", None))


@twists("CC-JOB-042")
async def list_no_reasons_in_words(request: Request, forward: Forward) -> Answer:
    """list_jobs leaves out what the facility says in its own words."""
    return await _listed(request, forward, lambda job: job.get("native", {}).pop("detail", None))


@twists("CC-JOB-042")
async def list_no_task_counts(request: Request, forward: Forward) -> Answer:
    """list_jobs leaves out `task_counts`, which get_job gives."""
    return await _listed(request, forward, lambda job: job.pop("task_counts", None))


@twists("CC-JOB-043")
async def count_pages_by_offset(request: Request, forward: Forward) -> Answer:
    """A page token is a number of jobs, so that what arrives meanwhile shifts the pages."""
    if _is_list(request):
        return await _ordered(request, forward, lambda _: 0)
    return await forward(request)


@twists("CC-JOB-043")
async def go_on_after_the_hour(request: Request, forward: Forward) -> Answer:
    """A page begins with what is older than the hour in which the last job of the page before was made."""
    return await _after(request, forward, lambda job: job["created_at"].partition(":")[0])


@twists("CC-JOB-043")
async def forget_a_last_page_of_one(request: Request, forward: Forward) -> Answer:
    """A page after which one job is left has no `next_page_token`."""
    answer = await forward(request)
    if _is_list(request) and answer.status == 200 and "next_page_token" in answer.json():
        page_token = answer.json()["next_page_token"]
        rest = (await forward(request.with_parameter("page_token", page_token))).json()
        if len(rest["jobs"]) == 1:
            return answer.edited(lambda page: page.pop("next_page_token"))
    return answer


async def _after(request: Request, forward: Forward, key: Callable[[Job], str]) -> Answer:
    """Cut the list into pages whose tokens say behind which key to go on."""
    page_token = request.parameter("page_token") or ""
    if not _is_list(request) or (page_token and not page_token.startswith("before")):
        return await forward(request)
    answer = await forward(request.without_parameter("page_token"))
    if answer.status != 200:
        return answer
    size = int(request.parameter("page_size") or USUAL_SIZE)
    before = page_token.removeprefix("before")
    jobs = [job for job in await all_jobs(request, forward, *FILTERS) if not before or key(job) < before]
    page: dict[str, Any] = {"jobs": jobs[:size]}
    if len(jobs) > size:
        page["next_page_token"] = f"before{key(jobs[size - 1])}"
    return answer.with_json(page)
