"""`common-compute serve` as a process of its own, in front of one cluster by several ways at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KILLED_AT_COMMIT = Path(__file__).with_name("killed_at_commit.py")
OBSERVE_EVERY_SECONDS = 3

_SERVICE = """\
[service]
id = "{service_id}"

[store]
url = "sqlite:///{room}/store.sqlite3"
results = "{room}/results"
"""

_FACILITY = """
[[facility]]
id = "{way}"
connector = "ssh"
host = "127.0.0.1"
port = {port}
host_key = "{host_key}"
account = "{account}"
key_file = "{key_file}"
root = "{root}/{way}"

[facility.slurm]
observe_every_seconds = {observe_every_seconds}
"""


@dataclass(frozen=True)
class Cluster:
    """Where the real facility is, as its description tells, and one account there."""

    address: str
    port: int
    host_key: str
    account: str
    key_file: Path
    home: Path
    """The account's home as this machine sees it."""
    versions: dict[str, str]

    @classmethod
    def of(cls, description: dict[str, Any], host: str, account: str) -> Cluster:
        """Take what is needed from `facility status --json`."""
        reached = description["hosts"][host]
        return cls(
            reached["address"],
            reached["port"],
            reached["host_key"],
            account,
            Path(description["users"][account]["private_key"]),
            Path(reached["room"]) / "home" / account,
            description["versions"],
        )


class Server:
    """A server that can be killed, and started again on the same store."""

    def __init__(
        self, room: Path, service_id: str, cluster: Cluster, root: str, ports: dict[str, int]
    ) -> None:
        room.mkdir()
        self.room = room
        self.service_id = service_id
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None
        self._configuration = room / "serve.toml"
        self._configuration.write_text(
            _SERVICE.format(service_id=service_id, room=room)
            + "".join(
                _FACILITY.format(
                    way=way,
                    port=port,
                    host_key=cluster.host_key,
                    account=cluster.account,
                    key_file=cluster.key_file,
                    root=root,
                    observe_every_seconds=OBSERVE_EVERY_SECONDS,
                )
                for way, port in ports.items()
            )
        )

    async def start(self, killed_at: Sequence[str] = ()) -> None:
        """Start it, and wait until it answers."""
        program = [KILLED_AT_COMMIT, *killed_at] if killed_at else ["-m", "common_compute_cli"]
        with (self.room / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *program,
                "serve",
                "--config",
                self._configuration,
                "--port",
                "0",
                "--json",
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(180):
            ready = await self._process.stdout.readline()
        if not ready:
            raise RuntimeError(f"The server does not start: {(self.room / 'log').read_text()[-2000:]}")
        self.port = int(json.loads(ready)["url"].split(":")[2].split("/")[0])

    async def kill(self) -> None:
        """Do as `kill -9` does."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def dead(self) -> None:
        """Wait until it has died by itself."""
        assert self._process is not None
        await self._process.wait()

    async def stop(self) -> None:
        """End it as an administrator does."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(30):
                await self._process.wait()
        except TimeoutError:
            await self.kill()
