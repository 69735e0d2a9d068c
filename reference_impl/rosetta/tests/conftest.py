"""A real plain host below a temporary directory, and the life of a job on it as the dispatcher leads it."""

from __future__ import annotations

import asyncio
import getpass
import inspect
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from common_compute_connector.clock import SystemClock
from common_compute_connector.plan import output_rules
from common_compute_connector.protocol import (
    Accepted,
    Collected,
    EndedTask,
    FacilityConfiguration,
    Ground,
    LivePart,
    LogBytes,
    Part,
    PartKey,
    Submission,
    TaskSeen,
)
from common_compute_rosetta.connector import PlainHost, open_connector
from common_compute_rosetta.keys import Cabinet
from common_compute_rosetta.ssh import Login

_SSHD_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {room}/host_key
PidFile none
AuthorizedKeysFile {room}/authorized_keys
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
UseDNS no
MaxSessions 10
"""


class NoEnrolments:
    """A store without enrolments."""

    async def enrolment(self, owner: str) -> None:
        return None


class Run:
    """A job that was submitted: its part, what was last seen of each task, and what came home."""

    def __init__(self, spec: dict[str, Any], part: Part) -> None:
        self.spec = spec
        self.part = part
        self.seen: dict[int, TaskSeen] = {}
        self.history: dict[int, list[str]] = {index: [] for index in part.indices}
        self.logs: dict[tuple[int, str], bytes] = {}
        self.results: dict[tuple[int, str], bytes] = {}
        self.lost: dict[int, Sequence[str]] = {}

    @property
    def live(self) -> LivePart:
        ended = {index for index, seen in self.seen.items() if seen.state and seen.state.terminal}
        return LivePart(self.part, [index for index in self.part.indices if index not in ended])

    @property
    def task(self) -> TaskSeen:
        return self.seen[self.part.first_index]

    @property
    def stdout(self) -> bytes:
        return self.logs[self.part.first_index, "stdout"]

    @property
    def stderr(self) -> bytes:
        return self.logs[self.part.first_index, "stderr"]


class House:
    """A facility directory, and connectors to it; `reopen` forgets all that a connector knows."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.root = root
        self.settings = {"root": str(root), "max_running": 2, "kill_grace_seconds": 1, **settings}
        self.clock = SystemClock()
        self.connector = self.reopen()

    @property
    def base(self) -> Path:
        return self.root / "test-service"

    def reopen(self, **settings: Any) -> PlainHost:
        self.settings |= settings
        ground = Ground(self.clock, NoEnrolments(), "test-service")
        self.connector = open_connector(FacilityConfiguration("here", "internal", self.settings), ground)
        return self.connector

    def spec(self, *command: str, **members: Any) -> dict[str, Any]:
        software = {"kind": "installed", "name": "posix-shell"}
        return {"facility_id": "here", "software": software, "command": list(command), **members}

    def submission(self, spec: dict[str, Any], job_id: str | None = None, count: int = 1) -> Submission:
        part = Part(PartKey(job_id or self.clock.new_id(), 0), "anonymous", 0, count)
        return Submission(part, spec, count)

    async def submit(self, spec: dict[str, Any], count: int = 1) -> Run:
        submission = self.submission(spec, count=count)
        (answer,) = await self.connector.submit([submission])
        assert isinstance(answer, Accepted), answer
        return Run(spec, _with_handle(submission.part, answer.handle))

    async def observe(self, run: Run) -> None:
        (observation,) = await self.connector.observe([run.live])
        assert observation.known, "the host does not know the part"
        for seen in observation.tasks:
            run.seen[seen.index] = seen
            if seen.state and run.history[seen.index][-1:] != [str(seen.state)]:
                run.history[seen.index].append(str(seen.state))

    async def until(self, run: Run, *states: str) -> Run:
        """Observe until every task is in one of the states."""
        async with asyncio.timeout(60):
            while len(run.seen) < run.part.task_count or not all(
                t.state in states for t in run.seen.values()
            ):
                await self.observe(run)
                await self.clock.sleep(0.03)
        return run

    async def end(self, run: Run) -> Run:
        return await self.until(run, "succeeded", "failed", "cancelled")

    async def collect(self, run: Run) -> Run:
        ended = [EndedTask(run.part, index, output_rules(run.spec, index)) for index in run.part.indices]
        async for item in self.connector.collect(ended):
            if isinstance(item, Collected):
                run.lost[item.index] = item.lost
                continue
            content = b"".join([chunk async for chunk in item.chunks])
            if isinstance(item, LogBytes):
                run.logs[item.index, item.stream] = content
            else:
                run.results[item.index, item.path] = content
        return run

    async def run(self, *command: str, count: int = 1, **members: Any) -> Run:
        """Take a job from its submission to its results."""
        run = await self.submit(self.spec(*command, **members), count)
        return await self.collect(await self.end(run))

    def task_directory(self, run: Run, index: int = 0) -> Path:
        return self.base / "parts" / f"{run.part.key.job_id}.{run.part.key.number}" / "tasks" / str(index)

    def lanes(self) -> list[int]:
        """Give the process ids of the lanes that hold a slot."""
        return [int(lane.read_text().split()[1]) for lane in (self.base / "lanes").glob("[0-9]*")]


