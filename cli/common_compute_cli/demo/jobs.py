"""The jobs of the demonstration at its own server, none of which outlives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from common_compute_cli import pace
from common_compute_cli.client import Client
from common_compute_cli.errors import CommandLineError
from common_compute_cli.interrupts import uninterrupted
from common_compute_cli.specification import terminal_states
from common_compute_cli.waiting import wait_for_end
from common_compute_cli.wire import Document

JOB_SECONDS = 90.0
_CLEAN_UP_SECONDS = 10.0


class Jobs:
    """All jobs at a server that nobody else uses; leaving the context cancels and releases what is there.

    The server is asked for them: a submission that was interrupted before its answer came counts as well.
    `on_change` is called with every new version of a job that is seen.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.on_change: Callable[[Document], None] = lambda _: None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean_up()

    def submit_job(self, spec: Mapping[str, Any]) -> str:
        """Submit a job and give its id."""
        job = self.client.submit_job(spec, idempotency_key=pace.new_key())
        self.on_change(job)
        return str(job["id"])

    def wait_for(self, job_id: str) -> Document:
        """Give the job once it has ended."""
        return wait_for_end(self.client, job_id, on_change=self.on_change, patience_seconds=JOB_SECONDS)

    def wait_until_running(self, job_id: str) -> None:
        """Come back once the job runs, or has ended."""
        for pause in pace.pauses():
            job = self.client.get_job(job_id)
            self.on_change(job)
            if job["state"] == "running" or job["state"] in terminal_states():
                return
            pace.sleep(min(pause, 1.0))

    def release_all(self) -> int:
        """Release every job, all of which have ended, and give their number."""
        jobs = list(self.client.list_jobs())
        for job in jobs:
            self.client.release_job(job["id"])
        return len(jobs)

    def _clean_up(self) -> None:
        """Try to cancel and release what is left; the error that led here is the one to be told."""
        with uninterrupted(), suppress(CommandLineError):
            jobs = list(self.client.list_jobs())
            for job in jobs:
                self.client.cancel_job(job["id"])
            for job in jobs:
                wait_for_end(self.client, job["id"], patience_seconds=_CLEAN_UP_SECONDS)
            self.release_all()
