"""The tasks of an array job, by pages, which keep themselves up to date while one of them is not over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from common_compute_connector import contract
from common_compute_connector.console.pages.jobs import job_states
from common_compute_connector.console.refusals import demanded
from common_compute_connector.console.visit import UNCHANGED, Reply, Visit, digest_of

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class TaskPart:
    """A page of tasks, and how to ask for it anew."""

    job_id: str
    tasks: list[dict[str, Any]]
    live_url: str | None
    next_url: str | None
    digest: str


async def show_tasks(visit: Visit) -> Reply:
    """Show a page of an array job's tasks."""
    return visit.page(
        "tasks.html",
        part=await _task_part(visit),
        states=job_states(),
        state=visit.asked("state"),
        is_first=not visit.asked("page_token"),
    )


async def renew_tasks(visit: Visit) -> Reply:
    """Give the tasks alone, if they are others than the page shows."""
    part = await _task_part(visit)
    if visit.has_seen(part.digest):
        return UNCHANGED
    return visit.page("part_tasks.html", part=part)


async def _task_part(visit: Visit) -> TaskPart:
    job_id = visit.ids["job_id"]
    asked = [(name, visit.asked(name)) for name in ("state", "page_token") if visit.asked(name)]
    job = demanded(await visit.api.get("jobs", job_id)).document
    found = demanded(
        await visit.api.get("jobs", job_id, "tasks", query=[("page_size", _SHOWN), *asked])
    ).document
    is_over = job["state"] in contract.terminal_states()
    digest = digest_of([{**task, "observed_at": ""} for task in found["tasks"]], is_over)
    live = f"/console/live/jobs/{quote(job_id)}/tasks?" + urlencode([*asked, ("seen", digest)])
    token = found.get("next_page_token")
    onward = [*((name, value) for name, value in asked if name != "page_token"), ("page_token", token)]
    return TaskPart(
        job_id=job_id,
        tasks=found["tasks"],
        live_url=None if is_over else live,
        next_url=None if token is None else f"/console/jobs/{quote(job_id)}/tasks?{urlencode(onward)}",
        digest=digest,
    )
