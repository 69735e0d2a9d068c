"""One facility: what it can do, within which limits, and what a caller has to set up there."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from common_compute_connector.console.pages.credentials import MEMBERS
from common_compute_connector.console.refusals import demanded
from common_compute_connector.console.visit import Reply, Visit, problem_of

_SOFTWARE_SHOWN = 100


async def show_facility(visit: Visit) -> Reply:
    """Show a facility's document, its catalogue, and the state of the caller's credential."""
    facility_id = visit.ids["facility_id"]
    facility = demanded(await visit.api.get("facilities", facility_id)).document
    catalogue: dict[str, Any] = {"software": []}
    if "software" in facility["conforms_to"]:
        query = [("page_token", visit.asked("page_token"))] if visit.asked("page_token") else []
        catalogue = demanded(
            await visit.api.get(
                "facilities", facility_id, "software", query=[("page_size", _SOFTWARE_SHOWN), *query]
            )
        ).document
    credential, credential_problem = None, None
    if "credentials" in facility["conforms_to"]:
        answer = await visit.api.get("facilities", facility_id, "credential")
        credential = answer.document if answer.fine else None
        credential_problem = problem_of(answer)
    token = catalogue.get("next_page_token")
    address = f"/console/facilities/{quote(facility_id)}"
    return visit.page(
        "facility.html",
        facility=facility,
        software=catalogue["software"],
        next_url=None if token is None else f"{address}?{urlencode({'page_token': token})}#software",
        credential=credential,
        credential_problem=credential_problem,
        credential_members=MEMBERS,
        done=visit.asked("done"),
    )
