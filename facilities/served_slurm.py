"""A server in front of the Slurm facility's cluster, for tests of whole jobs as their callers see them.

The fixture `server` of pytest_slurm.py starts it once per session.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from common_compute_cli.client import Client
from common_compute_cli.downloads import download_results

PROGRAM = Path(sys.executable).with_name("common-compute")

ANNA, CORA = "token-of-anna-4711", "token-of-cora-0815"
ACCOUNTS = {ANNA: "alice", CORA: "carol"}
RUNTIMES = ("charliecloud", "podman", "bubblewrap")
"""There is a facility for each, called by its name; at the first one both callers are let in."""
SHELL = {"kind": "installed", "name": "posix-shell"}

_SERVICE = """\
[service]
id = "org.example.served"

[store]
url = "sqlite:///{room}/store.sqlite3"
results = "{room}/results"

[access]
kind = "bearer"
tokens_file = "{room}/tokens"
"""
_FACILITY = """
[[facility]]
id = "{runtime}"
connector = "ssh"
host = "{address}"
port = {port}
host_key = "{host_key}"
root = ".served-{runtime}"
secret_file = "{room}/secret"
check_every_seconds = 1

[facility.slurm]
observe_every_seconds = 1

[facility.containers]
runtimes = ["{runtime}"]
registries = ["{registry}"]
ca_file = "{authority}"
probe_image = "{image}"

[[facility.software]]
name = "built-for-arm"
version = "1"
architectures = ["arm64"]
"""
_SOFTWARE = """
[[facility.software]]
name = "{name}"
version = "{version}"
setup = ". {setup}"
"""


@dataclass
class Server:
    """A server in front of the cluster, and its clients by their tokens."""

    url: str
    facility: Mapping[str, Any]
    homes: Path
    clients: Mapping[str, Client]

    @property
    def image(self) -> str:
        """The image that the facility's registry has, by its digest."""
        return str(self.facility["images"]["busybox"])

    def let_in(self, token: str, runtime: str = RUNTIMES[0]) -> None:
        """Do for a caller what the facility's instructions ask, and wait until it is known to work."""
        client, account = self.clients[token], ACCOUNTS[token]
        shown = client.put_credential(runtime, {"account": account})
        with (self.homes / account / ".ssh" / "authorized_keys").open("a", encoding="utf-8") as keys:
            keys.write(shown["instructions"].partition("this line: ")[2] + "\n")
        for _ in range(300):
            state = client.get_credential(runtime)["state"]
            # With the first login that works the facility is asked what it has.
            if state == "valid" and "container" in client.get_facility(runtime)["conforms_to"]:
                return
            threading.Event().wait(0.1)
        raise AssertionError(f"{client.get_credential(runtime)} {client.get_facility(runtime)}")

    def submit(self, bodies: Mapping[str, Mapping[str, Any]], token: str = ANNA) -> dict[str, str]:
        """Submit jobs, and give their ids by their names."""
        return {name: self.clients[token].submit_job(body)["id"] for name, body in bodies.items()}

    def ended(self, job_id: str, token: str = ANNA) -> dict[str, Any]:
        """Wait for the end of a job, and give it."""
        etag = None
        while True:
            seen = self.clients[token].see_job(job_id, etag=etag, wait_seconds=20)
            if seen.job is not None and "expires_at" in seen.job:
                return seen.job
            etag = seen.etag

    def succeeded(self, job_id: str, token: str = ANNA) -> dict[str, Any]:
        """Wait for the end of a job that has to succeed, and give it."""
        job = self.ended(job_id, token)
        assert job["state"] == "succeeded", (job, self.log(job_id, "stderr", token))
        return job

    def results(self, job_id: str, room: Path, token: str = ANNA) -> dict[str, bytes]:
        """Bring the results of a job home as the command line does, and read them there."""
        there = list(download_results(self.clients[token], job_id, room))
        return {str(each.path.relative_to(room)): each.path.read_bytes() for each in there}

    def log(self, job_id: str, stream: str, token: str = ANNA) -> bytes:
        """Give a log of a job."""
        with self.clients[token].get_log(job_id, stream) as pieces:
            return b"".join(pieces)

    def call(self, token: str | None, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request as it is, and give whatever answers it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})
        return httpx.request(method, f"{self.url}{path}", headers=headers, timeout=60, **more)

    def clean_up(self) -> None:
        """End and release all jobs of both callers."""
        for token, client in self.clients.items():
            ids = [job["id"] for job in client.list_jobs()]
            for job_id in ids:
                client.cancel_job(job_id)
            for job_id in ids:
                self.ended(job_id, token)
                client.release_job(job_id)


def job(*command: str, facility: str = RUNTIMES[0], **members: Any) -> dict[str, Any]:
    """Give the body of a job in the cluster's own shell, or in what the members say."""
    return {"facility_id": facility, "software": SHELL, "command": list(command), **members}


def _configuration(facility: Mapping[str, Any], room: Path) -> str:
    host, registry = facility["hosts"]["cluster"], facility["registry"]
    values = {"room": room, "registry": registry["address"], "authority": registry["ca"]}
    values |= {name: host[name] for name in ("address", "port", "host_key")}
    values["image"] = facility["images"]["busybox"]
    software = "".join(_SOFTWARE.format(**each) for each in facility["software"])
    facilities = [_FACILITY.format(runtime=runtime, **values) + software for runtime in RUNTIMES]
    return _SERVICE.format(room=room) + "".join(facilities)


@contextmanager
def _serving(configuration: Path) -> Iterator[str]:
    command = [PROGRAM, "serve", "--config", configuration, "--port", "0", "--json", "--until-stdin-closes"]
    with (
        configuration.with_name("log").open("wb") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.stdin.close()


@contextmanager
def served(facility: dict[str, Any], room: Path) -> Iterator[Server]:
    """Serve the cluster to two callers with accounts of their own there, and leave nothing behind."""
    tokens = "".join(f"{token} {token.split('-')[2]}\n" for token in ACCOUNTS)
    for name, text in (("secret", "k" * 44), ("tokens", tokens)):
        (room / name).touch(mode=0o600)
        (room / name).write_text(text)
    (room / "serve.toml").write_text(_configuration(facility, room))
    homes = Path(facility["hosts"]["cluster"]["room"]) / "home"
    keys = [homes / account / ".ssh" / "authorized_keys" for account in ACCOUNTS.values()]
    before = [file.read_text() for file in keys]
    try:
        with _serving(room / "serve.toml") as url, ExitStack() as stack:
            clients = {token: stack.enter_context(Client(url, token)) for token in ACCOUNTS}
            serving = Server(url, facility, homes, clients)
            for token in ACCOUNTS:
                serving.let_in(token)
            yield serving
    finally:
        for file, text in zip(keys, before, strict=True):
            file.write_text(text)
        for account in ACCOUNTS.values():
            for runtime in RUNTIMES:
                shutil.rmtree(homes / account / f".served-{runtime}", ignore_errors=True)
