"""Two gibibytes from a facility over SSH through a server whose memory hardly grows."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [
    pytest.mark.real,
    pytest.mark.long,
    pytest.mark.needs("slurm"),
    pytest.mark.timeout(1500),
]

PROGRAM = Path(sys.executable).with_name("common-compute")
MIB = 1 << 20
SIZE = 2048 * MIB
MOST_GROWTH = 200 * MIB

_CONFIGURATION = """\
[service]
id = "org.example.large-{host}"

[store]
url = "sqlite:///{room}/store.sqlite3"
results = "{room}/results"

[[facility]]
id = "{host}"
connector = "ssh"
host = "{address}"
port = {port}
host_key = "{host_key}"
account = "carol"
key_file = "{key}"
"""

_COMMAND = f"""\
# Bytes that cannot be compressed and are quick to have; the job tells their sum itself.
head -c {SIZE} /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 0000000000000000 \
    -nosalt | tee big | sha256sum | cut -c 1-64
"""


@dataclass
class Watched:
    """A server's process, and the largest resident memory of its own that was seen since a mark."""

    url: str
    pid: int
    peak: int = 0
    told: dict[str, int] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    def anonymous_bytes(self) -> int:
        """Give what the process holds in memory beside files."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        kib = next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:"))
        return int(kib) * 1024

    def watch(self) -> None:
        """Look again and again."""
        while not self._over.wait(0.05):
            self.peak = max(self.peak, self.anonymous_bytes())

    def stop(self) -> None:
        """Look no more."""
        self._over.set()

    def tell(self, phase: str, before: int) -> None:
        """Note by how much a phase's peak was above what there was before everything, and begin the next one."""
        self.told[phase] = self.peak - before
        self.peak = 0


@contextmanager
def served(facility: dict[str, Any], host: str, room: Path) -> Iterator[Watched]:
    """Serve one host in an account of the platform's; the server may have half of the result's size as data."""
    reached = facility["hosts"][host]
    key = room / "key"
    key.touch(mode=0o600)
    key.write_text(Path(facility["users"]["carol"]["private_key"]).read_text())
    text = _CONFIGURATION.format(
        host=host,
        room=room,
        address=reached["address"],
        port=reached["port"],
        host_key=reached["host_key"],
        key=key,
    )
    (room / "serve.toml").write_text(text + ("[facility.slurm]\n" if host == "cluster" else ""))
    options = ["--port", "0", "--json", "--until-stdin-closes"]
    command = [str(PROGRAM), "serve", "--config", str(room / "serve.toml"), *options]
    with (
        (room / "log").open("wb") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            ready = process.stdout.readline()
            assert ready, (room / "log").read_text()[-2000:]
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (SIZE // 2, SIZE // 2))
            watched = Watched(json.loads(ready)["url"], process.pid)
            watcher = threading.Thread(target=watched.watch, daemon=True)
            watcher.start()
            yield watched
            watched.stop()
            watcher.join()
        finally:
            process.stdin.close()


def run_job(client: httpx.Client, host: str) -> dict[str, Any]:
    """Run the job to its end."""
    document = {
        "facility_id": host,
        "software": {"kind": "installed", "name": "posix-shell"},
        "command": ["sh", "-c", _COMMAND],
        "outputs": [{"path": "big"}],
    }
    submitted = client.post("/jobs", json=document)
    assert 201 == submitted.status_code, submitted.text
    job: dict[str, Any] = submitted.json()
    while job["state"] not in ("succeeded", "failed", "cancelled"):
        job = client.get(f"/jobs/{job['id']}", params={"wait_seconds": 20}).json()
    assert "succeeded" == job["state"], job
    return job


def download(client: httpx.Client, path: str, *, slowly: bool) -> str:
    """Read all bytes and give their sum; slowly: the first part of them in small pieces and with a long rest."""
    digest = hashlib.sha256()
    seen = 0
    with client.stream("GET", path) as answer:
        assert 200 == answer.status_code
        for chunk in answer.iter_raw(64 * 1024):
            digest.update(chunk)
            if slowly and seen < 64 * MIB:
                threading.Event().wait(8 if not seen else 0.01)
            seen += len(chunk)
    assert SIZE == seen
    return digest.hexdigest()


@pytest.mark.parametrize("host", ["plain", "cluster"])
def test_two_gibibytes_pass_in_constant_memory(
    slurm_facility: dict[str, Any], host: str, tmp_path: Path, record_property: Any
) -> None:
    """A result of 2 GiB is collected, and read by a quick and a slow client, while the server grows by at most 200 MiB."""
    with (
        served(slurm_facility, host, tmp_path) as server,
        httpx.Client(base_url=server.url, timeout=120) as client,
    ):
        assert 200 == client.get("/health").status_code
        before = server.anonymous_bytes()
        job = run_job(client, host)
        server.tell("collection", before)
        (result,) = client.get(f"/jobs/{job['id']}/results").json()["results"]
        path = f"/jobs/{job['id']}/results/{result['id']}"
        expected = client.get(f"/jobs/{job['id']}/logs/stdout").text.strip()
        assert (SIZE, expected) == (result["size_bytes"], result["sha256"])
        assert expected == download(client, path, slowly=False)
        server.tell("quick client", before)
        assert expected == download(client, path, slowly=True)
        server.tell("slow client", before)
        (kept,) = [file for file in (tmp_path / "results").rglob("*") if file.stat().st_size == SIZE]
        middle = SIZE // 2 + 12345
        part = client.get(path, headers={"Range": f"bytes={middle}-{middle + MIB - 1}"})
        assert 206 == part.status_code
        with kept.open("rb") as file:
            file.seek(middle)
            assert file.read(MIB) == part.content
        assert 204 == client.delete(f"/jobs/{job['id']}").status_code
        for phase, growth in server.told.items():
            record_property(f"growth during {phase}, bytes", growth)
        print({phase: f"{growth / MIB:.1f} MiB" for phase, growth in server.told.items()})
        assert {} == {phase: growth for phase, growth in server.told.items() if growth > MOST_GROWTH}
