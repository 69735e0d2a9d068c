"""The facilities of this process: each connector with what it last said of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common_compute_connector.clock import Clock
from common_compute_connector.documents import timestamp
from common_compute_connector.protocol import Connector, Document, Enrolment
from common_compute_connector.store import Store
from common_compute_connector.store.enrolments import find_enrolment


@dataclass(slots=True)
class KnownFacility:
    """A connector, its document and catalogue, and when it last answered or failed to."""

    connector: Connector
    description: dict[str, Any] = field(default_factory=dict)
    software: Sequence[Document] = ()
    described_at: datetime | None = None
    answered_at: datetime | None = None
    trouble: str | None = None

    @property
    def id(self) -> str:
        """The facility's id."""
        return self.connector.facility_id

    @property
    def document(self) -> dict[str, Any]:
        """The facility document of the contract, with its status."""
        return {"status": self._status()} | self.description

    @property
    def classes(self) -> Sequence[str]:
        """The conformance classes that the facility claims."""
        claimed: Sequence[str] = self.description.get("conforms_to", ())
        return claimed

    @property
    def limits(self) -> dict[str, Any]:
        """The facility's limits."""
        limits: dict[str, Any] = self.description.get("limits", {})
        return limits

    def answered(self, at: datetime) -> None:
        """Note that the facility answered."""
        self.answered_at = at
        self.trouble = None

    def failed(self, detail: str) -> None:
        """Note that the facility could not be reached."""
        self.trouble = detail

    def _status(self) -> dict[str, Any]:
        observed = {"observed_at": timestamp(self.answered_at)} if self.answered_at else {}
        if self.trouble is not None:
            return {"state": "unavailable", "message": self.trouble} | observed
        return {"state": "available" if self.answered_at else "unknown"} | observed


class Facilities:
    """All facilities that this service offers, in the configuration's order."""

    def __init__(self, connectors: Sequence[Connector], clock: Clock) -> None:
        self._known = {connector.facility_id: KnownFacility(connector) for connector in connectors}
        self._clock = clock

    def __iter__(self) -> Iterator[KnownFacility]:
        """Go through the facilities."""
        return iter(self._known.values())

    def get(self, facility_id: str) -> KnownFacility | None:
        """Give a facility by its id."""
        return self._known.get(facility_id)

    async def describe(self) -> None:
        """Ask every connector for its document and catalogue; to be done before anything is served."""
        for known in self:
            await self.refresh(known)

    async def refresh(self, known: KnownFacility) -> None:
        """Ask one connector again."""
        known.description = dict(await known.connector.describe())
        known.software = list(await known.connector.list_software())
        known.described_at = self._clock.now()

    async def close(self) -> None:
        """Close every connector."""
        for known in self:
            await known.connector.close()


class StoredEnrolments:
    """The enrolments of one facility, for its connector."""

    def __init__(self, store: Store, facility_id: str) -> None:
        self._store = store
        self._facility_id = facility_id

    async def enrolment(self, owner: str) -> Enrolment | None:
        """Give a caller's enrolment, or None."""
        return await self._store.read(lambda held: find_enrolment(held, owner, self._facility_id))
