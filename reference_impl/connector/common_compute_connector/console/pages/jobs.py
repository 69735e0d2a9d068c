"""The list of jobs, by pages and filters, which keeps itself up to date while one of them is not over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from common_compute_connector import contract
from common_compute_connector.console.refusals import demanded
from common_compute_connector.console.visit import UNCHANGED, Reply, Visit, digest_of

FEW, MANY = 10, 25
_GOING = "going"
"""The filter for all states that are not the end."""


@dataclass(frozen=True, slots=True)
class JobList:
    """A page of jobs, and how to ask for it anew."""

    jobs: list[dict[str, Any]]
    going: int
    """How many of them are not over."""
    live_url: str | None
    """Where the list is to be had again; None once nothing can change."""
    next_url: str | None
    digest: str


async def show_jobs(visit: Visit) -> Reply:
    """Show a page of the jobs that the filters let through."""
    facilities = demanded(await visit.api.get("facilities")).document["facilities"]
    return visit.page(
        "jobs.html",
        part=await job_list(visit, MANY),
        facilities=facilities,
        states=[_GOING, *job_states()],
        state=visit.asked("state"),
        facility_id=visit.asked("facility_id"),
        is_first=not visit.asked("page_token"),
    )


async def renew_jobs(visit: Visit) -> Reply:
    """Give the list alone, if it is another than the page shows."""
    part = await job_list(visit, FEW if visit.asked("few") else MANY)
    if visit.has_seen(part.digest):
        return UNCHANGED
    return visit.page("part_jobs.html", part=part, is_renewal=True)


async def job_list(visit: Visit, most: int) -> JobList:
    """Ask for the jobs that a page's query means.

    Raises:
        RefusedByApi: a filter or the place in the list is none that the API knows.
    """
    filters = [
        (name, visit.asked(name)) for name in ("state", "facility_id", "page_token") if visit.asked(name)
    ]
    query: list[tuple[str, str | int]] = [("page_size", most)]
    for name, value in filters:
        if (name, value) == ("state", _GOING):
            query += [("state", state) for state in job_states() if state not in contract.terminal_states()]
        else:
            query.append((name, value))
    found = demanded(await visit.api.get("jobs", query=query)).document
    jobs = found["jobs"]
    going = sum(job["state"] not in contract.terminal_states() for job in jobs)
    digest = digest_of([{**job, "observed_at": ""} for job in jobs])
    few = [("few", "1")] if most == FEW else []
    live = "/console/live/jobs?" + urlencode([*filters, *few, ("seen", digest)])
    token = found.get("next_page_token")
    onward = [(name, value) for name, value in filters if name != "page_token"]
    return JobList(
        jobs=jobs,
        going=going,
        live_url=live if going else None,
        next_url=None if token is None else "/console/jobs?" + urlencode([*onward, ("page_token", token)]),
        digest=digest,
    )


def job_states() -> list[str]:
    """Give the states of jobs and tasks, in the order of a life."""
    states: list[str] = contract.document()["components"]["schemas"]["JobState"]["enum"]
    return states
