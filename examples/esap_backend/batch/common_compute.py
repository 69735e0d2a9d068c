"""Speak to a Common Compute API: the one module here that knows HTTP, and it knows nothing of Django.

ComputeError        what every call may raise
|-- Refused         the API answered with a problem document
|-- Unreachable     no answer of the API's came; whether the request had an effect is not known

Every request here may be repeated without fear: submissions carry an idempotency key, and the other calls do
twice what they do once. What is worth repeating is repeated here, as long as patience lasts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import requests
from requests.auth import AuthBase

sleep = time.sleep
"""How this module waits; tests let a mock's time pass in its place."""

CONNECT_SECONDS, READ_SECONDS = 5, 30
PAUSE_SECONDS = 1
"""Before another try where no answer came, and where an answer says no time."""


class ComputeError(Exception):
    """A call that had no success. `retry_after` is in how many seconds it may have; None: it will not."""

    retry_after: int | None


class Refused(ComputeError):
    """The API answered with a problem document (RFC 9457)."""

    def __init__(self, answer: requests.Response) -> None:
        try:
            problem = _object(answer)
        except Unreachable:
            problem = {}
        self.status = answer.status_code
        self.code = str(problem.get("code", "unknown"))
        self.detail = str(problem.get("detail", f"The answer was {answer.status_code}, without a reason."))
        self.request_id = answer.headers.get("X-Request-Id", "")
        errors = problem.get("errors")
        self.errors = errors if isinstance(errors, list) else []
        wait = answer.headers.get("Retry-After", "")
        again = problem.get("retryable") is True and wait.isascii() and wait.isdecimal()
        self.retry_after = max(int(wait), PAUSE_SECONDS) if again else None
        super().__init__(f"{self.code}: {self.detail}")


class Unreachable(ComputeError):
    """No answer of the API's came."""

    code, retry_after = "unreachable", PAUSE_SECONDS
    detail = "The computing service does not answer. Try again later."


