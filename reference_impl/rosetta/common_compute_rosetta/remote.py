"""The connector `ssh`: a facility on another machine, in the accounts of its callers or in one for all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import Document, Enrolment, FacilityConfiguration, Ground, Pace
from common_compute_rosetta import describe, slurm_describe
from common_compute_rosetta.accounts import NoLogin
from common_compute_rosetta.by_account import ByAccount
from common_compute_rosetta.connector import PlainHost
from common_compute_rosetta.findings import Findings
from common_compute_rosetta.keys import PRIVATE_KEY_WANTED, is_private_key
from common_compute_rosetta.slurm_host import SETTLE_SECONDS, SlurmHost
from common_compute_rosetta.ssh import Login, SshTransport
from common_compute_rosetta.ssh_configuration import Reach, read_reach

_OBSERVE_EVERY_SECONDS = 0.5

_INSTRUCTIONS = {
    "service": "Nothing is needed: jobs run in an account of the platform's.",
    "user": (
        "Name your account there: you get a public key, and the line with it that belongs into the file "
        "~/.ssh/authorized_keys of that account."
    ),
}


def open_connector(configuration: FacilityConfiguration, ground: Ground) -> RemoteFacility:
    """Make the connector of a facility that is reached over SSH.

    Raises:
        ConfigurationError: the settings are wrong; every fault is told.
    """
    return RemoteFacility(read_reach(configuration, ground.enrolments, ground.clock), ground)


class RemoteFacility(ByAccount):
    """A facility over SSH, described by what the accounts that were used so far have found there."""

    def __init__(self, reach: Reach, ground: Ground) -> None:
        self._settings = settings = reach.settings
        self._machine = reach.machine
        kind = PlainHost if settings.slurm is None else SlurmHost

        def open_host(login: Login) -> PlainHost | SlurmHost:
            transport = SshTransport(login, ground.clock)
            return kind(settings, transport, ground.clock, ground.service_id, bound_to_host=False)

        if settings.slurm is None:
            pace, most = Pace(10, _OBSERVE_EVERY_SECONDS), PlainHost.max_tasks_per_part
        else:
            pace = Pace(SETTLE_SECONDS, settings.slurm.observe_every_seconds)
            most = settings.slurm.max_tasks_per_part
        super().__init__(settings.id, pace, most, reach.accounts, open_host)

    async def describe(self) -> Document:
        """Give the facility document; the first account that reaches the machine fills it."""
        await self._reach_out()
        found = self._undescribed()
        for host in self.hosts:
            before, found = found, await host.describe()
            if "status" not in found:
                break
            if _state(before) == "degraded":
                # It is there, which is more than can be said of one that does not answer.
                found = before
        return {**found, **self._of_credentials(found)}

    def look_through(self, account: str, private_key: str) -> None:
        """Let an account of the administrator's tell what is there, before any caller's; it runs no jobs.

        Raises:
            ConfigurationError: its key cannot be used.
        """
        if not is_private_key(private_key):
            raise ConfigurationError([f"The private key of {account} must be {PRIVATE_KEY_WANTED}."])
        login = self._machine.login(account, private_key)
        self._hosts[login] = self._open_host(login)

    def findings(self) -> Findings | None:
        """Tell what the first account that reached the machine has found there."""
        return next((found for host in self.hosts if (found := host.findings()) is not None), None)

    async def list_software(self) -> Sequence[Document]:
        """Give the catalogue."""
        return describe.software_documents(self._settings.software)

    async def check_enrolment(self, owner: str, held: Enrolment | None) -> Enrolment:
        """Tell the credential's state; with the first one that works, the machine can be asked what it is."""
        seen = await super().check_enrolment(owner, held)
        if seen.document["state"] == "valid":
            # The caller may have withdrawn it while it was tried.
            with suppress(NoLogin):
                await self.host_of(owner)
        return seen

    def _undescribed(self) -> Document:
        if self._settings.slurm is None:
            return describe.facility_document(self._settings, None)
        return slurm_describe.facility_document(self._settings, None, None)

    async def _reach_out(self) -> None:
        """Log in once where everybody has the same account: nobody has to come first."""
        if self.delegation == "service":
            await self.host_of("")

    def _of_credentials(self, document: Document) -> dict[str, Any]:
        classes = [*document["conforms_to"], *(["credentials"] if self.delegation == "user" else [])]
        codes = [*document["reason_codes"], *(["credential-rejected"] if self.delegation == "user" else [])]
        kind = "ssh_key" if self.delegation == "user" else "none"
        return {
            "conforms_to": classes,
            "reason_codes": codes,
            "credential": {
                "kind": kind,
                "delegation": self.delegation,
                "instructions": _INSTRUCTIONS[self.delegation],
            },
        }


def _state(document: Document) -> str | None:
    status: Document = document.get("status", {})
    return status.get("state")
