"""Two replicas behind a real nginx on one PostgreSQL are restarted under load: no request fails, each job runs once."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_postgres import new_database
from replicas import PROGRAM, ROOT, Replica, behind_nginx

pytestmark = [pytest.mark.real, pytest.mark.needs("postgres", "nginx", "openssl")]

RECORD = ROOT / "docs" / "records" / "rolling_restart.md"
WAITING = {"wait_seconds": 55}
# After which a server lets down whoever is still waiting for an answer.
GRACE_SECONDS = 10
# What httpx says of an answer that ends before the length that its head has told.
BROKEN_OFF = "peer closed connection without sending complete message body"
CONFIGURATION = """
[service]
id = "org.example.replicas"

[store]
url = "{url}"
results = "{room}/results"

[[facility]]
id = "here"
connector = "internal"
root = "{room}/jobs"
max_running = 4
"""


@dataclass
class Site:
    """Two replicas behind nginx, and a room for the files that jobs write into."""

    url: str
    trust: ssl.SSLContext
    replicas: list[Replica]
    room: Path

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"{self.url}/v1", verify=self.trust, timeout=60)

    def job(self, words: str = "true") -> dict[str, Any]:
        return {
            "facility_id": "here",
            "software": {"kind": "installed", "name": "posix-shell"},
            "command": ["/bin/sh", "-c", words],
        }


@pytest.fixture(scope="module")
def site(postgres_cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give the replicas of one configuration, started, behind nginx."""
    room = tmp_path_factory.mktemp("site")
    configuration = room / "service.toml"
    url = new_database(postgres_cluster, "replicas")
    configuration.write_text(CONFIGURATION.format(url=url, room=room), encoding="utf-8")
    with ExitStack() as stack:
        replicas = [Replica(configuration, name) for name in ("one", "two")]
        for each in replicas:
            stack.callback(each.close)
            each.start()
        url, trust = stack.enter_context(behind_nginx([each.port for each in replicas], room))
        yield Site(url, trust, replicas, room)


@dataclass
class Load:
    """Callers that go on until they are told to stop; `failed` says what did not go as it should."""

    site: Site
    sent: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def ran(self) -> Path:
        """The file into which each job writes its id."""
        return self.site.room / f"ran-{id(self)}"

    def submit(self, what: str, pause: float, *, keyed: bool) -> None:
        """Submit jobs, with an idempotency key or without."""
        numbers = itertools.count()
        body = self.site.job(f'echo "$CC_JOB_ID" >>{self.ran}')

        def one(client: httpx.Client) -> httpx.Response:
            headers = {"Idempotency-Key": f"{id(numbers)}-{next(numbers)}"} if keyed else {}
            return client.post("/jobs", json=body, headers=headers)

        self.go(what, one, pause)

    def go(self, what: str, one: Callable[[httpx.Client], httpx.Response], pause: float) -> None:
        """Send one request after another in a thread of its own."""

        def repeat() -> None:
            with self.site.client() as client:
                while not self.done.is_set():
                    self.sent[what] += 1
                    try:
                        answer = one(client)
                    except httpx.HTTPError as error:
                        self.failed.append(f"{what}: {error!r}")
                    else:
                        if not answer.is_success:
                            self.failed.append(f"{what}: {answer.status_code} {answer.text[:200]}")
                        elif what.startswith("submit"):
                            self.accepted.append(answer.json()["id"])
                    self.done.wait(pause)

        self.threads.append(threading.Thread(target=repeat, daemon=True))
        self.threads[-1].start()

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        """Let the callers end with the request that they are at."""
        self.done.set()
        for thread in self.threads:
            thread.join()


def _wait_for(client: httpx.Client, job_id: str) -> str:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        job = client.get(f"/jobs/{job_id}", params={"wait_seconds": 20}).raise_for_status().json()
        if "finished_at" in job:
            return str(job["state"])
    raise AssertionError(f"{job_id} does not end")


def _ran_once(load: Load) -> None:
    """Let every accepted job come to its end, and see that each has run exactly once, and no other."""
    assert len(load.accepted) == len(set(load.accepted))
    with load.site.client() as client:
        assert {"succeeded"} == {_wait_for(client, job_id) for job_id in load.accepted}
    assert Counter(load.accepted) == Counter(load.ran.read_text(encoding="utf-8").split())


def _restarted(replica: Replica) -> float:
    """Restart a replica, and give the seconds that its stop took."""
    begun = time.monotonic()
    assert 0 == replica.end()
    seconds = time.monotonic() - begun
    replica.start()
    time.sleep(0.5)
    return seconds


def test_a_rolling_restart_under_load(site: Site) -> None:
    """Both replicas are restarted in turn, twice: no request of any kind fails, and each accepted job runs once."""
    with site.client() as client:
        long = client.post("/jobs", json=site.job("sleep 600")).raise_for_status().json()["id"]
        while client.get(f"/jobs/{long}").json()["state"] != "running":
            time.sleep(0.05)
    with Load(site) as load, site.client() as client:
        load.submit("submit with a key", 0.3, keyed=True)
        load.submit("submit without a key", 0.3, keyed=False)
        load.go("get_job", lambda client: client.get(f"/jobs/{long}"), 0.01)
        load.go("list_jobs", lambda client: client.get("/jobs", params={"page_size": 5}), 0.01)
        load.go("get_service_info", lambda client: client.get("/service-info"), 0.01)
        for _ in range(3):
            load.go("wait for a change", lambda client: client.get(f"/jobs/{long}", params=WAITING), 0)
        time.sleep(1)
        stops = [_restarted(replica) for replica in site.replicas * 2]
        # Whoever waits now is answered, and ends.
        load.done.set()
        client.post(f"/jobs/{long}/cancel").raise_for_status()
    assert max(stops) < GRACE_SECONDS, "somebody who waits for a change held a stop up"
    print(f"{sum(load.sent.values())} requests, {len(load.failed)} failed: {dict(load.sent)}")
    assert [] == load.failed
    assert min(load.sent.values()) >= 5
    _ran_once(load)


