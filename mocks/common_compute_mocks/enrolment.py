"""The callers' credentials at a mocked facility: what each has put, and what became of it by now.

The mock plays the user's part: some time after a credential was put, its key counts as added or its proxy as
uploaded. What a credential is at a moment follows from what was put and when, which the ground keeps; memory
holds only how many each caller gave up.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from base64 import b64encode
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from common_compute_connector.documents import timestamp
from common_compute_connector.errors import Fault, Faulty
from common_compute_connector.jobs import Reason
from common_compute_connector.protocol import Document, Enrolment, Ground
from common_compute_mocks.flavours import Flavour

_NEVER = datetime.max.replace(tzinfo=UTC)

_FORMS = {
    "account": (r"[a-z_][a-z0-9_-]{0,31}", "Name an account with a-z, 0-9, _ and -, a letter first."),
    "subject": (
        r"(/[A-Za-z][A-Za-z0-9.-]*=[^/]+)(/[^/]+)*",
        "Write a certificate's subject like this: /DC=org/DC=example/CN=Maria Rossi",
    ),
    "group": (r"[A-Za-z0-9][A-Za-z0-9_.-]*", "Name a group with letters, digits, _, . and -, like cta_user."),
}


class CallersCredentials:
    """The credentials of all callers at one facility.

    `weather` is what a scenario makes of those that were put: `state` fixes it whatever the caller does;
    `accepted_after_seconds` and `expires_after_seconds` take the place of the flavour's own times.
    """

    def __init__(
        self,
        facility_id: str,
        flavour: Flavour,
        ground: Ground,
        seed: int,
        weather: Mapping[str, Any] | None = None,
    ) -> None:
        weather = weather or {}
        self._facility_id = facility_id
        self._rules = flavour.enrolment
        self._kind = str(flavour.facility["credential"]["kind"])
        self._grid: Mapping[str, str] = flavour.facility.get("grid", {})
        self._ground = ground
        self._seed = seed
        self._fixed_state: str | None = weather.get("state")
        self._user_takes = weather.get("accepted_after_seconds", self._rules.user_takes_seconds)
        self._lasts = weather.get("expires_after_seconds", self._rules.valid_for_seconds)
        self._given_up: Counter[str] = Counter()

    def put(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:
        """Set a credential up; a repeat keeps what is there, and renews what has expired.

        Raises:
            Faulty: a name is none that the facility could have.
        """
        now = self._ground.clock.now()
        kept = _kept(held)
        if kept is None:
            return self._seen(owner, self._names(owner, request, now), now)
        names, put_at = kept
        # Nobody can upload a proxy to a mock: asking once more stands for it.
        if self._state(names, put_at, now) == "expired":
            return self._seen(owner, names, now)
        return self.check(owner, held)

    def check(self, owner: str, held: Enrolment | None) -> Enrolment:
        """Tell what a credential is by now, having looked at most every so often."""
        now = self._ground.clock.now()
        kept = _kept(held)
        if held is None or kept is None:
            return Enrolment(owner, self._document("missing", {}, now))
        looked_at = datetime.fromisoformat(held.document["observed_at"])
        if now - looked_at < timedelta(seconds=self._rules.checked_every_seconds):
            return held
        return self._seen(owner, *kept)

    def give_up(self, held: Enrolment) -> None:
        """Forget a credential; the next one will have another key, even at the same moment."""
        self._given_up[held.owner] += 1

    async def refusals(self, owners: Collection[str]) -> Mapping[str, Reason]:
        """Say why the facility takes no job of those callers whose credential does not work now.

        Callers who have put none are left out: whether they need one, the ground decides.
        """
        now = self._ground.clock.now()
        refused = {}
        for owner in sorted(owners):
            kept = _kept(await self._ground.enrolments.enrolment(owner))
            if kept is not None and self._state(*kept, now) != "valid":
                refused[owner] = Reason("credential-rejected", self._rules.refused.format_map(kept[0]))
        return refused

    def _names(self, owner: str, request: Document, now: datetime) -> dict[str, str]:
        """Give the names of a new credential: the caller's own, else those by which they are known here."""
        if self._kind == "ssh_key":
            account = {"account": request.get("account", _login(owner))}
            _look_at(account)
            turn = self._seed, owner, timestamp(now), self._given_up[owner]
            return account | _public_key(self._facility_id, *turn)
        subject = request.get("subject", f"/DC=org/DC=example/CN={_login(owner)}")
        names = {"subject": subject, "group": request.get("group", self._grid["group"])}
        _look_at(names)
        return names

    def _seen(self, owner: str, names: Mapping[str, str], put_at: datetime) -> Enrolment:
        now = self._ground.clock.now()
        state = self._state(names, put_at, now)
        document = self._document(state, names, now)
        if self._lasts is not None and state in ("valid", "expired"):
            ends = self._ends(put_at)
            document["expires_at"] = timestamp(ends if state == "valid" else min(ends, now))
        return Enrolment(owner, document, json.dumps({"put_at": timestamp(put_at), "names": names}).encode())

    def _state(self, names: Mapping[str, str], put_at: datetime, now: datetime) -> str:
        if self._fixed_state is not None:
            return self._fixed_state
        if now < self._begins(put_at):
            return "awaiting_user"
        if names.get("group", self._grid.get("group")) != self._grid.get("group"):
            return "rejected"
        return "valid" if now < self._ends(put_at) else "expired"

    def _begins(self, put_at: datetime) -> datetime:
        return put_at + timedelta(seconds=self._user_takes)

    def _ends(self, put_at: datetime) -> datetime:
        return _NEVER if self._lasts is None else self._begins(put_at) + timedelta(seconds=self._lasts)

    def _document(self, state: str, names: Mapping[str, str], now: datetime) -> dict[str, Any]:
        known = {
            "vo": self._grid.get("vo"),
            "known_group": self._grid.get("group"),
            "seconds": format(self._user_takes, "g"),
        }
        return {
            "kind": self._kind,
            "state": state,
            **({} if state == "missing" else names),
            "instructions": self._rules.instructions[state].format_map({**known, **names}),
            "observed_at": timestamp(now),
        }


