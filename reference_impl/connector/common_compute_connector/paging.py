"""Page tokens: where a list goes on, bound to the caller, the path and the filters that it was made for."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from common_compute_connector.errors import Fault

_MAC_BYTES = 16
_NO_FILTERS = frozenset({"page_size", "page_token"})


class Pages:
    """Makes and reads page tokens with the store's secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def token(self, owner: str, path: str, query: Mapping[str, Any], position: list[Any]) -> str:
        """Make the token of the page after `position`, which is plain JSON."""
        text = orjson.dumps(position)
        sealed = self._mac(owner, path, query, text) + text
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def position(self, owner: str, path: str, query: Mapping[str, Any]) -> list[Any] | Fault | None:
        """Read the token of a query: None for the first page, a fault if it is not one of this very list."""
        token = query.get("page_token")
        if token is None:
            return None
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        mac, text = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        if not text or not hmac.compare_digest(mac, self._mac(owner, path, query, text)):
            detail = "This is no token of this list with these filters: begin again without it."
            return Fault("invalid-request", detail, parameter="page_token")
        position: list[Any] = orjson.loads(text)
        return position

    def _mac(self, owner: str, path: str, query: Mapping[str, Any], text: bytes) -> bytes:
        filters = {name: _canonical(value) for name, value in query.items() if name not in _NO_FILTERS}
        bound = orjson.dumps([owner, path, filters], option=orjson.OPT_SORT_KEYS)
        return hmac.digest(self._secret, b"page\0" + bound + b"\0" + text, "sha256")[:_MAC_BYTES]


def _canonical(value: Any) -> Any:
    """Write a filter so that the order of a repeated one makes no difference."""
    if isinstance(value, list):
        return sorted(set(value))
    return value.isoformat() if isinstance(value, datetime) else value
