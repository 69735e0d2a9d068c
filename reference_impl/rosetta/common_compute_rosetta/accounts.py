"""As whom jobs run on another machine: the platform's one account, or each caller's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from common_compute_connector.clock import Clock
from common_compute_connector.documents import timestamp
from common_compute_connector.errors import EnrolmentNotSupported, Fault, Faulty
from common_compute_connector.protocol import Document, Enrolment, Enrolments
from common_compute_rosetta.keys import Cabinet, SealBroken
from common_compute_rosetta.ssh import KeyRefused, Login, SshTransport
from common_compute_rosetta.transport import HostUnreachable

ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.@-]{0,63}")
"""useradd(8) takes fewer names, other directories have more; none begins like an option."""


class NoLogin(Exception):
    """The caller has no key with which anybody could log in for them; the message says why."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where to log in: the address, the pinned host key, and what a key may be used from."""

    host: str
    port: int
    host_key: str
    allowed_from: str | None = None

    def login(self, account: str, private_key: str) -> Login:
        """Give what is needed to log in."""
        return Login(self.host, self.port, account, self.host_key, private_key)


class Accounts(Protocol):
    """Who logs in for whom."""

    delegation: str
    """The word of the contract: `service` or `user`."""

    async def login(self, owner: str) -> Login:
        """Give the login for a caller's jobs.

        Raises:
            NoLogin: there is none.
        """

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:
        """Take the caller's side of a credential."""

    async def check(self, owner: str, held: Enrolment | None) -> Enrolment:
        """Tell the credential's state."""

    async def withdraw(self, held: Enrolment) -> None:
        """Forget what is remembered of an enrolment."""


class PlatformAccount:
    """One account with one key for everybody: the service keeps the callers apart."""

    delegation = "service"

    def __init__(self, facility_id: str, machine: Machine, account: str, private_key: str) -> None:
        self._facility_id = facility_id
        self._login = machine.login(account, private_key)

    async def login(self, owner: str) -> Login:  # noqa: ARG002
        """Give the one login."""
        return self._login

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:  # noqa: ARG002
        """Refuse: callers have nothing to arrange."""
        raise EnrolmentNotSupported(self._facility_id)

    async def check(self, owner: str, held: Enrolment | None) -> Enrolment:  # noqa: ARG002
        """Refuse: callers have nothing to arrange."""
        raise EnrolmentNotSupported(self._facility_id)

    async def withdraw(self, held: Enrolment) -> None:
        """Do nothing."""


class OwnAccounts:
    """Each caller's own account, opened by a pair of keys that is made for them here.

    What a key is worth is found out by trying to log in, at most once in `check_every_seconds` for each.
    """

    delegation = "user"

    def __init__(
        self,
        facility_id: str,
        machine: Machine,
        cabinet: Cabinet,
        enrolments: Enrolments,
        clock: Clock,
        check_every_seconds: float = 10.0,
    ) -> None:
        self._facility_id = facility_id
        self._machine = machine
        self._cabinet = cabinet
        self._enrolments = enrolments
        self._clock = clock
        self._every = timedelta(seconds=check_every_seconds)
        self._tried: dict[str, datetime] = {}

    async def login(self, owner: str) -> Login:
        """Open the caller's key."""
        held = await self._enrolments.enrolment(owner)
        if held is None:
            raise NoLogin("there is no key of this caller's")
        try:
            private_key = self._cabinet.open(held.sealed, self._subject(owner))
        except SealBroken as error:
            raise NoLogin(str(error)) from error
        return self._machine.login(str(held.document["account"]), private_key)

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:
        """Make a pair of keys; a repeat keeps what is there, whatever it names.

        Raises:
            Faulty: no account is named, or none that could be one.
        """
        if held is not None:
            return await self.check(owner, held)
        account = request.get("account")
        if account is None or ACCOUNT.fullmatch(account) is None:
            words = "Name your account on that machine, as you log in there."
            raise Faulty([Fault("invalid-request", words, pointer="/account")])
        self._tried.pop(owner, None)
        pair = self._cabinet.new_pair(self._subject(owner), f"common-compute-{self._facility_id}")
        names = {"account": account, "public_key": pair.public_line, "fingerprint": pair.fingerprint}
        return Enrolment(owner, self._document("awaiting_user", names), pair.sealed)

    async def check(self, owner: str, held: Enrolment | None) -> Enrolment:
        """Try to log in, if that was not done just now."""
        if held is None:
            return Enrolment(owner, self._document("missing", {}))
        now = self._clock.now()
        if owner in self._tried and now - self._tried[owner] < self._every:
            return held
        self._tried[owner] = now
        try:
            transport = SshTransport(await self.login(owner), self._clock)
            try:
                await transport.connect()
            finally:
                await transport.close()
            state = "valid"
        except KeyRefused:
            waits = held.document["state"] in ("awaiting_user", "missing")
            state = "awaiting_user" if waits else "rejected"
        except (NoLogin, SealBroken):
            state = "rejected"
        except HostUnreachable:
            return held  # nobody knows better than before
        names = {name: held.document[name] for name in _NAMES if name in held.document}
        return replace(held, document=self._document(state, names))

    async def withdraw(self, held: Enrolment) -> None:
        """Forget when it was tried."""
        self._tried.pop(held.owner, None)

    def _subject(self, owner: str) -> tuple[str, str]:
        return self._facility_id, owner

    def _document(self, state: str, names: Mapping[str, str]) -> dict[str, Any]:
        return {
            "kind": "ssh_key",
            "state": state,
            **names,
            "instructions": self._instructions(state, names),
            "observed_at": timestamp(self._clock.now()),
        }

    def _instructions(self, state: str, names: Mapping[str, str]) -> str:
        place = f"{self._machine.host}, port {self._machine.port}"
        if state == "missing":
            return f"Name your account on {place}: you get a public key for it."
        allowed = self._machine.allowed_from
        only = "restrict" if allowed is None else f'restrict,from="{allowed}"'
        line = f"{only} {names['public_key']}"
        how = f"the account {names['account']} on {place}: ~/.ssh/authorized_keys needs this line: {line}"
        return {
            "awaiting_user": f"Let this service into {how}",
            "valid": f"This service can use {how}",
        }.get(state, f"This service is not let in any more. Mend {how}")


_NAMES = ("account", "public_key", "fingerprint")