def _kept(held: Enrolment | None) -> tuple[Mapping[str, str], datetime] | None:
    """Read what the ground keeps for us: the credential's names, and when it was put.

    None if nothing was put, or not here: a connector around the mock may set up credentials in its own way.
    """
    if held is None or not held.sealed:
        return None
    kept = json.loads(held.sealed)
    return kept["names"], datetime.fromisoformat(kept["put_at"])


def _look_at(names: Mapping[str, str]) -> None:
    faults = [
        Fault("invalid-request", _FORMS[name][1], pointer=f"/{name}")
        for name, value in names.items()
        if re.fullmatch(_FORMS[name][0], value) is None
    ]
    if faults:
        raise Faulty(faults)


def _login(owner: str) -> str:
    """Make a name that an account may have out of a caller's, which may be anything."""
    name = re.sub(r"[^a-z0-9_-]+", "-", owner.rpartition("#")[2].lower())[:31].strip("-")
    return name if re.match("[a-z_]", name) else f"u{name}"


def _public_key(facility_id: str, *turn: object) -> dict[str, str]:
    """Make the public half of a key to which nobody has, or can work out, the private one.

    All of a mock follows from its seed. Were there a private key it would too, and whoever put the public one
    into a real account's `authorized_keys` would open that to everybody.
    """
    kind = b"ssh-ed25519"
    blob = b"".join(struct.pack(">I", len(text)) + text for text in (kind, _point(facility_id, *turn)))
    digest = b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    line = f"{kind.decode()} {b64encode(blob).decode()} common-compute-mock-{facility_id}"
    return {"public_key": line, "fingerprint": f"SHA256:{digest}"}


def _point(*words: object) -> bytes:
    """Give the first of a row of digests that encodes a point of Ed25519 (RFC 8032, section 5.1.3)."""
    prime = 2**255 - 19
    curve = -121665 * pow(121666, -1, prime) % prime
    for number in count():
        digest = hashlib.sha256("\0".join(map(str, (*words, number))).encode()).digest()
        y = int.from_bytes(digest, "little") & (2**255 - 1)
        x_squared = (y * y - 1) * pow(curve * y * y + 1, -1, prime) % prime
        if y < prime and pow(x_squared, (prime - 1) // 2, prime) == 1:
            return digest
    raise AssertionError("every second digest is one")
