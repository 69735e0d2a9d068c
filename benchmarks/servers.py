"""Start the servers that are compared, each in a process tree of its own whose CPU time can be read."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cpu import cpu_seconds, resident_bytes
from specimens import SPEC

HERE = Path(__file__).parent
_PRISM = HERE / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
_IDLE_SHARE = 0.1
"""Of a core: an idle server of ours still looks around."""

STORE_FILE = "store.sqlite3"
UNIT = "microseconds of server CPU"

OURS = "Common Compute mock"
PRISM_STATIC = "Prism static"


@dataclass(frozen=True)
class Server:
    """How one of them is started; `{port}` in its command is where it listens.

    `answers` is a path that answers without any job. `warm_up_seconds` of its CPU time go by under load
    before anything counts: node's compiler needs thousands of requests to see what is hot.
    """

    name: str
    command: Sequence[str]
    base: str = ""
    answers: str = "/"
    warm_up_seconds: float = 2.0
    patience_seconds: float = 60.0

    def start(self) -> Running:
        """Start it and wait for its first answer."""
        return Running(self)


class Running:
    """A server that runs until the end of the `with`."""

    def __init__(self, server: Server) -> None:
        self.server = server
        port = _free_port()
        command = [word.replace("{port}", str(port)) for word in server.command]
        begun = time.monotonic()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            cwd=HERE,
            env=_environment(),
        )
        self.url = f"http://127.0.0.1:{port}{server.base}"
        try:
            self._wait(f"http://127.0.0.1:{port}{server.answers}")
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.monotonic() - begun
        """Until its first answer."""

    def __enter__(self) -> Self:
        """Give the running server."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def cpu_seconds(self) -> float:
        """Give the CPU time that it has taken so far."""
        return cpu_seconds(self._process.pid)

    def resident_bytes(self) -> int:
        """Give the memory that it has in use now."""
        return resident_bytes(self._process.pid)

    def settle(self) -> None:
        """Wait until it has nothing left to do: requests that were cut off may still be worked on."""
        before, taken = self.cpu_seconds(), _IDLE_SHARE
        while taken >= _IDLE_SHARE:
            time.sleep(1)
            now = self.cpu_seconds()
            before, taken = now, now - before

    def stop(self) -> None:
        """End it, in the hard way if it does not go by itself."""
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait(self, url: str) -> None:
        end = time.monotonic() + self.server.patience_seconds
        while time.monotonic() < end and self._process.poll() is None:
            try:
                urllib.request.urlopen(url, timeout=5).close()
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.01)
            else:
                return
        raise SystemExit(f"{self.server.name} did not answer: {' '.join(self.server.command)}")


def content_of(database: Path) -> Path:
    """Give the directory in which a mock with this database keeps what jobs left."""
    return database.with_name(f"{database.name}.results")


def ours(*options: str, patience_seconds: float = 60.0) -> Server:
    """Give our mock, as a user starts it."""
    program = Path(sys.executable).with_name("common-compute")
    command = [str(program), "mock", "--flavour", "rosetta", "--port", "{port}", *options]
    return Server(OURS, command, "/v1", "/v1/health", patience_seconds=patience_seconds)


def ours_held(directory: Path) -> Server:
    """Give our mock without what happens to a job after its submission, over the store in a directory."""
    command = [sys.executable, str(HERE / "peers" / "held_dispatcher.py"), "{port}", str(directory)]
    return Server(f"{OURS}, dispatcher held", command, "/v1", "/v1/health")


def prism(*, dynamic: bool) -> Server:
    """Give Prism on the same contract; it logs nothing, which makes it nine times as fast."""
    command = ["node", str(_PRISM), "mock", "-p", "{port}", "-v", "silent", str(SPEC / "openapi.yaml")]
    name = "Prism dynamic" if dynamic else PRISM_STATIC
    return Server(name, [*command, "--dynamic"] if dynamic else command, "", "/health", 10.0)


def python_peer(name: str, module: str, base: str = "") -> Server:
    """Give one of our own peers, under the same HTTP server as ours."""
    arguments = ["--port", "{port}", "--no-access-log", "--log-level", "warning", "--no-server-header"]
    return Server(name, [sys.executable, "-m", "uvicorn", f"{module}:app", *arguments], base)


def peers() -> list[Server]:
    """Give all that ours is measured against."""
    return [
        prism(dynamic=False),
        prism(dynamic=True),
        python_peer("connexion, stock", "peers.connexion_peer", "/v1"),
        python_peer("FastAPI", "peers.fastapi_peer"),
        python_peer("Starlette, the floor", "peers.starlette_floor"),
    ]


def _environment() -> dict[str, str]:
    """Let Python keep bytecode, as every installation has it; a developer's shell may forbid it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(HERE / ".measured-bytecode")}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port
