"""Hold one request and its answer, and ask an answer for what a check expects of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from common_compute_conformance.contract import Document, parse_json
from common_compute_conformance.errors import Failure, Inconclusive

_KEPT_BYTES = 2000
# What a server or a gateway before it answers when it cannot do its work for the moment.
_TROUBLE = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, with what of the answer does not fit the contract."""

    method: str
    url: str
    request_headers: httpx.Headers
    request_body: bytes
    status: int
    headers: httpx.Headers
    content: bytes
    seconds: float
    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.url} -> {self.status}"

    def expect(self, *statuses: int) -> Exchange:
        """Return this exchange if its status is one of these.

        Raises Inconclusive for trouble that may pass, Failure for any other status.
        """
        if self.status in statuses:
            return self
        wanted = " or ".join(str(status) for status in statuses)
        message = (
            f"expected {wanted}, got {self.status} from {self.method} {self.url}: {excerpt(self.content)}"
        )
        if self.status in _TROUBLE:
            raise Inconclusive(message)
        raise Failure(message, expected=f"status {wanted}", actual=f"status {self.status}")

    def json(self) -> Any:
        """Return the body as JSON; raises Failure if it is none."""
        try:
            return parse_json(self.content)
        except ValueError as error:
            raise Failure(f"{self}: the body is no JSON ({error})") from error

    def document(self) -> Document:
        """Return the body as a JSON object; raises Failure if it is none."""
        value = self.json()
        if not isinstance(value, Document):
            raise Failure(f"{self}: the body is no JSON object")
        return value

    def problem(self, status: int, *codes: str) -> Document:
        """Return the problem document, after holding status and code against what was expected."""
        document = self.expect(status).document()
        if codes and document.get("code") not in codes:
            wanted, came = " or ".join(codes), repr(document.get("code"))
            raise Failure(
                f"{self}: expected code {wanted}, got {came}",
                expected=f"code {wanted}",
                actual=f"code {came}",
            )
        return document


def excerpt(content: bytes) -> str:
    """Return the beginning of some bytes as text."""
    text = content[:_KEPT_BYTES].decode("utf-8", "backslashreplace")
    return text if len(content) <= _KEPT_BYTES else f"{text}... ({len(content)} bytes in all)"
