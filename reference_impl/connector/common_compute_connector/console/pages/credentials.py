"""What a caller has to set up at a facility before it takes jobs from there."""

from __future__ import annotations

from urllib.parse import quote

import orjson

from common_compute_connector.console.refusals import demanded
from common_compute_connector.console.visit import Reply, Visit, led_to

MEMBERS = ("account", "subject", "group")
"""What a caller may say of a credential; what is secret in it is none of this."""


async def set_up(visit: Visit) -> Reply:
    """Begin to set up a credential, or say more of it."""
    said = {name: text for name in MEMBERS if (text := visit.form.get(name, "").strip())}
    facility_id = visit.ids["facility_id"]
    demanded(await visit.api.put("facilities", facility_id, "credential", body=orjson.dumps(said)))
    return led_to(f"/console/facilities/{quote(facility_id)}?done=credential#credential")


async def ask_to_remove(visit: Visit) -> Reply:
    """Ask whether a credential shall be removed."""
    facility_id = visit.ids["facility_id"]
    facility = demanded(await visit.api.get("facilities", facility_id)).document
    return visit.page("confirm_credential.html", facility=facility)


async def remove(visit: Visit) -> Reply:
    """Remove a credential."""
    facility_id = visit.ids["facility_id"]
    demanded(await visit.api.delete("facilities", facility_id, "credential"))
    return led_to(f"/console/facilities/{quote(facility_id)}?done=credential-gone#credential")
