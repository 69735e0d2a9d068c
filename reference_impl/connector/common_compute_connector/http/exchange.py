"""What one HTTP exchange is known by, from its first byte to its log line."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from common_compute_connector.access import ANONYMOUS, Caller
from common_compute_connector.http.request import Request

_KEY = "common_compute"


@dataclass(slots=True)
class Exchange:
    """A request id, the path as sent, the caller once known, the request once read, the status once sent."""

    request_id: str
    path: str
    caller: Caller = ANONYMOUS
    request: Request | None = None
    status: int = 0

    @property
    def operation_id(self) -> str:
        """The operation that the path and method meant, or none."""
        return "none" if self.request is None else self.request.operation.id


def exchange_of(scope: MutableMapping[str, Any]) -> Exchange:
    """Give the exchange of an ASGI scope."""
    exchange: Exchange = scope["extensions"][_KEY]
    return exchange


def put_exchange(scope: MutableMapping[str, Any], exchange: Exchange) -> None:
    """Attach the exchange to an ASGI scope, where every layer finds it."""
    scope["extensions"] = {**scope.get("extensions", {}), _KEY: exchange}
