"""A server of ours in front of a real facility: started, used by its callers, and left without their jobs."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from common_compute_cli.client import Client
from common_compute_cli.downloads import download_results

PROGRAM = Path(sys.executable).with_name("common-compute")
# Reading in the usual authorities for each request takes longer than to ask.
NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@contextmanager
def serving(configuration: Path) -> Iterator[str]:
    """Serve a configuration, with its log in the file `log` beside it, and give the API's address."""
    command = [PROGRAM, "serve", "--config", configuration, "--port", "0", "--json", "--until-stdin-closes"]
    with (
        configuration.with_name("log").open("wb") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            ready = process.stdout.readline()
            assert ready, configuration.with_name("log").read_text()[-2000:]
            yield json.loads(ready)["url"]
        finally:
            process.stdin.close()


@dataclass
class Served:
    """A server, and its clients by their tokens; where no token is named it is the first caller who acts."""

    url: str
    clients: Mapping[str, Client]

    def client(self, token: str | None = None) -> Client:
        """Give a caller's client."""
        return self.clients[token or next(iter(self.clients))]

    def submit(self, bodies: Mapping[str, Mapping[str, Any]], token: str | None = None) -> dict[str, str]:
        """Submit jobs, and give their ids by their names."""
        return {name: self.client(token).submit_job(body)["id"] for name, body in bodies.items()}

    def ended(self, job_id: str, token: str | None = None) -> dict[str, Any]:
        """Wait for the end of a job, and give it."""
        etag = None
        while True:
            seen = self.client(token).see_job(job_id, etag=etag, wait_seconds=20)
            if seen.job is not None and "expires_at" in seen.job:
                return seen.job
            etag = seen.etag

    def succeeded(self, job_id: str, token: str | None = None) -> dict[str, Any]:
        """Wait for the end of a job that has to succeed, and give it."""
        job = self.ended(job_id, token)
        assert job["state"] == "succeeded", (job, self.log(job_id, "stderr", token))
        return job

    def results(self, job_id: str, room: Path, token: str | None = None) -> dict[str, bytes]:
        """Bring the results of a job home as the command line does, and read them there."""
        there = list(download_results(self.client(token), job_id, room))
        return {str(each.path.relative_to(room)): each.path.read_bytes() for each in there}

    def log(self, job_id: str, stream: str, token: str | None = None) -> bytes:
        """Give a log of a job."""
        with self.client(token).get_log(job_id, stream) as pieces:
            return b"".join(pieces)

    def call(self, token: str | None, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request as it is, and give whatever answers it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})
        return httpx.request(method, f"{self.url}{path}", headers=headers, timeout=60, verify=NOBODY, **more)

    def clean_up(self) -> None:
        """End and release all jobs of all callers."""
        for token, client in self.clients.items():
            ids = [job["id"] for job in client.list_jobs()]
            for job_id in ids:
                client.cancel_job(job_id)
            for job_id in ids:
                self.ended(job_id, token)
                client.release_job(job_id)
