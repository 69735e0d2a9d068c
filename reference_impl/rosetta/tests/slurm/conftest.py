"""A real Slurm, reached over SSH as one of the facility's users, and the life of a job there."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector.clock import SystemClock
from common_compute_connector.protocol import FacilityConfiguration
from common_compute_rosetta.configuration import read_settings
from common_compute_rosetta.slurm_host import SlurmHost
from common_compute_rosetta.ssh import Login, SshTransport
from common_compute_rosetta.transport import Finished, Transport

SETTLE_SECONDS = 3
HOSTILE_CORPUS = Path(__file__).parents[1] / "test_host_argv.py"
FACILITY = Path(__file__).parents[4] / "facilities" / "slurm" / "facility"


class Told:
    """A transport that remembers what was answered, and lets a test change what is asked."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.answers: list[Finished] = []
        self.change: Callable[[Sequence[str], bytes], tuple[Sequence[str], bytes]] | None = None

    async def run(self, argv: Sequence[str], stdin: bytes = b"", *, deadline_seconds: float) -> Finished:
        if self.change is not None:
            argv, stdin = self.change(argv, stdin)
        self.answers.append(await self._transport.run(argv, stdin, deadline_seconds=deadline_seconds))
        return self.answers[-1]

    def stream(
        self, argv: Sequence[str], stdin: bytes = b"", *, idle_seconds: float
    ) -> AsyncGenerator[bytes, None]:
        return self._transport.stream(argv, stdin, idle_seconds=idle_seconds)

    async def close(self) -> None:
        await self._transport.close()


class Cluster:
    """A host of the facility with Slurm, and its users' homes as this machine sees them."""

    def __init__(self, facility: dict[str, Any], host: str) -> None:
        self._facility = facility
        self.host = host
        self.described = facility["hosts"][host]
        self.files = Path(self.described["room"])

    def login(self, user: str) -> Login:
        key = Path(self._facility["users"][user]["private_key"]).read_text()
        return Login(self.described["address"], self.described["port"], user, self.described["host_key"], key)

    def as_root(self, *command: str, check: bool = True) -> str:
        """Run a command there as root."""
        argv = [FACILITY, "enter", self.host, *command]
        return subprocess.run(argv, check=check, capture_output=True, text=True).stdout

    def processes(self) -> dict[str, int]:
        """Give the process ids of this host's services."""
        told = subprocess.run([FACILITY, "status", "--json"], capture_output=True, text=True).stdout
        return {s["service"]: s["process"] for s in json.loads(told)["services"] if s["host"] == self.host}

    @staticmethod
    def mend() -> None:
        """Bring back what a test has killed."""
        subprocess.run([FACILITY, "up"], check=True, capture_output=True)


def slurm_house(types: Any) -> type:
    """Make the type of a house whose host is a cluster."""

    class SlurmHouse(types.house):  # type: ignore[misc]
        run_type = types.run

        def __init__(self, cluster: Cluster, user: str = "alice", **slurm: Any) -> None:
            self.cluster = cluster
            self.user = user
            self.clock = SystemClock()
            name = f"test-{self.clock.new_id()}"
            # The same directory as the host and as this machine know it.
            self.there = f"/home/{user}/{name}"
            self.root = cluster.files / "home" / user / name / "facility"
            self.settings = {"root": f"{self.there}/facility", "lost_after_seconds": 3, "slurm": slurm}
            self.opened: list[SlurmHost] = []
            self.connector = self.reopen()

        @property
        def told(self) -> Told:
            return self.connector._transport

        def reopen(self, **settings: Any) -> SlurmHost:
            self.settings |= settings
            read = read_settings(FacilityConfiguration("here", "ssh", self.settings), below_home=True)
            transport = Told(SshTransport(self.cluster.login(self.user), self.clock))
            self.connector = SlurmHost(
                read,
                transport,
                self.clock,
                "test-service",
                bound_to_host=False,
                settle_seconds=SETTLE_SECONDS,
            )
            self.opened.append(self.connector)
            return self.connector

        def install(self, name: str, text: str) -> None:
            """Put a program before one of Slurm's commands."""
            directory = self.root.parent / "bin"
            directory.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(text)
            (directory / name).chmod(0o755)
            shutil.chown(self.root.parent, self.user_id)
            self.reopen(slurm={**self.settings["slurm"], "path": f"{self.there}/bin"})

        @property
        def user_id(self) -> int:
            return (self.cluster.files / "home" / self.user).stat().st_uid

        async def as_user(self, command: str) -> str:
            """Run a command in the user's shell there."""
            finished = await self.told.run(["sh", "-c", command], deadline_seconds=60)
            return finished.stdout.decode()

        def job_of(self, run: Any) -> str:
            return json.loads(run.part.handle)["job"]

        async def leave(self) -> None:
            """Cancel what is left, and close the connections."""
            ids = [path.read_text().strip() for path in self.base.glob("parts/*/native")]
            if ids:
                await self.as_user(f"scancel {' '.join(ids)}")
            for connector in self.opened:
                await connector.close()
            shutil.rmtree(self.root.parent, ignore_errors=True)

    return SlurmHouse


@pytest.fixture(scope="session")
def hostile() -> list[str]:
    """Give the strings on which the plain host is tried."""
    spec = spec_from_file_location("hostile_corpus", HOSTILE_CORPUS)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.HOSTILE)


@pytest.fixture(scope="session")
def cluster(slurm_facility: dict[str, Any]) -> Cluster:
    """Give the host with Slurm that keeps books."""
    return Cluster(slurm_facility, "cluster")


@pytest.fixture(scope="session")
def unaccounted(slurm_facility: dict[str, Any]) -> Cluster:
    """Give the host with Slurm that keeps none."""
    return Cluster(slurm_facility, "unaccounted")


@pytest.fixture
def make_house(life_types: Any) -> Iterator[Callable[..., Any]]:
    """Make houses, and leave no job behind."""
    houses = []

    def make(cluster: Cluster, user: str = "alice", **slurm: Any) -> Any:
        houses.append(slurm_house(life_types)(cluster, user, **slurm))
        return houses[-1]

    yield make
    for house in houses:
        asyncio.run(house.leave())


@pytest.fixture
def house(make_house: Callable[..., Any], cluster: Cluster) -> Any:
    """Give an empty account on the host that keeps books."""
    return make_house(cluster)
