"""The client of the API: one function per operation, of the operation's name.

Documents are what the contract says, as dictionaries. Lists that the API gives in pages are iterators that
fetch the next page when it is needed. Every function may raise what `wire` raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx

from common_compute_cli.wire import Document, Query, Wire


class Seen(NamedTuple):
    """A job as it was at one moment, with its ETag; `job` is None if nothing changed since the ETag given."""

    job: Document | None
    etag: str


class Client:
    """One caller of one server."""

    def __init__(
        self, url: str, token: str | None = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._wire = Wire(url, token, transport=transport)

    @property
    def url(self) -> str:
        """The API's base address."""
        return self._wire.url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wire.close()

    def get_service_info(self) -> Document:
        """Tell who answers, what it conforms to, and its limits."""
        return self._get("service-info")

    def get_health(self) -> Document:
        """Tell whether jobs can be accepted; raises Refused or NotThisApi if not."""
        return self._get("health")

    def list_facilities(self) -> list[Document]:
        """Give all facilities."""
        return list(self._get("facilities")["facilities"])

    def get_facility(self, facility_id: str) -> Document:
        """Give a facility's document."""
        return self._get("facilities", facility_id)

    def list_software(self, facility_id: str, *, name: str | None = None) -> Iterator[Document]:
        """Walk through a facility's catalogue."""
        return self._pages("software", {"name": name}, "facilities", facility_id, "software")

    def get_credential(self, facility_id: str) -> Document:
        """Show the caller's credential for a facility."""
        return self._get("facilities", facility_id, "credential")

    def put_credential(self, facility_id: str, request: Mapping[str, Any]) -> Document:
        """Set up the caller's credential for a facility; repeats keep it."""
        url = self._wire.path("facilities", facility_id, "credential")
        return self._wire.document("PUT", url, body=request)[0]

    def delete_credential(self, facility_id: str) -> None:
        """Remove the caller's credential for a facility."""
        self._wire.document("DELETE", self._wire.path("facilities", facility_id, "credential"))

    def submit_job(self, spec: Mapping[str, Any], *, idempotency_key: str | None = None) -> Document:
        """Submit a job; with a key, a lost answer is asked for again and never makes a second job."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        url = self._wire.path("jobs")
        return self._wire.document(
            "POST", url, body=spec, headers=headers, repeatable=idempotency_key is not None
        )[0]

    def validate_job(self, spec: Any) -> Document:
        """Judge a job specification without submitting it."""
        return self._wire.document("POST", self._wire.path("jobs", "validate"), body=spec)[0]

    def list_jobs(
        self,
        *,
        states: Sequence[str] = (),
        facility_id: str | None = None,
        labels: Sequence[str] = (),
        created_after: str | None = None,
        updated_after: str | None = None,
        page_size: int | None = None,
    ) -> Iterator[Document]:
        """Walk through the caller's jobs, newest first, without history and specification."""
        query: Query = {
            "state": list(states),
            "facility_id": facility_id,
            "label": list(labels),
            "created_after": created_after,
            "updated_after": updated_after,
            "page_size": page_size,
        }
        return self._pages("jobs", query, "jobs")

    def get_job(self, job_id: str) -> Document:
        """Give a job with its history and specification."""
        return self._get("jobs", job_id)

    def see_job(self, job_id: str, *, etag: str | None = None, wait_seconds: int | None = None) -> Seen:
        """Give a job unless it is what the ETag says; the server may hold the answer for `wait_seconds`."""
        job, headers, status = self._wire.document(
            "GET",
            self._wire.path("jobs", job_id),
            query={"wait_seconds": wait_seconds},
            headers={} if etag is None else {"If-None-Match": etag},
            longer_by=wait_seconds or 0,
            repeatable=False,
        )
        return Seen(None if status == 304 else job, headers.get("ETag", etag or ""))

    def cancel_job(self, job_id: str) -> Document:
        """Ask that a job does not run or go on, and give it as it is now."""
        return self._wire.document("POST", self._wire.path("jobs", job_id, "cancel"))[0]

    def release_job(self, job_id: str) -> None:
        """Be done with a job: it, its results and its logs are gone."""
        # Not repeated after a cut: the second answer would be that there is no such job.
        self._wire.document("DELETE", self._wire.path("jobs", job_id), repeatable=False)

    def list_tasks(self, job_id: str, *, states: Sequence[str] = ()) -> Iterator[Document]:
        """Walk through a job's tasks, by index."""
        return self._pages("tasks", {"state": list(states)}, "jobs", job_id, "tasks")

    def list_results(self, job_id: str, *, task_index: int | None = None) -> Iterator[Document]:
        """Walk through a job's results; `is_complete` tells whether any is missing."""
        return self._pages("results", {"task_index": task_index}, "jobs", job_id, "results")

    def is_complete(self, job_id: str) -> bool:
        """Tell whether every required output of the job is among its results."""
        url = self._wire.path("jobs", job_id, "results")
        return bool(self._wire.document("GET", url, query={"page_size": 1})[0]["complete"])

    def get_result(self, job_id: str, result_id: str) -> AbstractContextManager[Iterator[bytes]]:
        """Open the bytes of a result."""
        return self._wire.stream(self._wire.path("jobs", job_id, "results", result_id))

    def get_log(
        self, job_id: str, stream: str, *, task_index: int | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Open the bytes of a log, `stdout` or `stderr`; an array's task has to be named."""
        return self._wire.stream(self._wire.path("jobs", job_id, "logs", stream), {"task_index": task_index})

    def _get(self, *segments: str) -> Document:
        return self._wire.document("GET", self._wire.path(*segments))[0]

    def _pages(self, member: str, query: Query, *segments: str) -> Iterator[Document]:
        url = self._wire.path(*segments)
        page_token: str | None = None
        while True:
            page, _, _ = self._wire.document("GET", url, query={**query, "page_token": page_token})
            yield from page[member]
            page_token = page.get("next_page_token")
            if page_token is None:
                return
