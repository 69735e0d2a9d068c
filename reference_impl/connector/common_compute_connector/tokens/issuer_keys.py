"""The public keys of one OpenID Connect issuer: found by discovery, kept, fetched again when one is new."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from common_compute_connector.clock import Clock

_log = structlog.get_logger(__name__)

_DEADLINE_SECONDS = 5.0
_AT_MOST_EVERY_SECONDS = 30.0
"""An unknown key makes nobody ask the issuer more often than this."""
_OLD_AFTER_SECONDS = 3600.0
_MAX_BYTES = 1 << 20
_KINDS: Mapping[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_KIND_OF_ALGORITHM = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


class IssuerUnavailable(Exception):
    """The issuer's keys were never fetched and cannot be now."""


class IssuerKeys:
    """Knows an issuer's signing keys."""

    def __init__(self, issuer: str, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._client: httpx.AsyncClient | None = None
        self._fetching = asyncio.Lock()
        self._keys: list[Key] | None = None
        self._asked_at: float | None = None

    async def fitting(self, header: Mapping[str, Any]) -> Sequence[Key]:
        """Give the keys that may have signed a token with this header; none if the issuer has no such key.

        Raises:
            IssuerUnavailable: there are no keys to look among.
        """
        found = self._find(header)
        if not found or self._age() > _OLD_AFTER_SECONDS:
            await self._fetch()
            found = self._find(header)
        if self._keys is None:
            raise IssuerUnavailable(self._issuer)
        return found

    async def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            await self._client.aclose()

    def _find(self, header: Mapping[str, Any]) -> list[Key]:
        wanted, kind = header.get("kid"), _KIND_OF_ALGORITHM.get(str(header.get("alg"))[:2])
        return [
            key
            for key in self._keys or ()
            if key.key_type == kind and (wanted is None or key.kid is None or key.kid == wanted)
        ]

    def _age(self) -> float:
        return float("inf") if self._asked_at is None else self._clock.elapsed() - self._asked_at

    async def _fetch(self) -> None:
        async with self._fetching:
            # Whoever waited here for another's fetch has its keys, or its failure, already.
            if self._age() < _AT_MOST_EVERY_SECONDS:
                return
            self._asked_at = self._clock.elapsed()
            try:
                async with asyncio.timeout(_DEADLINE_SECONDS):
                    self._keys = await self._ask()
            except (
                TimeoutError,
                httpx.HTTPError,
                httpx.InvalidURL,
                ValueError,
                KeyError,
                TypeError,
            ) as error:
                _log.warning("issuer keys not fetched", issuer=self._issuer, error=type(error).__name__)

    async def _ask(self) -> list[Key]:
        discovery = await self._get(self._issuer.removesuffix("/") + "/.well-known/openid-configuration")
        if discovery["issuer"] != self._issuer:
            raise ValueError("the discovery document is another issuer's")
        address = discovery["jwks_uri"]
        if urlsplit(self._issuer).scheme == "https" and urlsplit(address).scheme != "https":
            raise ValueError("the keys would come over an open connection")
        listed = (await self._get(address))["keys"]
        return [key for entry in listed if (key := _signing_key(entry)) is not None]

    async def _get(self, address: str) -> Any:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_DEADLINE_SECONDS)
        async with self._client.stream("GET", address, headers={"accept": "application/json"}) as response:
            response.raise_for_status()
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MAX_BYTES:
                    raise ValueError("the answer is too long")
        return orjson.loads(body)


def _signing_key(entry: Mapping[str, Any]) -> Key | None:
    """Read a public key; what signs nothing here, or cannot be read, is left out."""
    kind = _KINDS.get(str(entry.get("kty")))
    if kind is None or entry.get("use", "sig") != "sig":
        return None
    try:
        return kind.import_key(dict(entry))
    except (JoseError, ValueError):
        return None
