"""The grid of `common-compute facility up dirac`, through DIRAC's own client and behind a server of ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

import service

FACILITY, USER, GROUP = "grid", "alice", "cta_user"
_SCRIPT = Path(__file__).parents[1] / "facilities" / "dirac" / "facility"
_BY_HAND = Path(__file__).parent / "peers" / "dirac_by_hand.py"


@dataclass(frozen=True)
class Grid:
    """What `facility status dirac --json` tells."""

    told: dict[str, Any]

    def settings(self) -> dict[str, Any]:
        """Give the settings of a connector that acts for one user."""
        told = self.told
        return {
            "interpreter": told["interpreter"],
            "configuration_server": told["configuration_server"],
            "ca_directory": told["ca_directory"],
            "vo": told["vo"],
            "group": GROUP,
            "delegation": "service",
            "certificate": told["connector"]["certificate"],
            "key": told["connector"]["key"],
            "subject": told["users"][USER]["dn"],
            "sites": [told["sites"]["with_a_worker"]],
            "observe_every_seconds": 1,
        }

    def by_hand(self, what: str, count: int) -> float:
        """Let DIRAC's own client submit jobs or an array, and give the seconds that it took."""
        with TemporaryDirectory() as room:
            environment = {
                "HOME": room,
                "PATH": "/usr/bin:/bin",
                "DIRAC_ROOT_PATH": self.told["client_root"],
                "DIRAC_NO_CFG": "1",
                "X509_USER_PROXY": self.told["users"][USER]["proxies"][GROUP],
            }
            program = [self.told["interpreter"], str(_BY_HAND), what, str(count)]
            done = subprocess.run(
                program, env=environment, cwd=room, check=True, stdout=subprocess.PIPE, text=True
            )
        return float(done.stdout.splitlines()[-1])

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let DIRAC's services take connections and answer nothing, for as long as a `with` lasts."""
        stopped = [each["process"] for each in self.told["parts"] if "/" in each["part"]]
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in stopped:
                os.kill(process, signal.SIGCONT)


def find_grid() -> Grid:
    """Bring the facility up, if it is not, and tell how it is reached."""
    subprocess.run([_SCRIPT, "up"], check=True, capture_output=True)
    told = subprocess.run([_SCRIPT, "status", "--json"], check=True, capture_output=True)
    return Grid(json.loads(told.stdout))


@contextmanager
def served(grid: Grid) -> Iterator[httpx.Client]:
    """Serve the grid, and give a client of the API."""
    lines = ["[[facility]]", f'id = "{FACILITY}"', 'connector = "dirac"']
    # These are texts, numbers and lists of them: what TOML and JSON write in the same way.
    lines += [f"{name} = {json.dumps(value)}" for name, value in grid.settings().items()]
    with service.served("\n".join(lines)) as client:
        yield client
