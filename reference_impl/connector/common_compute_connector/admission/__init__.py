"""Judge a job specification before it is accepted: its form, and what its facility announces. Pure.

Where the form is at fault the sound parts are judged all the same, so that all faults are told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from common_compute_connector import schemas
from common_compute_connector.admission.demands import demand_faults
from common_compute_connector.admission.form import form_faults
from common_compute_connector.admission.offer import Offer
from common_compute_connector.admission.sound import sound_parts
from common_compute_connector.errors import Fault

__all__ = ["Offer", "judge", "schema_faults"]

_TASKS_LOOKED_AT = 1000


def schema_faults(spec: Any) -> list[Fault]:
    """Name what the contract's schema finds wrong; an empty list if the specification fits it."""
    return schemas.component("JobSpec").faults(spec)


def judge(spec: Any, found: Sequence[Fault], find_offer: Callable[[str], Offer | None]) -> list[Fault]:
    """Give all faults of a specification whose `schema_faults` are `found`, those included.

    Faults of form have the code `invalid-request`; the others name what the facility does not have, in the
    order of the contract's members. `find_offer` gives a facility's offer by its id.
    """
    if not isinstance(spec, dict):
        return list(found)
    sound = sound_parts(spec, found)
    offer = find_offer(sound.facility_id) if sound.facility_id is not None else None
    most = offer.limits["max_array_tasks"] if offer is not None else _TASKS_LOOKED_AT
    faults = [*found, *form_faults(sound, most)]
    if offer is not None:
        faults += demand_faults(sound, offer)
    elif sound.facility_id is not None:
        detail = "There is no such facility here; list_facilities names those that are."
        faults.append(Fault("unknown-facility", detail, pointer="/facility_id"))
    return faults
