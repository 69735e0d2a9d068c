"""Remember every exchange of a certification, and show them without its secrets."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import httpx

from common_compute_conformance.exchange import Exchange, excerpt


@dataclass
class Journal:
    """All exchanges of a certification in their order, and those that the present check looks at.

    Safe between threads.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    _looked_at: list[Exchange] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, exchange: Exchange) -> None:
        """Append an exchange, which the present check looks at."""
        with self._lock:
            self.exchanges.append(exchange)
            self._looked_at.append(exchange)

    def recall(self, exchange: Exchange) -> None:
        """Note that the present check looks at an earlier exchange again."""
        with self._lock:
            self._looked_at.append(exchange)

    def turn(self) -> None:
        """Forget what was looked at: another check begins."""
        with self._lock:
            self._looked_at.clear()

    @property
    def looked_at(self) -> list[Exchange]:
        """What the present check looks at, each exchange once, the last looked at last."""
        with self._lock:
            newest_first = {id(exchange): exchange for exchange in reversed(self._looked_at)}
        return list(reversed(newest_first.values()))


@dataclass
class Redaction:
    """The secrets of a certification, none of which may leave it."""

    secrets: tuple[str, ...] = ()

    def text(self, text: str) -> str:
        """Return the text with every secret replaced."""
        for secret in self.secrets:
            text = text.replace(secret, "REDACTED")
        return text

    def evidence(self, exchange: Exchange) -> dict[str, Any]:
        """Return an exchange as it may be shown, bodies cut after some 2 kB."""
        return {
            "method": exchange.method,
            "url": self.text(exchange.url),
            "request_headers": self._headers(exchange.request_headers),
            "request_body": self.text(excerpt(exchange.request_body)),
            "status": exchange.status,
            "headers": self._headers(exchange.headers),
            "body": self.text(excerpt(exchange.content)),
            "faults": [self.text(fault) for fault in exchange.faults],
        }

    def _headers(self, headers: httpx.Headers) -> dict[str, str]:
        return {
            name: "REDACTED" if name in ("authorization", "cookie", "set-cookie") else self.text(value)
            for name, value in headers.items()
        }