@pytest.mark.long
def test_eight_restarts_under_a_heavy_load(site: Site) -> None:
    """Callers that pause for nothing lose no request over eight restarts; the figures are kept in the record.

    Submissions without a key are wrong ones, which are answered at once: nothing may repeat them, so they are what a
    stop loses first.
    """
    wrong = {**site.job(), "facility_id": "nowhere"}

    def refused(client: httpx.Client) -> httpx.Response:
        answer = client.post("/jobs", json=wrong)
        return httpx.Response(200) if answer.status_code == 422 else answer

    begun = time.monotonic()
    with Load(site) as load:
        for _ in range(6):
            load.go("POST without a key", refused, 0)
        load.go("GET", lambda client: client.get("/service-info"), 0)
        load.submit("submit with a key", 0.2, keyed=True)
        time.sleep(1)
        for replica in site.replicas * 4:
            _restarted(replica)
    seconds = time.monotonic() - begun
    assert [] == load.failed
    _ran_once(load)
    lines = [
        "# Restarts under load",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores: two replicas on one PostgreSQL behind nginx, restarted in turn,",
        f"eight restarts in {seconds:.0f} seconds. Written by `deploy/tests/test_rolling_restart.py`.",
        "",
        "| requests | sent | failed |",
        "|---|---|---|",
        *(f"| {what} | {sent} | 0 |" for what, sent in sorted(load.sent.items())),
        "",
        f"Accepted jobs: {len(load.accepted)}, each of which ran exactly once.",
    ]
    RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _killed_under_load(site: Site) -> Load:
    with Load(site) as load:
        for _ in range(3):
            load.submit("submit with a key", 0.1, keyed=True)
            load.go("get_service_info", lambda client: client.get("/service-info"), 0)
        time.sleep(1)
        assert -signal.SIGKILL == site.replicas[0].end(signal.SIGKILL)
        time.sleep(0.5)
        site.replicas[0].start()
    assert min(load.sent.values()) >= 10
    return load


def test_a_replica_that_is_killed(site: Site) -> None:
    """When a replica dies at once, what may be repeated is repeated at the other: no such request fails.

    Only an answer that has begun is broken off, since its status has gone to the caller. A replica writes one answer
    at a time, in a moment, so that it can be in the middle of one at most.
    """
    load = _killed_under_load(site)
    assert [] == [failure for failure in load.failed if BROKEN_OFF not in failure]
    assert len(load.failed) <= 1
    with site.client() as client:
        for job_id in load.accepted:
            client.get(f"/jobs/{job_id}").raise_for_status()


@pytest.mark.long
def test_the_jobs_of_a_killed_replica_are_taken_over(site: Site) -> None:
    """Once its leases have run out, after a minute, the other one goes on with its jobs; each runs once."""
    _ran_once(_killed_under_load(site))


def test_what_may_not_be_repeated_is_not(site: Site) -> None:
    """A submission without a key that broke off is answered 502 and not sent to the other replica."""
    gone = site.replicas[0]
    gone.end()
    answered: list[int] = []
    with (
        site.client() as client,
        socket.create_server(("127.0.0.1", gone.port)) as listening,
        ExitStack() as stack,
    ):
        listening.settimeout(10)
        taken: list[str] = []

        def break_off() -> None:
            while True:
                connection, _ = listening.accept()
                with connection:
                    taken.append(connection.recv(65536).decode(errors="replace").partition(" ")[0])
                if len(taken) >= 2:
                    return

        thread = threading.Thread(target=break_off)
        thread.start()
        stack.callback(thread.join)
        while len(taken) < 1:
            answered.append(client.post("/jobs", json=site.job()).status_code)
        lost = answered.count(502)
        while thread.is_alive():
            answered.append(
                client.post(
                    "/jobs", json=site.job(), headers={"Idempotency-Key": f"k{len(answered)}"}
                ).status_code
            )
    gone.start()
    assert (1, 1, {201, 502}) == (lost, answered.count(502), set(answered))


def test_another_configuration_is_refused(site: Site) -> None:
    """A replica on another configuration does not start, and says why, whoever holds its standard input."""
    other = site.room / "other.toml"
    text = (site.room / "service.toml").read_text(encoding="utf-8")
    other.write_text(text.replace("max_running = 4", "max_running = 5"), encoding="utf-8")
    command = [PROGRAM, "serve", "--config", other, "--port", "0", "--until-stdin-closes"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as late:
        assert late.stderr is not None
        words = late.stderr.read().decode()
        code = late.wait(60)
    assert (2, True) == (code, "did not start" in words), words
    assert "shares this database and runs on another configuration" in words
    assert "Fatal Python error" not in words
