"""A party of the conversation behind Prism, which holds every request and answer against the contract."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

BASE = "/v1"
NO_TEXT = "\N{REPLACEMENT CHARACTER}".encode()

Headers = Sequence[tuple[str, str]]
Body = bytes | tuple[bytes, ...] | None


class Party(Protocol):
    """Whom the conversation is held with."""

    def send(self, method: str, path: str, headers: Headers, body: Body) -> tuple[int, Headers, bytes]:
        """Send a request."""

    def advance(self, seconds: float) -> None:
        """Let time pass."""


class PrismParty:
    """Sends through Prism, but for what Prism cannot hand on, and keeps what it says against the answers."""

    def __init__(self, prism: Party, service: Party) -> None:
        self._prism = prism
        self._service = service
        self.advance = service.advance
        self.through = 0
        self.violations: list[tuple[str, str, Any]] = []

    def send(self, method: str, path: str, headers: Headers, body: Body) -> tuple[int, Headers, bytes]:
        """Send a request, and give its answer."""
        if is_beyond_prism(method, path, headers, body):
            return self._service.send(method, path, headers, body)
        self.through += 1
        # The contract's base path is a part of the address that Prism sends on to.
        status, told, content = self._prism.send(method, path.removeprefix(BASE), headers, body)
        for violation in violations_of(told):
            # What the conversation does wrong on purpose is the request's.
            if violation["location"][0] != "request":
                self.violations.append((method, path, violation))
        if NO_TEXT in content:  # Prism takes all bytes for text.
            content = self._service.send(method, path, headers, body)[2]
        return status, told, content


def violations_of(headers: Headers) -> list[dict[str, Any]]:
    """Give what Prism says against a request and its answer."""
    texts = [value for name, value in headers if name.lower() == "sl-violations"]
    return [violation for text in texts for violation in json.loads(text)]


def is_beyond_prism(method: str, path: str, headers: Headers, body: Body) -> bool:
    """Tell whether Prism 5.16 would not hand a request on, or not as it is: the only exceptions that there are.

    - HEAD: it reads the JSON of the answer, which has none, and answers 500.
    - A path whose percent-encoding is no UTF-8 ends it (an uncaught URIError); dot segments it resolves.
    - JSON it writes again, under the Content-Length of what came: the connection hangs if that is another text.
      An empty object goes unsent, a string without its quotes, and what is no JSON it answers itself. To what comes
      chunked it adds a length, so that the request has both.
    """
    steps = unquote_to_bytes(path.partition("?")[0])
    if method == "HEAD" or b"/../" in steps or not _is_utf8(steps):
        return True
    announced = [value for name, value in headers if name.lower() == "content-type"]
    if body is None or not any("json" in value.lower() for value in announced):
        return False
    return isinstance(body, tuple) or not _is_written_alike(body)


def _is_written_alike(text: bytes) -> bool:
    try:
        value = json.loads(text.decode())
        again = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return bool(value) and isinstance(value, dict | list) and text == again.encode()
    except ValueError:
        return False


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
