"""Load a server with requests from connections that are kept alive, and count the answers.

`wrk` does it where it is there or can be installed, else httpx; the client's own CPU time counts nowhere.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import httpx

CONNECTIONS = 16
_SCRIPT = Path(__file__).with_name("wrk_requests.lua")


class LoadFailed(Exception):
    """Some requests were refused or not answered: the figure would be of something else."""


@dataclass(frozen=True)
class Load:
    """Requests to make: a GET of each URL in turn, or a POST of the body."""

    urls: Sequence[str]
    body: bytes | None = None

    def drive(self, seconds: float) -> int:
        """Keep every connection busy for so long, and give the number of answers.

        Raises:
            LoadFailed: a request was refused or not answered.
        """
        answered, failed = (_with_wrk if wrk() else _with_httpx)(self, seconds)
        if failed or not answered:
            raise LoadFailed(f"{failed} of {answered} requests to {self.urls[0]} failed")
        return answered


@cache
def wrk() -> str | None:
    """Give the path of wrk; it is installed first if it is not there and this is root on Debian."""
    if not shutil.which("wrk") and os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "--yes", "--no-install-recommends", "wrk"]
        if not _succeeds(install) and _succeeds(["apt-get", "update"]):
            _succeeds(install)
    return shutil.which("wrk")


def _succeeds(command: Sequence[str]) -> bool:
    return not subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode


def _with_wrk(load: Load, seconds: float) -> tuple[int, int]:
    with tempfile.TemporaryDirectory() as place:
        paths = Path(place, "paths")
        paths.write_text("".join(_target(url) + "\n" for url in load.urls))
        arguments = [str(paths)]
        if load.body is not None:
            body = Path(place, "body")
            body.write_bytes(load.body)
            arguments.append(str(body))
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--timeout", "60s"]
        told = subprocess.run(
            [*command, "-s", str(_SCRIPT), load.urls[0], "--", *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
    counts = json.loads(told.stdout.splitlines()[-1])
    return counts["answered"], counts["failed"]


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _with_httpx(load: Load, seconds: float) -> tuple[int, int]:
    return asyncio.run(_drive(load, seconds))


async def _drive(load: Load, seconds: float) -> tuple[int, int]:
    end = time.monotonic() + seconds
    urls = cycle(load.urls)
    method = "GET" if load.body is None else "POST"
    headers = {} if load.body is None else {"Content-Type": "application/json"}

    async def keep_busy(client: httpx.AsyncClient) -> tuple[int, int]:
        answered = failed = 0
        while time.monotonic() < end:
            try:
                answer = await client.request(method, next(urls), content=load.body, headers=headers)
            except httpx.TransportError:
                failed += 1
            else:
                answered += 1
                failed += answer.is_error
        return answered, failed

    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(limits=limits, timeout=30, trust_env=False) as client:
        counts = await asyncio.gather(*(keep_busy(client) for _ in range(CONNECTIONS)))
    return sum(answered for answered, _ in counts), sum(failed for _, failed in counts)
