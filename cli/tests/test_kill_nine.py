"""A server of a real facility, killed with -9 in the midst of submissions: nothing is lost, nothing runs twice."""

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from served import NOBODY

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

JOBS = 200
CONFIGURATION = """
[service]
id = "org.example.killed"
port = 0

[store]
url = "sqlite:///jobs.db"
results = "results"

[[facility]]
id = "internal"
connector = "internal"
root = "{root}"
max_running = 8
"""


class Server:
    """`common-compute serve`, started again after each death."""

    def __init__(self, directory: Path) -> None:
        self.configuration = directory / "service.toml"
        self.configuration.write_text(CONFIGURATION.format(root=directory / "jobs"))
        self.log = (directory / "server.log").open("ab")
        self.url = ""

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "common_compute_cli",
            "serve",
            "--config",
            str(self.configuration),
            "--json",
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log)
        ready = self.process.stdout.readline()
        assert ready, (self.configuration.parent / "server.log").read_text()[-2000:]
        self.url = json.loads(ready)["url"]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def _insist(server: Server, method: str, path: str, **arguments) -> httpx.Response:
    """Send until a server answers: whoever has an idempotency key may."""
    for _ in range(600):
        try:
            return httpx.request(method, server.url + path, timeout=30, verify=NOBODY, **arguments)
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"nobody answers {method} {path}")


def _submit_all(server: Server, ran: Path, accepted: dict[int, str]) -> None:
    for number in range(JOBS):
        body = {
            "facility_id": "internal",
            "software": {"kind": "installed", "name": "posix-shell"},
            "command": ["/bin/sh", "-c", f"echo {number} $CC_JOB_ID >>{ran}"],
        }
        answer = _insist(server, "POST", "/jobs", json=body, headers={"Idempotency-Key": f"job-{number}"})
        assert answer.status_code in (200, 201), answer.text
        accepted[number] = answer.json()["id"]


def _all_states(server: Server) -> dict[str, str]:
    states, token = {}, {}
    while True:
        page = _insist(server, "GET", "/jobs", params={"page_size": 1000, **token}).json()
        states |= {job["id"]: job["state"] for job in page["jobs"]}
        if "next_page_token" not in page:
            return states
        token = {"page_token": page["next_page_token"]}


@pytest.mark.parametrize(
    "seed", [*range(2), *(pytest.param(n, marks=pytest.mark.long) for n in range(2, 10))]
)
def test_killed_at_a_random_moment_of_200_submissions_each_job_runs_once(tmp_path, seed):
    """After `kill -9` and a new start all 200 jobs have run, each exactly once."""
    chance = random.Random(seed)
    server, ran, accepted = Server(tmp_path), tmp_path / "ran", {}
    server.start()
    try:
        submitting = threading.Thread(target=_submit_all, args=(server, ran, accepted))
        submitting.start()
        moment = chance.randrange(5, JOBS - 5)
        while len(accepted) < moment and submitting.is_alive():
            time.sleep(0.001)
        time.sleep(chance.random() * 0.05)
        server.kill()
        server.start()
        submitting.join()
        deadline = time.monotonic() + 240
        while (states := _all_states(server)) and time.monotonic() < deadline:
            if set(states.values()) <= {"succeeded", "failed", "cancelled"}:
                break
            time.sleep(0.2)
    finally:
        server.kill()
        server.log.close()
    assert {"succeeded": JOBS} == Counter(states.values())
    lines = [line.split() for line in ran.read_text().splitlines()]
    assert Counter(range(JOBS)) == Counter(int(number) for number, _ in lines)
    assert accepted == {int(number): job_id for number, job_id in lines}
