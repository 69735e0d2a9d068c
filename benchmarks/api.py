"""Ask a server one thing at a time, for preparing a measurement and for waiting until it is over."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

_LARGEST_PAGE = 1000
_LIVE = {"state": ["pending", "queued", "running"], "page_size": "1"}


class Api:
    """The few operations that the benchmarks need, at a base URL."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        """Give it with its connection."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._client.close()

    def submit(self, body: bytes) -> str:
        """Submit a job and give its id."""
        answer = self._client.post("/jobs", content=body, headers={"Content-Type": "application/json"})
        answer.raise_for_status()
        return str(answer.json()["id"])

    def page_token_after(self, count: int) -> str:
        """Give the token of the page that follows so many jobs."""
        token: dict[str, str] = {}
        for _ in range(0, count, min(count, _LARGEST_PAGE)):
            page = self._list_jobs({"page_size": str(min(count, _LARGEST_PAGE)), **token})
            token = {"page_token": page["next_page_token"]}
        return token["page_token"]

    def wait_until_all_ended(self) -> None:
        """Come back when no job is live; asked rarely, for these questions take time of the server too."""
        while self._list_jobs(_LIVE)["jobs"]:
            time.sleep(0.5)

    def _list_jobs(self, query: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._client.get("/jobs", params=query)
        answer.raise_for_status()
        page: dict[str, Any] = answer.json()
        return page
