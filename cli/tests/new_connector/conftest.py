"""Projects as `common-compute new-connector` writes them, on the path as an installation would put them there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from common_compute_cli.__main__ import run

PATIENCE_SECONDS = 240


class Server:
    """`common-compute serve` of a project's configuration, with its store and jobs in a directory of its own."""

    def __init__(self, project: Project, room: Path) -> None:
        self.room = room
        configuration = room / "facility.toml"
        configuration.write_text((project.folder / "facility.toml").read_text(encoding="utf-8"))
        self._log = room / "server.log"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "common_compute_cli"),
                    *("serve", "--config", str(configuration), "--port", "0", "--json"),
                ],
                cwd=room,
                env=project.environment,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self._log.read_text(encoding="utf-8")
        self.url: str = json.loads(line)["url"]

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the server, and nothing else."""
        self.process.send_signal(number)
        self.process.wait(PATIENCE_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Project:
    """A project in its folder; `environment` is that of a Python in which it is installed."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.package = folder / f"{name}_connector"
        path = [str(folder), os.environ.get("PYTHONPATH", "")]
        self.environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}
        self._announce()

    def _announce(self) -> None:
        """Write what an installer writes about a package, out of pyproject.toml: no index is needed for that."""
        project = tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        about = self.folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        about.mkdir()
        words = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (about / "METADATA").write_text(words, encoding="utf-8")
        groups: dict[str, dict[str, str]] = project["entry-points"]
        lines = [
            line
            for group, points in groups.items()
            for line in (f"[{group}]", *(f"{name} = {place}" for name, place in points.items()))
        ]
        (about / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a module of Python in the project's folder."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    def program(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `common-compute` in the project's folder."""
        return self.python("common_compute_cli", *arguments)

    def certificate(self, url: str, out: Path, *options: str) -> tuple[int, dict[str, Any]]:
        """Certify a server; give the exit code and the certificate."""
        done = self.program("certify", url, "--out", str(out), *options)
        assert (out / "certificate.json").exists(), done.stdout + done.stderr
        return done.returncode, json.loads((out / "certificate.json").read_text(encoding="utf-8"))


@pytest.fixture
def new_project(tmp_path: Path) -> Callable[[str], Project]:
    """Give the function that lets the command write a project."""

    def write(name: str) -> Project:
        folder = tmp_path / f"{name}-connector"
        assert 0 == run(["new-connector", name, "--out", str(folder)])
        return Project(name, folder)

    return write


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Project], Server]]:
    """Give the function that serves a project, always in the same room; what it started ends with the test."""
    room = tmp_path / "room"
    room.mkdir()
    started: list[Server] = []

    def start(project: Project) -> Server:
        started.append(Server(project, room))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.end()
    _end_what_works_in(room)


def _end_what_works_in(room: Path) -> None:
    """End the jobs, and the queues, that a failed test left: they need no server, and go on when a child ends."""
    while left := [process for process in Path("/proc").glob("[0-9]*") if _works_in(room, process)]:
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGKILL)


def _works_in(room: Path, process: Path) -> bool:
    try:
        return (process / "cwd").readlink().is_relative_to(room)
    except OSError:
        return False
