"""The results of a job: all of them by pages, and each as a file."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from common_compute_connector.console.api import Download
from common_compute_connector.console.refusals import demanded
from common_compute_connector.console.visit import Reply, Visit

_SHOWN = 100


async def show_results(visit: Visit) -> Reply:
    """Show a page of a job's results."""
    job_id = visit.ids["job_id"]
    query = [(name, visit.asked(name)) for name in ("page_token",) if visit.asked(name)]
    found = demanded(
        await visit.api.get("jobs", job_id, "results", query=[("page_size", _SHOWN), *query])
    ).document
    token = found.get("next_page_token")
    address = f"/console/jobs/{quote(job_id)}/results"
    return visit.page(
        "results.html",
        job_id=job_id,
        results=found["results"],
        next_url=None if token is None else f"{address}?{urlencode({'page_token': token})}",
    )


async def download_result(visit: Visit) -> Download:
    """Give a result as a file, whatever it is."""
    return Download(["jobs", visit.ids["job_id"], "results", visit.ids["result_id"]], "result")