def _with_handle(part: Part, handle: str) -> Part:
    return Part(part.key, part.owner, part.first_index, part.task_count, handle)


def alive(pid: int) -> bool:
    """Tell whether a process runs; a corpse does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(") ")[2][0] not in "ZX"


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run tests that are coroutines, each on an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(params=["sh", "bash"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the system's sh, and bash under the name sh, as half of the hosts have it."""
    if request.param == "sh":
        return "/bin/sh"
    found = shutil.which("bash")
    assert found is not None, "these tests need bash, as the Makefile does"
    link = tmp_path / "bin" / "sh"
    link.parent.mkdir()
    link.symlink_to(found)
    return str(link)


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    return alive


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give an empty facility, and leave no process behind."""
    house = House(tmp_path / "facility")
    yield house
    end_processes_below(house.root)


@pytest.fixture(scope="session")
def life_types() -> SimpleNamespace:
    """Give the types with which a job's life is led to those who have another host for it."""
    return SimpleNamespace(house=House, run=Run, end_processes_below=end_processes_below)


def end_processes_below(root: Path) -> None:
    """Kill what still works below a directory, until a look finds nothing more."""
    while found := [pid for pid in processes_below(root) if alive(pid)]:
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def processes_below(root: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            here = os.readlink(process / "cwd").startswith(str(root))
        except OSError:
            continue
        if str(root).encode() in words or here:
            found.append(int(process.name))
    return found


@dataclass
class Daemon:
    """A real sshd for this account alone."""

    room: Path
    port: int
    login: Login
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Listen."""
        sshd = shutil.which("sshd") or "/usr/sbin/sshd"
        log = (self.room / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [sshd, "-D", "-e", "-f", self.room / "config"], stderr=log, start_new_session=True
            )
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            threading.Event().wait(0.02)
        raise AssertionError((self.room / "log").read_text())

    def stop(self) -> None:
        """Die, with all sessions."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Run an sshd that lets this account in with one key."""
    room = tmp_path_factory.mktemp("sshd")
    Path("/run/sshd").mkdir(exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", room / "host_key"], check=True)
    cabinet = Cabinet(["x" * 32])
    pair = cabinet.new_pair(("f", "o"), "test")
    (room / "authorized_keys").write_text(f"restrict {pair.public_line}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (room / "config").write_text(_SSHD_CONFIG.format(port=port, room=room))
    host_key = " ".join((room / "host_key.pub").read_text().split()[:2])
    login = Login("127.0.0.1", port, getpass.getuser(), host_key, cabinet.open(pair.sealed, ("f", "o")))
    daemon = Daemon(room, port, login)
    daemon.start()
    yield daemon
    daemon.stop()
