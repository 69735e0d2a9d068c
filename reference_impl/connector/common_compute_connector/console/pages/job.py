"""One job: its state, what became of it, its logs and results, its specification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from common_compute_connector import contract
from common_compute_connector.console.api import ApiAnswer
from common_compute_connector.console.pages.logs import log_part
from common_compute_connector.console.refusals import demanded
from common_compute_connector.console.visit import UNCHANGED, Reply, Visit, digest_of, problem_of

_RESULTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class JobPart:
    """What of a job's page changes while the job goes on, and how to ask for it anew."""

    job: dict[str, Any]
    is_over: bool
    results: list[dict[str, Any]]
    has_more_results: bool
    results_problem: dict[str, Any] | None
    is_complete: bool
    live_url: str | None
    digest: str


async def show_job(visit: Visit) -> Reply:
    """Show a job with all that belongs to it."""
    part = await _job_part(visit)
    facility = await visit.api.get("facilities", part.job["facility_id"])
    return visit.page(
        "job.html",
        part=part,
        logs=await log_part(visit, part.job, facility),
        done=visit.asked("done"),
    )


async def renew_job(visit: Visit) -> Reply:
    """Give what of a job's page has changed."""
    part = await _job_part(visit)
    if visit.has_seen(part.digest):
        return UNCHANGED
    return visit.page("part_job.html", part=part, is_renewal=True)


async def renew_logs(visit: Visit) -> Reply:
    """Give the ends of a job's logs, if they have grown."""
    job = demanded(await visit.api.get("jobs", visit.ids["job_id"])).document
    logs = await log_part(visit, job, await visit.api.get("facilities", job["facility_id"]))
    if visit.has_seen(logs.digest):
        return UNCHANGED
    return visit.page("part_logs.html", logs=logs, job=job)


async def _job_part(visit: Visit) -> JobPart:
    job_id = visit.ids["job_id"]
    job = demanded(await visit.api.get("jobs", job_id)).document
    is_over = job["state"] in contract.terminal_states()
    answer: ApiAnswer | None = None
    if is_over:
        answer = await visit.api.get("jobs", job_id, "results", query=[("page_size", _RESULTS_SHOWN)])
    found: dict[str, Any] = {"results": [], "complete": True}
    if answer is not None and answer.fine:
        found = answer.document
    digest = digest_of({**job, "observed_at": ""}, found)
    return JobPart(
        job=job,
        is_over=is_over,
        results=found["results"],
        has_more_results="next_page_token" in found,
        results_problem=None if answer is None else problem_of(answer),
        is_complete=found["complete"],
        live_url=None if is_over else f"/console/live/jobs/{quote(job_id)}?" + urlencode({"seen": digest}),
        digest=digest,
    )
