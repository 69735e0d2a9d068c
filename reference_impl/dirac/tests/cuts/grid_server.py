"""`common-compute serve` in front of a real DIRAC, reached by several ways at once.

A way is a facility of its own. Its DIRAC client reads a configuration in which the services that a submission
goes to are at the ports of proxies.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICES = {"sandbox": "WorkloadManagement/SandboxStore", "manager": "WorkloadManagement/JobManager"}
"""What a submission goes to, by the names of points."""
SERVICE_ID = "org.example.cuts"

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
connector = "dirac"
interpreter = "{interpreter}"
configuration_server = "{configuration_server}"
ca_directory = "{ca_directory}"
vo = "{vo}"
group = "cta_user"
delegation = "service"
certificate = "{certificate}"
key = "{key}"
subject = "{subject}"
sites = ["{site}"]
heartbeat_seconds = 5
appears_within_seconds = 10
kill_grace_seconds = 1
observe_every_seconds = 1
call_seconds = 20
"""
_INTERPRETER = """\
#!/bin/sh
# DIRAC's client, by the proxies of one way.
echo $$ >{room}/{way}.pid
cp {room}/{way}.cfg "$HOME/.dirac.cfg"
exec {interpreter} "$@"
"""


@dataclass(frozen=True)
class Grid:
    """What `facility status dirac --json` tells."""

    told: Mapping[str, Any]

    def port(self, place: str) -> int:
        """Give the port of a service."""
        return int(self.told["ports"][SERVICES[place]])


class GridServer:
    """A server that can be killed, and started again on the same store."""

    def __init__(self, room: Path, grid: Grid, ways: Mapping[str, Mapping[str, int]]) -> None:
        self.room = room
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None
        self._configuration = room / "serve.toml"
        text = _SERVICE.format(service_id=SERVICE_ID, room=room)
        for way, ports in ways.items():
            interpreter = room / f"{way}.sh"
            told = grid.told
            interpreter.write_text(
                _INTERPRETER.format(room=room, way=way, interpreter=told["interpreter"]), encoding="utf-8"
            )
            interpreter.chmod(0o755)
            (room / f"{way}.cfg").write_text(_urls(ports), encoding="utf-8")
            text += _FACILITY.format(
                way=way,
                interpreter=interpreter,
                certificate=told["connector"]["certificate"],
                key=told["connector"]["key"],
                subject=told["users"]["alice"]["dn"],
                site=told["sites"]["with_a_worker"],
                **{name: told[name] for name in ("configuration_server", "ca_directory", "vo")},
            )
        self._configuration.write_text(text, encoding="utf-8")

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [
            "-m",
            "common_compute_cli",
            "serve",
            "--config",
            self._configuration,
            "--port",
            "0",
            "--json",
        ]
        with (self.room / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=log
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

    def kill_client(self, way: str) -> None:
        """Do the same to a way's process that talks to DIRAC."""
        os.kill(int((self.room / f"{way}.pid").read_text()), signal.SIGKILL)

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


def _urls(ports: Mapping[str, int]) -> str:
    """Write in DIRAC's own form where services are."""
    lines = "".join(
        f"      {SERVICES[place].partition('/')[2]} = dips://localhost:{port}/{SERVICES[place]}\n"
        for place, port in ports.items()
    )
    return f"Systems\n{{\n  WorkloadManagement\n  {{\n    URLs\n    {{\n{lines}    }}\n  }}\n}}\n"
