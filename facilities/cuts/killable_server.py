"""`common-compute serve` as a process of its own, which can be killed and started again on the same store."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

_SERVICE = """\
[service]
id = "{service_id}"

[store]
url = "sqlite:///{room}/store.sqlite3"
results = "{room}/results"
"""


class KillableServer:
    """A server with its store in a room of its own; `facilities` are the tables of its configuration."""

    def __init__(self, room: Path, service_id: str, facilities: str) -> None:
        self.room = room
        self.service_id = service_id
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None
        self._configuration = room / "serve.toml"
        service = _SERVICE.format(service_id=service_id, room=room)
        self._configuration.write_text(service + facilities, encoding="utf-8")

    async def start(self, program: Sequence[str | Path] = ("-m", "common_compute_cli")) -> None:
        """Start it, by default as the command does, and wait until it answers."""
        serve = ["serve", "--config", str(self._configuration), "--port", "0", "--json"]
        with (self.room / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *map(str, program), *serve, stdout=asyncio.subprocess.PIPE, stderr=log
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
