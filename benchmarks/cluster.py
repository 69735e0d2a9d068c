"""The cluster of `common-compute facility up slurm`, by hand over SSH and behind a server of ours."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import paramiko

import service
from common_compute_rosetta.ssh import Login

HOST, USER = "cluster", "alice"
_FACILITY = Path(__file__).parents[1] / "facilities" / "slurm" / "facility"
_FACILITY_SETTINGS = """\
[[facility]]
id = "cluster"
connector = "ssh"
host = "{address}"
port = {port}
host_key = "{host_key}"
account = "{user}"
key_file = "{key}"

[facility.slurm]
observe_every_seconds = 1
"""


@dataclass(frozen=True)
class Cluster:
    """How the cluster is reached."""

    address: str
    port: int
    host_key: str
    key: str
    home: Path
    """Its user's home, as this machine knows it."""

    def login(self) -> Login:
        """Give the login that the connector takes."""
        return Login(self.address, self.port, USER, self.host_key, Path(self.key).read_text())

    @contextmanager
    def by_hand(self) -> Iterator[paramiko.SSHClient]:
        """Keep one connection, as quick as the connector's: without delay, at the pinned key."""
        kind, _, text = self.host_key.partition(" ")
        with paramiko.SSHClient() as client:
            entry = paramiko.hostkeys.HostKeyEntry.from_line(f"x {kind} {text}")
            assert entry is not None
            client.get_host_keys().add(f"[{self.address}]:{self.port}", kind, entry.key)
            client.connect(
                self.address, self.port, USER, key_filename=self.key, allow_agent=False, look_for_keys=False
            )
            transport = client.get_transport()
            assert transport is not None
            assert isinstance(transport.sock, socket.socket)
            transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield client


def find_cluster() -> Cluster:
    """Bring the facility up, if it is not, and tell how it is reached."""
    subprocess.run([_FACILITY, "up"], check=True, capture_output=True)
    told: dict[str, Any] = json.loads(
        subprocess.run([_FACILITY, "status", "--json"], check=True, capture_output=True).stdout
    )
    host = told["hosts"][HOST]
    home = Path(host["room"]) / "home" / USER
    return Cluster(host["address"], host["port"], host["host_key"], told["users"][USER]["private_key"], home)


def run(client: paramiko.SSHClient, command: str, stdin: str = "") -> str:
    """Run a command there, and give what it wrote; raise if it failed."""
    put, got, wrong = client.exec_command(command)
    put.write(stdin)
    put.channel.shutdown_write()
    text = got.read().decode()
    if got.channel.recv_exit_status():
        raise RuntimeError(f"{command}: {wrong.read().decode()}")
    return text


@contextmanager
def served(cluster: Cluster) -> Iterator[httpx.Client]:
    """Serve the cluster, and give a client of the API."""
    facility = _FACILITY_SETTINGS.format(
        address=cluster.address,
        port=cluster.port,
        host_key=cluster.host_key,
        user=USER,
        key=cluster.key,
    )
    with service.served(facility) as client:
        yield client


@contextmanager
def occupied(client: paramiko.SSHClient) -> Iterator[None]:
    """Keep the nodes busy, so that no job begins: here they share their processors with the login node."""
    job = run(
        client, "sbatch --parsable -o /dev/null --exclusive -N 2", "#!/bin/sh\nexec sleep 3600\n"
    ).strip()
    try:
        while run(client, f"squeue -h -j {job} -o %T").strip() != "RUNNING":
            time.sleep(0.2)
        yield
    finally:
        run(client, f"scancel {job}")


def until_all_have_ended(client: paramiko.SSHClient, job: str) -> None:
    """Wait until Slurm has nothing alive of a job."""
    while run(client, f"squeue -h -t pending,running,completing -j {job} -o %i || true").strip():
        time.sleep(0.2)
