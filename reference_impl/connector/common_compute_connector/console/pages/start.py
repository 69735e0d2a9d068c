"""The console's first page: the facilities, and the latest jobs."""

from __future__ import annotations

from common_compute_connector.console.pages.jobs import FEW, job_list
from common_compute_connector.console.refusals import demanded
from common_compute_connector.console.visit import Reply, Visit, led_to


async def show_start(visit: Visit) -> Reply:
    """Show the facilities with what they can do, and the jobs that came last."""
    facilities = demanded(await visit.api.get("facilities")).document["facilities"]
    return visit.page(
        "start.html",
        facilities=facilities,
        part=await job_list(visit, FEW),
        done=visit.asked("done"),
    )


async def lead_to_start(visit: Visit) -> Reply:  # noqa: ARG001
    """Lead whoever types the console's own name to its first page."""
    return led_to("/")
