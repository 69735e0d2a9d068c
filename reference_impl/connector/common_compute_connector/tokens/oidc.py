"""Tokens of OpenID Connect issuers: signed JWTs (RFC 7519) with the scopes of the WLCG profile.

Issuers are exact strings. An issuer that cannot be reached leaves its tokens judged by the keys fetched
before; without any they cannot be judged and are refused with 401, since nothing is known of their callers.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key

from common_compute_connector.access import Caller
from common_compute_connector.clock import Clock
from common_compute_connector.errors import Unauthenticated
from common_compute_connector.tokens.issuer_keys import IssuerKeys, IssuerUnavailable

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
"""Asymmetric ones alone: with a shared secret, whoever can check a token could make one."""

_SKEW_SECONDS = 60
_LONGEST_TOKEN = 16384
_LONGEST_OWNER = 512
_WLCG = "compute."
READING = frozenset({"compute.read"})


@dataclass(frozen=True, slots=True)
class Issuer:
    """A trusted issuer; `scopes` are those of its tokens that carry no `compute.*` scope."""

    url: str
    scopes: frozenset[str] = READING


class OidcTokens:
    """The tokens of the trusted issuers, meant for `audience`."""

    def __init__(self, issuers: Sequence[Issuer], audience: str, clock: Clock) -> None:
        self._issuers = {issuer.url: issuer for issuer in issuers}
        self._keys = {issuer.url: IssuerKeys(issuer.url, clock) for issuer in issuers}
        self._audience = audience
        self._clock = clock

    async def judge(self, token: str) -> Caller | None:
        """Give the caller of a token, or None if it is no JWT at all."""
        header, claims = _unverified(token)
        if header is None or claims is None:
            return None
        issuer = self._issuers.get(claims["iss"]) if isinstance(claims.get("iss"), str) else None
        if issuer is None:
            raise _refused("The issuer of the token is not trusted here.")
        if header.get("alg") not in ALGORITHMS:
            raise _refused("The token is not signed by an algorithm that is accepted here.")
        try:
            keys = await self._keys[issuer.url].fitting(header)
        except IssuerUnavailable:
            raise _refused("The keys of the token's issuer cannot be fetched now.") from None
        verified = _verified(token, keys)
        self._check_claims(verified)
        return Caller(self._owner(issuer, verified), _scopes(verified, issuer))

    async def close(self) -> None:
        """End the connections to the issuers."""
        for keys in self._keys.values():
            await keys.close()

    def _check_claims(self, claims: Mapping[str, Any]) -> None:
        now = self._clock.now().timestamp()
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(expires, (int, float)) or not isinstance(begins, (int, float)):
            raise _refused("The token does not say until when it is valid.")
        if expires + _SKEW_SECONDS <= now:
            raise _refused("The token has expired.")
        if begins - _SKEW_SECONDS > now:
            raise _refused("The token is not valid yet.")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise _refused("The token is meant for another audience.")

    def _owner(self, issuer: Issuer, claims: Mapping[str, Any]) -> str:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject.isprintable() or not subject.strip():
            raise _refused("The token names no subject.")
        owner = subject if len(self._issuers) == 1 else f"{issuer.url}#{subject}"
        if len(owner) > _LONGEST_OWNER:
            raise _refused("The token's subject is too long.")
        return owner


def _verified(token: str, keys: Sequence[Key]) -> Mapping[str, Any]:
    for key in keys:
        try:
            return jwt.decode(token, key, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            continue
    raise _refused("The token's signature is not one of its issuer's.")


def _scopes(claims: Mapping[str, Any], issuer: Issuer) -> frozenset[str]:
    given = claims.get("scope", ())
    words = given.split() if isinstance(given, str) else given
    ours = frozenset(word for word in words if isinstance(word, str) and word.startswith(_WLCG))
    return ours or issuer.scopes


def _unverified(token: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Read header and claims without believing them, to find the keys to check them with."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > _LONGEST_TOKEN:
        return None, None
    return _json_part(parts[0]), _json_part(parts[1])


def _json_part(text: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _refused(detail: str) -> Unauthenticated:
    return Unauthenticated(detail, token_given=True)
