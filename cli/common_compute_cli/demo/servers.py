"""Run servers as children of this program, none of which outlives it."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from common_compute_cli import pace
from common_compute_cli.errors import ServerDidNotStart
from common_compute_cli.interrupts import uninterrupted

START_SECONDS = 60.0
STOP_SECONDS = 15.0


def program(*arguments: str) -> list[str]:
    """Give the command line that runs this program; -P keeps the present directory out of its imports."""
    return [sys.executable, "-P", "-m", "common_compute_cli", *arguments]


@dataclass(frozen=True)
class Running:
    """A server that is up."""

    name: str
    url: str
    docs: str
    log: Path
    process: subprocess.Popen[bytes]


class Servers:
    """The servers that were started; leaving the context ends them all.

    They do not share this program's terminal signals, so that a Ctrl-C reaches this program alone, which ends
    them in order. Each reads from a pipe of which this program holds the other end: should this program be
    killed, they end as well. Their temporary files are in a directory of this program's, so that one that has
    to be killed leaves none.

    `logs` gets a file for each; `temporary` exists.
    """

    def __init__(self, logs: Path, temporary: Path) -> None:
        self._logs = logs
        self._environment = {**os.environ, "TMPDIR": str(temporary)}
        self._running: list[Running] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __iter__(self) -> Iterator[Running]:
        """Go through the servers that are up."""
        return iter(self._running)

    def start(self, commands: dict[str, Sequence[str]]) -> list[Running]:
        """Start servers side by side, by name, and give them once all are ready.

        Raises:
            ServerDidNotStart: one of them ended, or was not ready within a minute.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        started = [self._spawn(name, arguments) for name, arguments in commands.items()]
        self._running += [_await_ready(name, log, process) for name, log, process in started]
        return self._running[-len(started) :]

    def _spawn(self, name: str, arguments: Sequence[str]) -> tuple[str, Path, subprocess.Popen[bytes]]:
        log = self._logs / f"{name}.log"
        with log.open("wb") as written:
            process = subprocess.Popen(
                program(*arguments, "--json", "--until-stdin-closes"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=written,
                env=self._environment,
                start_new_session=True,
            )
        self._processes.append(process)
        return name, log, process

    def stop(self) -> None:
        """End every server, and come back when none is left."""
        with uninterrupted():
            for process in self._processes:
                if process.poll() is None:
                    process.terminate()
            deadline = pace.now() + STOP_SECONDS
            for process in self._processes:
                try:
                    process.wait(max(0.1, deadline - pace.now()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        pipe.close()
            self._processes.clear()
            self._running.clear()


def _await_ready(name: str, log: Path, process: subprocess.Popen[bytes]) -> Running:
    line = _first_line(process)
    try:
        ready = json.loads(line)
        return Running(name, ready["url"], ready["docs"], log, process)
    except (ValueError, KeyError, TypeError) as error:
        words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise ServerDidNotStart(
            name, words[-1] if words else line.decode(errors="replace").strip()
        ) from error


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    """Give what the process prints up to its first line feed, its end, or the end of the patience."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    deadline = pace.now() + START_SECONDS
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while b"\n" not in line and (left := deadline - pace.now()) > 0:
            if selector.select(left):
                piece = os.read(descriptor, 4096)
                if not piece:
                    break
                line += piece
    return line
