"""Read a journal of exchanges: which job came from where, how it was last seen, where a value came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from common_compute_conformance.exchange import Exchange

SHORTEST_TELLING_ID = 8
"""A shorter id may stand in a text by chance."""


@dataclass(frozen=True, eq=False)
class Call:
    """An exchange, and what its request is about; two that sent and got the same are still two."""

    exchange: Exchange
    base_url: str

    @cached_property
    def path(self) -> str:
        """The path below the base URL, as it was sent."""
        return self.exchange.url.removeprefix(self.base_url).partition("?")[0]

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The path's segments, decoded."""
        return tuple(unquote(segment) for segment in self.path.split("/")[1:])

    @cached_property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The query's parameters, decoded."""
        return tuple(parse_qsl(urlsplit(self.exchange.url).query, keep_blank_values=True))

    @cached_property
    def answer(self) -> Mapping[str, Any]:
        """The answer's JSON object, empty if it is none."""
        return _object(self.exchange.content)

    @cached_property
    def body(self) -> Mapping[str, Any]:
        """The request's JSON object, empty if it is none."""
        return _object(self.exchange.request_body)

    @property
    def key(self) -> str | None:
        """The request's Idempotency-Key."""
        key: str | None = self.exchange.request_headers.get("idempotency-key")
        return key

    @property
    def job_id(self) -> str | None:
        """The id of the job in the path."""
        return self.segments[1] if len(self.segments) > 1 and self.segments[0] == "jobs" else None

    @property
    def submits(self) -> bool:
        """Tell whether it is a submission."""
        return (self.exchange.method, self.path) == ("POST", "/jobs")

    @property
    def lists_jobs(self) -> bool:
        """Tell whether it asks for a list of jobs."""
        return self.exchange.method in ("GET", "HEAD") and self.path == "/jobs"

    @property
    def made(self) -> str | None:
        """The id of the job that this submission made, or made before under the same key."""
        if not self.submits or self.exchange.status not in (200, 201):
            return None
        job_id = self.answer.get("id")
        return job_id if isinstance(job_id, str) else None

    @property
    def changes_job(self) -> bool:
        """Tell whether it cancels or releases a job."""
        if self.job_id is None:
            return False
        method = self.exchange.method
        return (method == "DELETE" and len(self.segments) == 2) or (
            method == "POST" and self.segments[2:] == ("cancel",)
        )

    @property
    def changes_credential(self) -> bool:
        """Tell whether it sets up a credential, or takes it away."""
        return self.exchange.method in ("PUT", "DELETE") and self.segments[-1:] == ("credential",)

    @property
    def took_effect(self) -> bool:
        """Tell whether the server said that it did something new."""
        return self.exchange.status in (201, 202, 204)

    def same_request(self, other: Call) -> bool:
        """Tell whether both sent the same."""
        mine, theirs = self.exchange, other.exchange
        return (mine.method, mine.url, mine.request_body, self.key) == (
            theirs.method,
            theirs.url,
            theirs.request_body,
            other.key,
        )


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Journey:
    """The calls before the one that counts, in their order."""

    calls: Sequence[Call]

    @cached_property
    def makers(self) -> Mapping[str, Call]:
        """The submission that made each job, by the job's id."""
        made: dict[str, Call] = {}
        for call in self.calls:
            if call.made is not None:
                made.setdefault(call.made, call)
        return made

    def job_near(self, text: str | None) -> str | None:
        """Return the id of this kit's job that a text names, also spelled otherwise or with more to it."""
        if text is None or text in self.makers:
            return text
        return next(
            (each for each in self.makers if each in text.lower() and len(each) >= SHORTEST_TELLING_ID), None
        )

    def until(self, call: Call) -> Journey:
        """Return what was before this call."""
        for place, each in enumerate(self.calls):
            if each is call:
                return Journey(self.calls[:place])
        return self

    def state_of(self, job_id: str) -> str:
        """Return the state in which this job was last seen, empty if it never was."""
        for call in reversed(self.calls):
            for job in jobs_in(call):
                if job.get("id") == job_id:
                    return str(job["state"])
        return ""

    def source(self, member: str, value: str) -> Call | None:
        """Return the last call whose answer has this member with this value at its top."""
        return next((call for call in reversed(self.calls) if call.answer.get(member) == value), None)

    def source_of_etag(self, path: str, value: str) -> Call | None:
        """Return the last call of this path that was answered with this ETag."""
        return next(
            (
                call
                for call in reversed(self.calls)
                if call.path == path
                and call.exchange.method == "GET"
                and call.exchange.headers.get("etag") == value
            ),
            None,
        )

    def job_with_time(self, member: str, moment: str) -> str | None:
        """Return the id of a job that this kit made and of which this member is that moment."""
        wanted = _moment(moment)
        for call in reversed(self.calls):
            for job in jobs_in(call):
                if wanted is not None and wanted == _moment(job.get(member)) and job.get("id") in self.makers:
                    return str(job["id"])
        return None

    def result(self, job_id: str, result_id: str) -> tuple[int, Mapping[str, Any]] | None:
        """Return a result as it was listed, and its place in the list from 1 on."""
        for call in reversed(self.calls):
            listed = call.answer.get("results")
            if call.segments[:3] != ("jobs", job_id, "results") or not isinstance(listed, list):
                continue
            for place, entry in enumerate(listed, 1):
                if isinstance(entry, dict) and entry.get("id") == result_id:
                    return place, entry
        return None


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def jobs_in(call: Call) -> Iterator[Mapping[str, Any]]:
    """Yield the jobs that an answer shows: the one it is, or those of a list."""
    listed = call.answer.get("jobs", [call.answer])
    for job in listed if isinstance(listed, list) else []:
        if isinstance(job, dict) and isinstance(job.get("id"), str) and "state" in job:
            yield job
