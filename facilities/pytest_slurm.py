"""Fixtures of the Slurm facility: brought up once per session, and left up, so that the next one is quick."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from served_slurm import Server

SCRIPT = Path(__file__).parent / "slurm" / "facility"


class OnHost(Protocol):
    """Runs commands at the facility, as its users would over SSH."""

    def __call__(
        self, host: str, user: str, command: str, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a user's login shell on a host; its exit code is not looked at."""


@pytest.fixture(scope="session")
def slurm_facility() -> dict[str, Any]:
    """Bring the facility up, and give what `facility status slurm --json` tells."""
    up = subprocess.run([SCRIPT, "up"], check=False, stderr=subprocess.PIPE, text=True)
    if up.returncode != 0:
        pytest.fail(f"The facility did not come up:\n{up.stderr}", pytrace=False)
    status = subprocess.run([SCRIPT, "status", "--json"], check=True, stdout=subprocess.PIPE)
    description: dict[str, Any] = json.loads(status.stdout)
    return description


@pytest.fixture(scope="session")
def on_host(slurm_facility: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> OnHost:
    """Give a way to act as one of the users on one of the hosts, whose keys are pinned."""
    known_hosts = tmp_path_factory.mktemp("ssh") / "known_hosts"
    known_hosts.write_text(
        "".join(
            f"[{host['address']}]:{host['port']} {host['host_key']}\n"
            for host in slurm_facility["hosts"].values()
        ),
        encoding="utf-8",
    )

    def run(host: str, user: str, command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        reached = slurm_facility["hosts"][host]
        settings = {
            "Port": reached["port"],
            "User": user,
            "IdentityFile": slurm_facility["users"][user]["private_key"],
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": known_hosts,
            "StrictHostKeyChecking": "yes",
            "LogLevel": "ERROR",
        }
        options = [f"-o{name}={value}" for name, value in settings.items()]
        return subprocess.run(
            ["ssh", "-F", "none", *options, reached["address"], command],
            check=False,
            input=stdin,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture(scope="session")
def server(slurm_facility: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the cluster to two callers, alice and carol there."""
    # Most of those who load these fixtures serve nothing, and may have no command line.
    from served_slurm import served  # noqa: PLC0415

    with served(slurm_facility, tmp_path_factory.mktemp("served")) as serving:
        yield serving
