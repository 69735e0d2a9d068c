"""Who asks: from the `Authorization` header of a request to a `Caller`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from common_compute_connector.contract import operations
from common_compute_connector.errors import Unauthenticated

SCOPES: frozenset[str] = frozenset(
    operation.scope for operation in operations().values() if operation.scope is not None
)
"""The scopes that operations of the contract need."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose jobs a request may see, and what it may do with them."""

    owner: str
    scopes: frozenset[str] = SCOPES

    @property
    def shown(self) -> str:
        """A name for logs that tells the same caller again without saying who it is."""
        return sha256(self.owner.encode()).hexdigest()[:12]


ANONYMOUS = Caller("anonymous")


class Access(Protocol):
    """How callers are told apart."""

    description: Mapping[str, Any]
    """The member `access` of the service's own document."""

    async def caller(self, authorization: Sequence[str]) -> Caller:
        """Tell who sent these `Authorization` headers.

        Raises:
            Unauthenticated: nobody that is known here.
        """

    async def close(self) -> None:
        """End what is open."""


class TokenKind(Protocol):
    """One way to understand a bearer token."""

    async def judge(self, token: str) -> Caller | None:
        """Give the caller of a token, or None if it is none of this kind.

        Raises:
            Unauthenticated: it is one of this kind, and not accepted.
        """

    async def close(self) -> None:
        """End what is open."""


class OpenAccess:
    """Everybody is the same anonymous caller; an `Authorization` header is ignored."""

    description: Mapping[str, Any] = {"kind": "none"}

    async def caller(self, authorization: Sequence[str]) -> Caller:  # noqa: ARG002
        """Give the anonymous caller."""
        return ANONYMOUS

    async def close(self) -> None:
        """Nothing is open."""


class BearerAccess:
    """A bearer token (RFC 6750) names the caller; the kinds of token are tried in order."""

    def __init__(self, kinds: Sequence[TokenKind], description: Mapping[str, Any]) -> None:
        self._kinds = kinds
        self.description: Mapping[str, Any] = {"kind": "bearer", **description}

    async def caller(self, authorization: Sequence[str]) -> Caller:
        """Judge the token of a request."""
        token = _bearer_token(authorization)
        for kind in self._kinds:
            caller = await kind.judge(token)
            if caller is not None:
                return caller
        raise Unauthenticated("The token is not known here.", token_given=True)

    async def close(self) -> None:
        """Close every kind."""
        for kind in self._kinds:
            await kind.close()


def _bearer_token(authorization: Sequence[str]) -> str:
    if not authorization:
        raise Unauthenticated("This operation needs a bearer token.", token_given=False)
    scheme, _, token = authorization[0].strip().partition(" ")
    token = token.strip()
    if len(authorization) > 1 or scheme.lower() != "bearer" or not token or " " in token:
        raise Unauthenticated("The Authorization header holds no bearer token.", token_given=False)
    return token