class CommonCompute:
    """A client of one API; its methods have the names of the contract's operations.

    `url` ends in the major version, as in http://127.0.0.1:8080/v1. A request that may succeed later is
    repeated while the pauses in between are not more than `patience_seconds` together.
    """

    def __init__(self, url: str, token: str = "", patience_seconds: int = 5) -> None:
        self.url = url.rstrip("/")
        self.patience_seconds = patience_seconds
        self._session = requests.Session()
        self._session.auth = _Bearer(token)

    def list_facilities(self) -> list[dict[str, Any]]:
        """Give all facilities, each in full."""
        return list(self._ask("GET", "facilities")["facilities"])

    def get_credential(self, facility_id: str) -> dict[str, Any]:
        """Give the state of our credential at a facility, and what is to be done next."""
        return self._ask("GET", "facilities", facility_id, "credential")

    def put_credential(self, facility_id: str, about_us: Mapping[str, str]) -> dict[str, Any]:
        """Set up our credential; never with a private key in it."""
        return self._ask("PUT", "facilities", facility_id, "credential", json=about_us)

    def submit_job(self, specification: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Submit a job, once, however often this is called with the same key and specification."""
        return self._ask("POST", "jobs", json=specification, headers={"Idempotency-Key": key})

    def list_jobs(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Go through our jobs, page by page, newest first; the filters are those of the API."""
        for page in self._pages("jobs", params=filters):
            yield from page["jobs"]

    def get_job(
        self, job_id: str, etag: str = "", wait_seconds: int = 0
    ) -> tuple[dict[str, Any] | None, str]:
        """Give a job and its ETag; None for the job where it is still as that ETag says.

        With `wait_seconds` the answer waits so long for a change.
        """
        answer = self._send(
            "GET",
            "jobs",
            job_id,
            params={"wait_seconds": wait_seconds} if wait_seconds else {},
            headers={"If-None-Match": etag} if etag else {},
            longer_seconds=wait_seconds,
        )
        unchanged = answer.status_code == requests.codes.not_modified
        return None if unchanged else _object(answer), answer.headers.get("ETag", "")

    def cancel_job(self, job_id: str) -> dict[str, Any]:
        """Ask that a job does not go on, and give it as it is now; it may still end in another way."""
        return self._ask("POST", "jobs", job_id, "cancel")

    def release_job(self, job_id: str) -> None:
        """Say that a job is done with: it and all that it left are removed."""
        try:
            self._send("DELETE", "jobs", job_id)
        except Refused as refused:
            # The answer to an earlier try may have been lost.
            if refused.code != "not-found":
                raise

    def list_tasks(self, job_id: str, state: str = "") -> Iterator[dict[str, Any]]:
        """Go through the tasks of a job by index, if need be those in one state only."""
        for page in self._pages("jobs", job_id, "tasks", params={"state": state} if state else {}):
            yield from page["tasks"]

    def list_results(self, job_id: str) -> tuple[bool, list[dict[str, Any]]]:
        """Tell whether all required results are there, and give all that are, from all pages."""
        pages = list(self._pages("jobs", job_id, "results"))
        return pages[0]["complete"], [result for page in pages for result in page["results"]]

    def get_result(self, job_id: str, result_id: str, headers: Mapping[str, str]) -> requests.Response:
        """Open a result, to be read bit by bit and closed; `headers` may ask for a range."""
        return self._open("jobs", job_id, "results", result_id, headers=headers, params={})

    def get_log(
        self, job_id: str, stream: str, headers: Mapping[str, str], task_index: str | None = None
    ) -> requests.Response:
        """Open what a task wrote to `stdout` or `stderr`, as get_result does."""
        params = {} if task_index is None else {"task_index": task_index}
        return self._open("jobs", job_id, "logs", stream, headers=headers, params=params)

    def close(self) -> None:
        """Close what is kept open for the next request."""
        self._session.close()

    def _pages(self, *path: str, params: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        query = dict(params or {})
        while True:
            page = self._ask("GET", *path, params=query)
            yield page
            if "next_page_token" not in page:
                return
            query["page_token"] = page["next_page_token"]

    def _ask(self, method: str, *path: str, **options: Any) -> dict[str, Any]:
        return _object(self._send(method, *path, **options))

    def _open(self, *path: str, headers: Mapping[str, str], params: Mapping[str, str]) -> requests.Response:
        # A compressed answer would have other lengths and ranges than the file.
        whole = {"Accept-Encoding": "identity", **headers}
        return self._send("GET", *path, headers=whole, params=params, stream=True)

    def _send(
        self, method: str, *path: str, longer_seconds: int = 0, stream: bool = False, **options: Any
    ) -> requests.Response:
        url = "/".join([self.url, *(quote(segment, safe="") for segment in path)])
        options |= {"timeout": (CONNECT_SECONDS, READ_SECONDS + longer_seconds), "stream": stream}
        patience = self.patience_seconds
        while True:
            try:
                return self._send_once(method, url, options)
            except ComputeError as error:
                if error.retry_after is None or error.retry_after > patience:
                    raise
                patience -= error.retry_after
                sleep(error.retry_after)

    def _send_once(self, method: str, url: str, options: Mapping[str, Any]) -> requests.Response:
        try:
            # The API never redirects; a token must not follow somebody who does.
            answer = self._session.request(method, url, allow_redirects=False, **options)
        except requests.RequestException as error:
            raise Unreachable from error
        if answer.ok and not answer.is_redirect:
            return answer
        with answer:
            raise Refused(answer)


class _Bearer(AuthBase):
    """Put the token on a request; a `.netrc` of the account has no say then, also without a token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _object(answer: requests.Response) -> dict[str, Any]:
    # What stands between us and the API, such as a proxy, answers in ways of its own.
    try:
        document = answer.json()
    except requests.RequestException as error:
        raise Unreachable from error
    if not isinstance(document, dict):
        raise Unreachable
    return document


@lru_cache
def connect(url: str, token: str, patience_seconds: int) -> CommonCompute:
    """Give the client of an API, the same for the same, so that connections are used again."""
    return CommonCompute(url, token, patience_seconds)
