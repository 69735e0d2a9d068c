"""Look at facilities as their connectors find them, before anything is served: no store, no server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from common_compute_cli.errors import WrongUsage
from common_compute_cli.wire import Document
from common_compute_connector.assembly import open_connectors
from common_compute_connector.clock import Clock
from common_compute_connector.configuration import Configuration
from common_compute_connector.errors import ConfigurationError, FacilityUnavailable
from common_compute_connector.facilities import Facilities, KnownFacility
from common_compute_connector.protocol import Connector, Enrolments


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """An account of the administrator's at a facility, with the text of its private key."""

    name: str
    private_key: str


@dataclass(frozen=True, slots=True)
class Look:
    """A facility: its document as it would be served, what was found there, notes and faults in words."""

    facility: Document
    software: Sequence[Document]
    found: Document
    notes: Sequence[str]
    faults: Sequence[str]

    @property
    def document(self) -> dict[str, Any]:
        """All of it for programs."""
        return {
            "facility": {**self.facility, "software": list(self.software)},
            "found": self.found,
            "notes": list(self.notes),
            "faults": list(self.faults),
        }


class _Findings(Protocol):
    found: Document
    notes: Sequence[str]
    faults: Sequence[str]


@runtime_checkable
class _Examined(Protocol):
    """A connector that remembers what it found."""

    def findings(self) -> _Findings | None:
        """Tell it; None before anything was found."""


@runtime_checkable
class _ByAccount(Protocol):
    """A connector that can log in with an account that is no caller's."""

    @property
    def delegation(self) -> str:
        """`user` where each caller has an account of their own."""

    def look_through(self, account: str, private_key: str) -> None:
        """Use this account to look."""


class _NobodyEnrolled:
    async def enrolment(self, owner: str) -> None:
        del owner


def _nobody(facility_id: str) -> Enrolments:
    del facility_id
    return _NobodyEnrolled()


def look(configuration: Configuration, clock: Clock, account: OwnAccount | None) -> list[Look]:
    """Look at every facility of a configuration, all at the same time.

    Raises:
        ConfigurationError: connectors cannot be made out of it.
        WrongUsage: an account was given for a facility that has its own, or with a key of no use.
    """
    connectors = open_connectors(configuration, clock, _nobody)
    if account is not None:
        for connector in connectors:
            if not isinstance(connector, _ByAccount) or connector.delegation != "user":
                raise WrongUsage(
                    f"The jobs of {connector.facility_id} do not run in accounts of its callers: "
                    "leave --account out, or name another --facility."
                )
            try:
                connector.look_through(account.name, account.private_key)
            except ConfigurationError as error:
                raise WrongUsage("\n".join(error.faults)) from error
    return asyncio.run(_look_at_all(connectors, clock))


async def _look_at_all(connectors: Sequence[Connector], clock: Clock) -> list[Look]:
    facilities = Facilities(connectors, clock)
    try:
        return await asyncio.gather(*(_look(facilities, known, clock) for known in facilities))
    finally:
        await facilities.close()


async def _look(facilities: Facilities, known: KnownFacility, clock: Clock) -> Look:
    try:
        await facilities.refresh(known)
    except FacilityUnavailable as error:
        known.failed(error.detail)
    findings = known.connector.findings() if isinstance(known.connector, _Examined) else None
    if findings is not None:
        known.answered(clock.now())
    facility = known.document
    faults = list(findings.faults) if findings is not None else []
    status = facility["status"]
    if status["state"] not in ("available", "unknown"):
        faults.insert(
            0, f"It is {status['state']}: {status.get('message', 'its connector does not say why')}"
        )
    elif findings is None and isinstance(known.connector, _ByAccount):
        faults.insert(
            0,
            "It was not looked at: jobs run there in the accounts of callers, and none is known here. Name "
            "an account of your own with --account NAME --key-file FILE.",
        )
    return Look(
        facility,
        [dict(each) for each in known.software],
        findings.found if findings is not None else {},
        findings.notes if findings is not None else (),
        faults,
    )
