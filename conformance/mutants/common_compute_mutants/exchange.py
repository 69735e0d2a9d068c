"""Hold one request and its answer as data, so that a mutant can change either on its way."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Pairs = tuple[tuple[str, str], ...]


def _without(pairs: Pairs, name: str) -> Pairs:
    return tuple(pair for pair in pairs if pair[0].lower() != name.lower())


@dataclass(frozen=True)
class Request:
    """A request on its way to the server.

    `path` is decoded and begins behind the base path (`/jobs/x`); `query` is decoded; header names are lower
    case. `memory` is the mutant's own, one for each server that is started.
    """

    method: str
    path: str
    query: Pairs
    headers: Pairs
    body: bytes
    memory: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments of the path: `("jobs", "x", "logs", "stdout")`."""
        return tuple(self.path.removeprefix("/").split("/"))

    @property
    def is_submission(self) -> bool:
        """Tell whether the body is a job specification, to be run or to be validated."""
        return self.is_call("POST", "jobs") or self.is_call("POST", "jobs", "validate")

    def is_call(self, method: str, *segments: str) -> bool:
        """Tell whether this is a call of that method and path; a segment `*` stands for any one."""
        return self.method == method and self.goes_to(*segments)

    def goes_to(self, *segments: str) -> bool:
        """Tell whether the path has these segments; `*` stands for any one."""
        return len(segments) == len(self.segments) and all(
            wanted in ("*", found) for wanted, found in zip(segments, self.segments, strict=True)
        )

    def header(self, name: str) -> str | None:
        """Return the first header of this name."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def parameter(self, name: str) -> str | None:
        """Return the first query parameter of this name."""
        return next((value for key, value in self.query if key == name), None)

    def json(self) -> Any:
        """Return the body as JSON, None if it is none or too deep for this reader."""
        try:
            return json.loads(self.body.decode())
        except (ValueError, RecursionError):
            return None

    def without_header(self, name: str) -> Request:
        """Return the request without these headers."""
        return replace(self, headers=_without(self.headers, name))

    def with_header(self, name: str, value: str) -> Request:
        """Return the request with this header in place of others of its name."""
        return replace(self, headers=(*_without(self.headers, name), (name.lower(), value)))

    def without_parameter(self, name: str) -> Request:
        """Return the request without these query parameters."""
        return replace(self, query=tuple(pair for pair in self.query if pair[0] != name))

    def with_parameter(self, name: str, value: str) -> Request:
        """Return the request with this query parameter in place of others of its name."""
        kept = self.without_parameter(name)
        return replace(kept, query=(*kept.query, (name, value)))

    def edited(self, edit: Callable[[Any], object]) -> Request:
        """Return the request with its JSON object changed in place by `edit`.

        What has none, or is not changed, stays as it came, byte for byte: blanks, faults of the JSON and all.
        """
        document = self.json()
        if not isinstance(document, dict):
            return self
        before = json.dumps(document)
        edit(document)
        after = json.dumps(document)
        return self if after == before else replace(self, body=after.encode())


@dataclass(frozen=True)
class Answer:
    """An answer on its way back; header names are lower case.

    `body_to_head` sends the body after the answer to a HEAD as well, as no server should.
    """

    status: int
    headers: Pairs
    body: bytes
    body_to_head: bool = False

    def header(self, name: str) -> str | None:
        """Return the first header of this name."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def without_header(self, name: str) -> Answer:
        """Return the answer without these headers."""
        return replace(self, headers=_without(self.headers, name))

    def with_header(self, name: str, value: str) -> Answer:
        """Return the answer with this header in place of others of its name."""
        return replace(self, headers=(*_without(self.headers, name), (name.lower(), value)))

    def json(self) -> Any:
        """Return the body as JSON, None if it is not announced as such: a log may look like JSON, too."""
        if "json" not in (self.header("content-type") or ""):
            return None
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def edited(self, edit: Callable[[Any], object]) -> Answer:
        """Return the answer with its JSON value changed in place by `edit`; one without is as it was."""
        document = self.json()
        if document is None:
            return self
        edit(document)
        return self.with_json(document)

    def with_json(self, document: Any) -> Answer:
        """Return the answer with another JSON value for its body."""
        return replace(self, body=json.dumps(document).encode("utf-8", "surrogatepass"))


def json_answer(status: int, document: Any, like: Answer | None = None, **headers: str) -> Answer:
    """Make an answer in JSON, with the request id of `like`."""
    told = {"content-type": "application/json", **{name.replace("_", "-"): v for name, v in headers.items()}}
    if like is not None and (request_id := like.header("x-request-id")) is not None:
        told.setdefault("x-request-id", request_id)
    return Answer(status, tuple(told.items()), json.dumps(document).encode())


def problem_answer(request: Request, like: Answer, status: int, code: str, **members: Any) -> Answer:
    """Make a problem document in place of `like`, under its request id, right but for what `members` say."""
    problem = {
        "type": f"urn:common-compute:problem:{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "detail": "The request cannot be done as it is.",
        "instance": f"/v1{request.path}",
        "code": code,
        "request_id": like.header("x-request-id") or "",
        "retryable": False,
        **members,
    }
    return json_answer(status, problem, like, content_type="application/problem+json")


Forward = Callable[[Request], Awaitable[Answer]]
Twist = Callable[[Request, Forward], Awaitable[Answer]]


def jobs_in(answer: Answer) -> Iterator[dict[str, Any]]:
    """Yield the jobs that an answer shows: the one it is, or those of a list."""
    document = answer.json()
    if isinstance(document, Mapping):
        shown = document.get("jobs", [document])
        yield from (each for each in shown if isinstance(each, dict) and "state" in each and "owner" in each)
