"""What the handlers work with: the parts of one running service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from common_compute_connector.access import Access
from common_compute_connector.admission import Offer
from common_compute_connector.clock import Clock
from common_compute_connector.configuration import ServiceLimits, ServiceSettings
from common_compute_connector.dispatcher import Dispatcher
from common_compute_connector.documents import is_stale
from common_compute_connector.facilities import Facilities
from common_compute_connector.paging import Pages
from common_compute_connector.store import Store
from common_compute_connector.store.job_records import JobRecord

VERSION = version("common-compute")

_STALE_AFTER_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Service:
    """The store, the facilities and the loop between them, and who may ask for what."""

    settings: ServiceSettings
    limits: ServiceLimits
    access: Access
    store: Store
    facilities: Facilities
    dispatcher: Dispatcher
    clock: Clock
    pages: Pages = field(init=False)

    def __post_init__(self) -> None:
        """Make what follows from the parts."""
        object.__setattr__(self, "pages", Pages(self.store.secret))

    @property
    def is_open(self) -> bool:
        """Tell whether every caller is the same anonymous one."""
        return bool(self.access.description["kind"] == "none")

    @property
    def classes(self) -> Sequence[str]:
        """The service's conformance classes."""
        return ["core", "watch", "validation"] + ([] if self.is_open else ["access"])

    def facility_classes(self, facility_id: str) -> Sequence[str]:
        """The conformance classes that a facility claims towards callers; none of one that is gone."""
        known = self.facilities.get(facility_id)
        claimed = known.classes if known is not None else ()
        # Credentials belong to callers, and here is only the one whom everybody shares.
        return [name for name in claimed if name != "credentials"] if self.is_open else claimed

    def offer(self, facility_id: str) -> Offer | None:
        """Give what a facility offers to jobs."""
        known = self.facilities.get(facility_id)
        return None if known is None else Offer(known.description, known.software)

    def stale_after(self, facility_id: str) -> int:
        """Give the seconds without news after which a job of that facility is stale."""
        known = self.facilities.get(facility_id)
        return int(known.limits["stale_after_seconds"]) if known is not None else _STALE_AFTER_SECONDS

    def is_stale(self, record: JobRecord) -> bool:
        """Tell whether a job is stale now."""
        return is_stale(record, self.stale_after(record.facility_id), self.clock.now())
