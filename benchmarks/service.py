"""A server of ours with one real facility, and a client that submits to it and waits."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import httpx

_ENDED = ("succeeded", "failed", "cancelled")
_CONFIGURATION = """\
[service]
id = "org.example.bench"

[store]
url = "sqlite:///{room}/store.sqlite3"
results = "{room}/results"

"""


@contextmanager
def served(facility: str) -> Iterator[httpx.Client]:
    """Serve a facility, which is given as its part of a configuration, and give a client of the API."""
    with TemporaryDirectory() as room:
        configuration = Path(room) / "serve.toml"
        configuration.write_text(_CONFIGURATION.format(room=room) + facility)
        program = [sys.executable, "-m", "common_compute_cli", "serve", "--config", str(configuration)]
        with subprocess.Popen(
            [*program, "--port", "0", "--json", "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                url = json.loads(process.stdout.readline())["url"]
                with httpx.Client(base_url=url, timeout=60) as client:
                    yield client
            finally:
                process.stdin.close()


def submit(client: httpx.Client, facility_id: str, command: list[str], **members: Any) -> str:
    """Submit a job, and give its id."""
    body = {
        "facility_id": facility_id,
        "software": {"kind": "installed", "name": "posix-shell"},
        "command": command,
        **members,
    }
    sent = client.post("/jobs", json=body)
    sent.raise_for_status()
    return str(sent.json()["id"])


def submit_many(client: httpx.Client, facility_id: str, command: list[str], count: int) -> Sequence[str]:
    """Submit jobs, eight at once, and give their ids once the facility has them all."""
    with ThreadPoolExecutor(8) as callers:
        ids = list(callers.map(lambda _: submit(client, facility_id, command), range(count)))
    while client.get("/jobs", params={"state": "pending", "page_size": 1}).json()["jobs"]:
        time.sleep(0.02)
    return ids


def wait(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """Wait for a job's end, and give the job."""
    while True:
        job: dict[str, Any] = client.get(f"/jobs/{job_id}", params={"wait_seconds": 20}).json()
        if job["state"] in _ENDED:
            return job


def run_array(client: httpx.Client, facility_id: str, count: int) -> float:
    """Run an array of trivial tasks, and give the seconds to the last one's end."""
    begun = time.monotonic()
    job = wait(client, submit(client, facility_id, ["true"], array={"count": count}))
    if job["state"] != "succeeded":
        raise RuntimeError(f"the array ended as {job['state']}: {job.get('reason')}")
    return time.monotonic() - begun


def cancel_all(client: httpx.Client, ids: Sequence[str]) -> None:
    """Cancel jobs, and wait until they have ended."""
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda each: client.post(f"/jobs/{each}/cancel"), ids))
    for each in ids:
        wait(client, each)


def slowest_of_a_hundred(client: httpx.Client, job_id: str) -> float:
    """Give the 99th percentile of GET of a job, in milliseconds."""
    taken = []
    for _ in range(2000):
        begun = time.perf_counter()
        client.get(f"/jobs/{job_id}")
        taken.append(time.perf_counter() - begun)
    return quantiles(taken, n=100)[98] * 1000
