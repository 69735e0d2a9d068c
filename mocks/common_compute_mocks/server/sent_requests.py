"""What clients sent to a mock, kept for their tests to look at."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from common_compute_connector.documents import timestamp

_MOST = 10_000
_LONGEST_BODY_BYTES = 64 * 1024
_SECRET = ("authorization", "cookie")


@dataclass(slots=True)
class SentRequest:
    """One request as it came, and the status of its answer.

    `headers` have lower-case names, and in place of a token only its scheme. `body` has at most its first
    64 KiB, `body_bytes` is its length, both as far as the server had to read it.
    """

    number: int
    at: datetime
    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes = b""
    body_bytes: int = 0
    status: int | None = None

    def header(self, name: str) -> str | None:
        """Give the first header of that name."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def document(self) -> dict[str, Any]:
        """Give it as JSON; a body that is no text is in base64."""
        try:
            body = {"body": self.body.decode()}
        except UnicodeDecodeError:
            body = {"body_base64": base64.b64encode(self.body).decode()}
        return {
            "number": self.number,
            "at": timestamp(self.at),
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": [list(pair) for pair in self.headers],
            **body,
            "body_bytes": self.body_bytes,
            "status": self.status,
        }


@dataclass(slots=True)
class SentRequests:
    """The latest requests, the oldest first."""

    _kept: deque[SentRequest] = field(default_factory=lambda: deque(maxlen=_MOST))
    _count: int = 0

    def __len__(self) -> int:
        """Count those that are kept."""
        return len(self._kept)

    def __iter__(self) -> Iterator[SentRequest]:
        """Go through those that are kept."""
        return iter(self._kept)

    def __getitem__(self, place: int) -> SentRequest:
        """Give one by its place among those that are kept; -1 is the latest."""
        return self._kept[place]

    def after(self, number: int, most: int) -> list[SentRequest]:
        """Give those with a greater number, at most so many."""
        return [kept for kept in self._kept if kept.number > number][:most]

    def clear(self) -> None:
        """Forget all, and count from the beginning."""
        self._kept.clear()
        self._count = 0

    def record(self, scope: Scope, receive: Receive, send: Send, at: datetime) -> tuple[Receive, Send]:
        """Keep a request, and give the ways in and out through which its body and its status are seen."""
        self._count += 1
        sent = SentRequest(
            self._count,
            at,
            scope["method"],
            (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            [_header(name, value) for name, value in scope["headers"]],
        )
        self._kept.append(sent)

        async def receive_seen() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                body = message.get("body", b"")
                sent.body += body[: _LONGEST_BODY_BYTES - len(sent.body)]
                sent.body_bytes += len(body)
            return message

        async def send_seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent.status = message["status"]
            await send(message)

        return receive_seen, send_seen


def _header(name: bytes, value: bytes) -> tuple[str, str]:
    key, text = name.decode("latin-1").lower(), value.decode("latin-1")
    return key, f"{text.split(' ')[0]} (not kept)" if key in _SECRET else text
