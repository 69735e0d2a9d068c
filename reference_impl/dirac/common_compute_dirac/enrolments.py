"""As whom callers' jobs run in DIRAC: one user for all, or each caller as the user that they are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from common_compute_connector.clock import Clock
from common_compute_connector.documents import timestamp
from common_compute_connector.errors import EnrolmentNotSupported, Fault, Faulty
from common_compute_connector.protocol import Document, Enrolment, Enrolments
from common_compute_dirac.settings import Settings
from common_compute_dirac.worker import DiracRefused, DiracUnreachable, Identity, Worker

_LAST_MINUTES = timedelta(minutes=6)
"""So near to its end DIRAC gives no proxy of one that was uploaded (client.py)."""


class NoIdentity(Exception):
    """DIRAC has no user for this caller; the message says why."""


class Users(Protocol):
    """Whom DIRAC is told to take each caller for."""

    async def identity(self, owner: str) -> Identity | None:
        """Give a caller's identity; None is whoever the one proxy is of.

        Raises:
            NoIdentity: there is none.
        """

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:
        """Take the caller's side of a credential."""

    async def check(self, owner: str, held: Enrolment | None) -> Enrolment:
        """Tell the credential's state."""

    def forget(self, owner: str) -> None:
        """Forget when a caller's credential was last looked at."""


class OneUser:
    """One user of DIRAC's for everybody: the service keeps the callers apart."""

    def __init__(self, settings: Settings) -> None:
        self._id = settings.id
        subject = settings.delegation.subject
        self._identity = Identity(subject, settings.group) if subject else None

    async def identity(self, owner: str) -> Identity | None:  # noqa: ARG002
        """Give the one identity."""
        return self._identity

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:  # noqa: ARG002
        """Refuse: callers have nothing to arrange."""
        raise EnrolmentNotSupported(self._id)

    async def check(self, owner: str, held: Enrolment | None) -> Enrolment:  # noqa: ARG002
        """Refuse: callers have nothing to arrange."""
        raise EnrolmentNotSupported(self._id)

    def forget(self, owner: str) -> None:
        """Do nothing."""


class EachTheirOwn:
    """Each caller as the subject that a rule of the configuration allows them, in one of its groups.

    What a credential is worth is asked of DIRAC at most once in `check_every_seconds` for each caller:
    whether the user is in the group, until when the proxy lasts that they have uploaded, and with `user`,
    whether DIRAC hands it out.
    """

    def __init__(self, settings: Settings, enrolments: Enrolments, worker: Worker, clock: Clock) -> None:
        self._settings = settings
        self._delegation = settings.delegation
        self._enrolments = enrolments
        self._worker = worker
        self._clock = clock
        self._every = timedelta(seconds=settings.check_every_seconds)
        self._asked: dict[str, datetime] = {}

    async def identity(self, owner: str) -> Identity:
        """Give the identity that the caller has enrolled with, as long as the configuration allows it."""
        held = await self._enrolments.enrolment(owner)
        if held is None:
            raise NoIdentity("the caller has set up no credential")
        return self._allowed(owner, held)

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:
        """Map the caller to a subject and a group; a repeat keeps what is there, whatever it names.

        Raises:
            Faulty: the subject is not the caller's, or the group none of those for callers.
        """
        if held is not None:
            return await self.check(owner, held)
        allowed = self._delegation.subject_of(owner)
        subject, group = request.get("subject", allowed), request.get("group", self._settings.group)
        faults = []
        if allowed is None or subject != allowed:
            words = (
                "This subject is not yours here" if allowed else "Nobody has said which subject is yours here"
            )
            faults.append(_fault("/subject", f"{words}; ask the administrator of this service."))
        if group not in self._delegation.groups:
            faults.append(_fault("/group", f"The groups here are {', '.join(self._delegation.groups)}."))
        if faults:
            raise Faulty(faults)
        self._asked.pop(owner, None)
        names = {"subject": subject, "group": group}
        return await self.check(owner, Enrolment(owner, self._document("awaiting_user", names)))

    async def check(self, owner: str, held: Enrolment | None) -> Enrolment:
        """Ask DIRAC, if that was not done just now."""
        if held is None:
            return Enrolment(owner, self._document("missing", {}))
        now = self._clock.now()
        if owner in self._asked and now - self._asked[owner] < self._every:
            return held
        self._asked[owner] = now
        names: dict[str, Any] = {name: held.document[name] for name in ("subject", "group")}
        try:
            identity = self._allowed(owner, held)
            until = (await self._call("proxies", identity)).get(identity.dn)
            if until is None:
                return replace(held, document=self._document("awaiting_user", names))
            ends = datetime.fromisoformat(until)
            if ends > now and self._delegation.kind == "user":
                await self._call("whoami", identity)
        except DiracUnreachable:
            return held  # nobody knows better than before
        except DiracRefused as error:
            if error.kind == "no-proxy":
                return replace(held, document=self._without_proxy(names, until, error.detail))
            if error.kind != "not-a-member":
                return held  # DIRAC may say so for a minute to those who are right, or it is our own fault
            return replace(held, document=self._document("rejected", names))
        except NoIdentity:
            return replace(held, document=self._document("rejected", names))
        state = "valid" if ends > now else "expired"
        return replace(held, document=self._document(state, {**names, "expires_at": until}))

    async def _call(self, name: str, identity: Identity) -> Any:
        return await self._worker.call(name, {}, identity, deadline_seconds=self._settings.call_seconds)

    def _without_proxy(self, names: Mapping[str, Any], until: str, why: str) -> dict[str, Any]:
        """Tell of a proxy that DIRAC has and does not hand out: it ends soon, or a right is missing."""
        if datetime.fromisoformat(until) - self._clock.now() < _LAST_MINUTES:
            return self._document("expired", {**names, "expires_at": until})
        words = (
            f"DIRAC does not hand out the proxy of {names['subject']}; ask the administrator of this service"
        )
        return {**self._document("rejected", names), "instructions": f"{words}. It says: {why}"}

    def _allowed(self, owner: str, held: Enrolment) -> Identity:
        """Give the identity of an enrolment, as long as the configuration allows it."""
        identity = _identity(held)
        if identity.dn != self._delegation.subject_of(owner) or identity.group not in self._delegation.groups:
            raise NoIdentity(f"{identity.dn} in {identity.group} is not this caller's any more")
        return identity

    def forget(self, owner: str) -> None:
        """Forget when it was asked."""
        self._asked.pop(owner, None)

    def _document(self, state: str, names: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "kind": "x509_proxy",
            "state": state,
            **names,
            "instructions": self._instructions(state, names),
            "observed_at": timestamp(self._clock.now()),
        }

    def _instructions(self, state: str, names: Mapping[str, Any]) -> str:
        vo = self._settings.vo
        if state == "missing":
            return f"Set up your credential with the subject of your certificate and your group in {vo}."
        upload = f"dirac-proxy-init -g {names['group']}"
        return {
            "awaiting_user": f"Upload a proxy of {names['subject']} where you have it: {upload}",
            "valid": f"Nothing is left to do until the proxy ends. Upload a new one before: {upload}",
            "expired": f"The proxy has ended. Upload a new one: {upload}",
        }.get(
            state,
            f"{names['subject']} may not act in the group {names['group']}. Delete this credential and set "
            f"it up with a group that you have in {vo}.",
        )


def _identity(held: Enrolment) -> Identity:
    return Identity(str(held.document["subject"]), str(held.document["group"]))


def _fault(pointer: str, words: str) -> Fault:
    return Fault("invalid-request", words, pointer=pointer)
