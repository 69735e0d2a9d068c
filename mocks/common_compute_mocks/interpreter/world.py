"""What the processes of one task share, and what each has of its own."""

from __future__ import annotations

import os
import posixpath
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf

from common_compute_mocks.interpreter.ends import End, FileEnd, LogEnd, NullEnd, Written, ZeroEnd
from common_compute_mocks.interpreter.failures import FileError, OutOfMemory, OutOfTime, Signalled
from common_compute_mocks.interpreter.files import DENIED, IS_A_DIRECTORY, Device, Directory, File, Tree

Program = Callable[["Process", list[str]], int]
"""A program: a process and its argv in, its exit code out."""

_let_others_run: Callable[[], None] = getattr(os, "sched_yield", lambda: None)
"""Gives Python's lock away for a moment, python/cpython issue 96078. An event loop in another thread would
otherwise wait for the switch interval, 5 ms, each time that it wakes."""

_STEPS_BETWEEN_BREATHS = 128
_FIRST_PID = 4001
_STOPPING = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a task is worked out.

    `seconds` is its last moment on its own time; `steps` bounds the work spent here: who has not ended by
    then never ends. `memory_bytes` bounds what a variable holds, `disk_bytes` files and logs.
    """

    seconds: float = inf
    steps: int = 50_000
    memory_bytes: int = 64 * 1024 * 1024
    disk_bytes: int = 64 * 1024 * 1024


@dataclass(slots=True)
class Background:
    """A process behind `&`, already worked out: its end is known before its time has come."""

    status: int
    ends_at: float
    killed: bool = False


@dataclass(eq=False)
class World:
    """One task's machine."""

    tree: Tree
    limits: Limits
    programs: Mapping[str, Program]
    tape: list[Written] = field(default_factory=list)
    pids: set[int] = field(default_factory=set)
    background: dict[int, Background] = field(default_factory=dict)
    ignored: set[tuple[int, int]] = field(default_factory=set)
    steps: int = 0
    _next_pid: int = _FIRST_PID

    def step(self) -> None:
        """Count one step of work."""
        self.steps += 1
        if self.steps > self.limits.steps:
            raise OutOfTime
        if self.steps % _STEPS_BETWEEN_BREATHS == 0:
            _let_others_run()

    def new_pid(self) -> int:
        """Give the next process its number."""
        self._next_pid += 1
        self.pids.add(self._next_pid - 1)
        return self._next_pid - 1

    def hold(self, size: int) -> None:
        """Count bytes that a process holds at once."""
        if size > self.limits.memory_bytes:
            raise OutOfMemory

    def kill(self, killer: Process, pid: int, number: int) -> bool:
        """Send a signal, and tell whether there is such a process."""
        if pid in self.background:
            job = self.background[pid]
            if killer.time < job.ends_at and number:
                job.ends_at, job.status, job.killed = killer.time, 128 + number, True
                self.tape[:] = [item for item in self.tape if item.branch != pid or item.at <= killer.time]
            return True
        if pid in (0, -_FIRST_PID):
            pid = _FIRST_PID
        if pid not in self.pids:
            return False
        if number in _STOPPING:
            raise OutOfTime
        if number and (pid, number) not in self.ignored:
            raise Signalled(pid, number)
        return True

    def logs(self) -> tuple[End, End]:
        """Open the task's two logs."""
        room = self.limits.disk_bytes
        return LogEnd(self.tape, "stdout", room), LogEnd(self.tape, "stderr", room)


@dataclass(eq=False)
class Process:
    """One running program: its number, place, environment, descriptors and time."""

    world: World
    pid: int
    directory: str
    environment: dict[str, str]
    ends: dict[int, End]
    time: float = 0.0
    branch: int = 0
    """The background process that this one belongs to, 0 for none."""

    def child(self) -> Process:
        """Fork."""
        return Process(
            self.world,
            self.world.new_pid(),
            self.directory,
            dict(self.environment),
            dict(self.ends),
            self.time,
            self.branch,
        )

    def sleep(self, seconds: float) -> None:
        """Let this process's time pass."""
        self.time += seconds
        if self.time > self.world.limits.seconds or self.time == inf:
            raise OutOfTime

    def absolute(self, path: str) -> str:
        """Give a path as this process means it."""
        if not path:
            raise FileError("No such file or directory")
        return posixpath.join(self.directory, path)

    def write(self, text: str, descriptor: int = 1) -> None:
        """Write to a descriptor."""
        end = self.ends.get(descriptor)
        if end is None:
            raise FileError("Bad file descriptor")
        if text:
            end.write(text.encode("latin-1"), self.time, self.branch)

    def complain(self, words: str) -> None:
        """Write a line to standard error, as far as there is one."""
        try:
            self.write(words + "\n", 2)
        except FileError:
            return

    def stdin(self) -> End:
        """Give the standard input, waiting until its writer is through."""
        end = self.ends.get(0, NullEnd())
        self.time = max(self.time, end.ready_at)
        return end

    def open(self, path: str, mode: str) -> End:
        """Open a file: `r` to read, `w` to write anew, `a` to append.

        Raises:
            FileError: it cannot be opened.
        """
        tree = self.world.tree
        where = self.absolute(path)
        node = tree.lookup(where) if mode == "r" else tree.open_to_write(where, append=mode == "a")
        if isinstance(node, Device):
            return ZeroEnd() if node.name == "zero" else NullEnd()
        if isinstance(node, Directory):
            raise FileError(IS_A_DIRECTORY)
        if not isinstance(node, File):
            raise FileError(DENIED)
        return FileEnd(tree, node, append=mode == "a")
