"""What was sent to a server in this build, and what it answered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from common_compute_website import contract

_SHOWN = (
    "Location",
    "Content-Type",
    "ETag",
    "Idempotency-Replayed",
    "Retry-After",
    "WWW-Authenticate",
    "Allow",
    "Content-Range",
    "Content-Disposition",
)
"""The headers of an answer that are worth a reader's time."""

_BASE = "/v1"


class UnexpectedAnswer(Exception):
    """A server answered otherwise than the page that shows it says."""


@dataclass(frozen=True)
class Exchange:
    """One request and its answer; `body` and `answer` are texts as they went over the wire."""

    operation: str
    title: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: str
    status: int
    reason: str
    answered: Mapping[str, str]
    answer: str

    @property
    def code(self) -> str | None:
        """The problem's code, where the answer is one."""
        return str(json.loads(self.answer)["code"]) if "problem+json" in self.content_type else None

    @property
    def content_type(self) -> str:
        """The answer's media type."""
        return self.answered.get("Content-Type", "")

    def request_head(self) -> str:
        """Write the head of the request as it was sent, without what every client adds."""
        lines = [f"{self.method} {self.target}", *_lines(self.headers)]
        return "\n".join(lines)

    def answer_head(self) -> str:
        """Write the head of the answer, with the headers that are worth a reader's time."""
        return "\n".join([f"{self.status} {self.reason}", *_lines(self.answered)])


@dataclass
class Talk:
    """Sends requests to one server, and keeps what was said."""

    http: httpx.Client
    kept: list[Exchange] = field(default_factory=list)

    def ask(
        self,
        title: str,
        call: str,
        expected: int | str,
        *,
        body: Any = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request such as `GET /jobs`; give the answer's document, or its text.

        `expected` is a status or a problem's code.

        Raises:
            UnexpectedAnswer: something else came.
        """
        method, _, path = call.partition(" ")
        sent = dict(headers or {})
        content = raw
        if body is not None:
            content = json.dumps(body, ensure_ascii=False).encode()
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        answer = self.http.request(method, _BASE + path, content=content, headers=sent)
        if "Authorization" in sent:
            sent["Authorization"] = re.sub(r"(Bearer )\S+", r"\1...", sent["Authorization"])
        exchange = Exchange(
            _operation(method, path),
            title,
            method,
            _BASE + path,
            sent,
            (content or b"").decode(errors="backslashreplace"),
            answer.status_code,
            answer.reason_phrase,
            {name: answer.headers[name] for name in _SHOWN if name in answer.headers},
            answer.text,
        )
        if expected not in (exchange.status, exchange.code):
            raise UnexpectedAnswer(f"{call}: {exchange.status} {exchange.answer[:500]} instead of {expected}")
        self.kept.append(exchange)
        is_json = "json" in exchange.content_type and exchange.answer
        return json.loads(exchange.answer) if is_json else exchange.answer

    def quietly(self, method: str, path: str, **members: Any) -> Any:
        """Send a request that no page shows."""
        answer = self.http.request(method, path, **members)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def _operation(method: str, path: str) -> str:
    """Find the operation that a call is of; the one with the most fixed segments wins."""
    bare = path.partition("?")[0]
    found = [
        (each["path"].count("{"), name)
        for name, each in contract.operations().items()
        if each["method"] == method
        and re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(each["path"])), bare)
    ]
    return min(found)[1] if found else ""


def _lines(headers: Mapping[str, str]) -> list[str]:
    return [f"{name}: {value}" for name, value in headers.items()]
