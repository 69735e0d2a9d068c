"""The queue: what nq(1) is asked, and what its files say.

nq keeps a file for each job in its directory: `,TIME.PID`. The first line is `exec nq` and the command line;
the last one says how the job ended. The file is locked as long as the job waits or runs.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_KEY = re.compile(rb"([^/]+\.\d+)'?\n")
"""How the first line ends: in the path of the task's directory, in quotes where it needs them."""

_LAST_WORDS = re.compile(rb"\n\[(exited with status|killed by signal) (\d+)\.\]\n\Z")


class NotTaken(Exception):
    """nq did not take a job; its words say why."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a job's file says: `exit_code` or `signal` once nq has written how it ended."""

    alive: bool
    exit_code: int | None = None
    signal: int | None = None
    changed_at: datetime | None = None


class Queue:
    """The queue in one directory; every method may raise OSError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def hand_over(self, argv: Sequence[str]) -> str:
        """Let nq take a command line, and give the job's id.

        Raises:
            NotTaken: it did not.
        """
        done = subprocess.run(
            ["nq", *argv],
            env={"NQDIR": str(self._directory), "PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        job = done.stdout.strip()
        if done.returncode or not job.startswith(","):
            raise NotTaken(done.stderr.strip() or f"nq ended with {done.returncode}")
        return job

    def names(self) -> frozenset[str]:
        """Name the jobs that are there; without the directory there is no telling."""
        return frozenset(name for name in os.listdir(self._directory) if name.startswith(","))

    def jobs(self) -> Mapping[str, str]:
        """Give the jobs' ids by the last segment of their command lines, which is our key."""
        found = {}
        for name in self.names() if self._directory.is_dir() else ():
            with (self._directory / name).open("rb") as file:
                key = _KEY.search(file.readline())
            if key is not None:
                found[key[1].decode()] = name
        return found

    def look(self, job: str) -> Job:
        """Read a job's file."""
        with (self._directory / job).open("rb") as file:
            # In this order: whoever is not alive has written all that it will, but for nq's last words.
            alive = _is_locked(file.fileno())
            content = file.read()
            changed_at = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
        return read_job(content, changed_at, alive=alive)

    def end_waiting(self, job: str) -> None:
        """Take a job out of the queue: its name holds the number of the process that waits for its turn."""
        with suppress(FileNotFoundError, ProcessLookupError):
            if self.look(job).alive:
                os.kill(int(job.rpartition(".")[2]), signal.SIGTERM)

    def remove(self, job: str) -> None:
        """Remove the file of a job that has ended, if there is one."""
        if job:
            (self._directory / job).unlink(missing_ok=True)


def read_job(content: bytes, changed_at: datetime, *, alive: bool) -> Job:
    """Understand what a job's file says. Pure."""
    words = None if alive else _LAST_WORDS.search(content)
    if words is None:
        return Job(alive)
    number = int(words[2])
    if words[1] == b"exited with status":
        return Job(alive, exit_code=number, changed_at=changed_at)
    return Job(alive, signal=number, changed_at=changed_at)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
