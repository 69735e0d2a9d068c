"""Alter the jobs, tasks and results that answers show, and the times in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from common_compute_connector.documents import timestamp
from common_compute_mutants.exchange import Answer, Forward, Request

Edit = Callable[[dict[str, Any]], object]
TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
_MOST = "1000"


def is_submission(request: Request) -> bool:
    """Tell whether a request is a call of submit_job."""
    return request.is_call("POST", "jobs")


def is_about_one_job(request: Request) -> bool:
    """Tell whether the path names a job."""
    return request.segments[0] == "jobs" and len(request.segments) > 1 and request.segments[1] != "validate"


def gives_jobs(request: Request) -> bool:
    """Tell whether an operation answers with jobs: submit_job, list_jobs, get_job or cancel_job."""
    return request.goes_to("jobs") or request.goes_to("jobs", "*") or request.goes_to("jobs", "*", "cancel")


def edit_each(answer: Answer, member: str, edit: Edit) -> Answer:
    """Change each entry of a list in an answer; one that is no list is as it was."""
    return answer.edited(lambda document: [edit(each) for each in document.get(member, [])])


def edit_jobs(answer: Answer, edit: Edit) -> Answer:
    """Change each job in an answer that holds one job or a list of them."""

    def edit_all(document: Any) -> None:
        for job in document.get("jobs", [document]):
            if "state" in job:
                edit(job)

    return answer.edited(edit_all) if answer.status < 300 else answer


async def with_jobs(request: Request, forward: Forward, edit: Edit) -> Answer:
    """Answer as the right server does, but for what `edit` changes in each job, wherever it is shown."""
    answer = await forward(request)
    return edit_jobs(answer, edit) if gives_jobs(request) else answer


async def with_entries(request: Request, forward: Forward, noun: str, edit: Edit) -> Answer:
    """Answer as the right server does, but for what `edit` changes in each of a job's tasks or results."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", noun) and answer.status == 200:
        return edit_each(answer, noun, edit)
    return answer


async def ask_for_job(request: Request, forward: Forward, job_id: str | None = None) -> dict[str, Any] | None:
    """Give the job that a request is about, as its caller sees it now; None if there is none."""
    asked = replace(
        request, method="GET", path=f"/jobs/{job_id or request.segments[1]}", query=(), body=b""
    ).without_header("if-none-match")
    answer = await forward(asked.without_header("accept").without_header("range"))
    return answer.json() if answer.status == 200 else None


async def all_jobs(request: Request, forward: Forward, *kept: str) -> list[dict[str, Any]]:
    """Give all jobs of the caller as list_jobs does, under those of the request's filters that are named."""
    query = tuple(pair for pair in request.query if pair[0] in kept)
    jobs: list[dict[str, Any]] = []
    asked = replace(request, method="GET", path="/jobs", query=(*query, ("page_size", _MOST)), body=b"")
    while True:
        document = (await forward(asked)).json()
        jobs += document["jobs"]
        if "next_page_token" not in document:
            return jobs
        asked = asked.with_parameter("page_token", document["next_page_token"])


def without_body(answer: Answer, status: int) -> Answer:
    """Answer with a status and nothing else."""
    return replace(answer.without_header("content-type"), status=status, body=b"")


def moved(at: str, **by: float) -> str:
    """Give a time of the contract moved by what `timedelta` takes."""
    return timestamp(datetime.fromisoformat(at) + timedelta(**by))
