"""Cancel a job, or release it: asked once more before it is done."""

from __future__ import annotations

from urllib.parse import quote

from common_compute_connector.console.refusals import demanded
from common_compute_connector.console.visit import Reply, Visit, led_to


async def ask_to_cancel(visit: Visit) -> Reply:
    """Ask whether a job shall be cancelled."""
    return await _ask(visit, "cancel")


async def cancel(visit: Visit) -> Reply:
    """Cancel a job."""
    job_id = visit.ids["job_id"]
    demanded(await visit.api.post("jobs", job_id, "cancel"))
    return led_to(f"/console/jobs/{quote(job_id)}?done=cancel")


async def ask_to_release(visit: Visit) -> Reply:
    """Ask whether a job shall be released."""
    return await _ask(visit, "release")


async def release(visit: Visit) -> Reply:
    """Release a job, after which nothing of it is left."""
    demanded(await visit.api.delete("jobs", visit.ids["job_id"]))
    return led_to("/?done=release")


async def _ask(visit: Visit, verb: str) -> Reply:
    job = demanded(await visit.api.get("jobs", visit.ids["job_id"])).document
    return visit.page("confirm.html", job=job, verb=verb)
