"""A right facility where callers set up an ssh key, and which takes inputs from URLs."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from common_compute_connector.clock import SystemClock
from common_compute_connector.documents import timestamp
from common_compute_connector.protocol import Enrolment
from common_compute_mutants.facility import BetweenGroundAndFacility

_INSTRUCTIONS = "Name your account; this facility takes your key at once."


class EnrollingFacility(BetweenGroundAndFacility):
    """Give each caller a pair of keys at the first enrolment, and take it as valid at once."""

    async def describe(self) -> Mapping[str, Any]:
        """Give the mock's document with the two classes added."""
        document = dict(await self.right.describe())
        document["conforms_to"] = [*document["conforms_to"], "staging", "credentials"]
        document["input_url_schemes"] = ["https"]
        document["credential"] = {"kind": "ssh_key", "delegation": "user", "instructions": _INSTRUCTIONS}
        return document

    async def enrol(self, owner: str, request: Mapping[str, Any], held: Enrolment | None) -> Enrolment:
        """Keep what is held, else make a pair of keys."""
        if held is not None:
            return held
        public = Ed25519PrivateKey.generate().public_key()
        line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        digest = hashlib.sha256(b64decode(line.split(" ")[1])).digest()
        keys = {
            "public_key": line,
            "fingerprint": "SHA256:" + b64encode(digest).decode().rstrip("="),
        }
        account = {"account": request["account"]} if "account" in request else {}
        return Enrolment(owner, {**_document("valid"), **account, **keys})

    async def check_enrolment(self, owner: str, held: Enrolment | None) -> Enrolment:
        """Tell what is held, or that nothing is."""
        return held or Enrolment(owner, _document("missing"))


def _document(state: str) -> dict[str, Any]:
    observed_at = timestamp(SystemClock().now())
    return {"kind": "ssh_key", "state": state, "instructions": _INSTRUCTIONS, "observed_at": observed_at}
