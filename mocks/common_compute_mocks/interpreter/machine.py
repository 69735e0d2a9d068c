"""One task from its argv to its end: what it writes, when, and how it dies."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from common_compute_mocks.interpreter import programs_files, programs_processes, programs_text
from common_compute_mocks.interpreter.ends import NullEnd, Written
from common_compute_mocks.interpreter.failures import NotUnderstood, OutOfMemory, OutOfTime, Signalled
from common_compute_mocks.interpreter.files import Binary, Device, File, Tree
from common_compute_mocks.interpreter.launch import NOT_FOUND, launch
from common_compute_mocks.interpreter.world import Limits, Process, World

PROGRAMS = programs_text.PROGRAMS | programs_files.PROGRAMS | programs_processes.PROGRAMS
_TEMPORARY = "/tmp"  # noqa: S108  (a path in the task's own file system)


@dataclass(frozen=True, slots=True)
class TaskInput:
    """A file that is there at the start; `path` is relative to the working directory."""

    path: str
    content: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a command, on its own time that starts at 0.

    `end` says how: by its own exit (`exit_code`), by a `signal`, at the last moment that it was given, or
    because it held more memory than it may. `found` is False if there was no such command to start. `steps`
    is the work that it took to find all this out.
    """

    end: Literal["exit", "signal", "time", "memory"]
    seconds: float
    exit_code: int | None = None
    signal: int | None = None
    found: bool = True
    tape: tuple[Written, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    steps: int = 0

    def log(self, stream: Literal["stdout", "stderr"], until: float | None = None) -> bytes:
        """Give a log as it is at a moment."""
        return b"".join(
            item.data for item in self.tape if item.stream == stream and (until is None or item.at <= until)
        )


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    inputs: Sequence[TaskInput] = (),
    *,
    directory: str = "/work",
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> Run:
    """Work a command out, in a fresh directory that holds its inputs.

    Raises:
        NotUnderstood: it uses what this machine does not have.
    """
    world = World(_tree(directory, inputs, limits), limits, PROGRAMS)
    stdout, stderr = world.logs()
    process = Process(
        world,
        world.new_pid(),
        directory,
        {_narrow(name): _narrow(value) for name, value in environment.items()},
        {0: NullEnd(), 1: stdout, 2: stderr},
    )
    argv = [_narrow(word) for word in command]
    missing: list[str] = []

    def complain(words: str) -> None:
        missing.append(words)
        process.complain(words)

    end: Literal["exit", "signal", "time", "memory"] = "exit"
    code = number = None
    try:
        code = launch(process, argv, complain)
    except Signalled as death:
        end, number = "signal", death.number
    except OutOfTime:
        end, process.time = "time", limits.seconds
    except (OutOfMemory, RecursionError):
        end = "memory"
    except NotUnderstood as unknown:
        unknown.steps = world.steps
        raise
    tape = tuple(sorted((item for item in world.tape if item.at <= process.time), key=lambda item: item.at))
    files = {
        path.encode("latin-1").decode("utf-8", "replace"): bytes(file.content)
        for path, file in world.tree.regular_files(directory)
    }
    found = not missing or (code != NOT_FOUND and code is not None and code < NOT_FOUND - 1)
    return Run(end, process.time, code, number, found, tape, files, world.steps)


def _narrow(text: str) -> str:
    return text.encode("utf-8").decode("latin-1")


def _tree(directory: str, inputs: Sequence[TaskInput], limits: Limits) -> Tree:
    tree = Tree(limits.disk_bytes)
    programs = tree.make_directories("/bin", writable=False)
    programs.entries.update({name: Binary(name) for name in PROGRAMS})
    tree.make_directories("/usr/bin", writable=False).entries.update(programs.entries)
    devices = tree.make_directories("/dev", writable=False)
    devices.entries.update({"null": Device("null"), "zero": Device("zero")})
    tree.make_directories(_TEMPORARY, writable=False).writable = True
    here = tree.make_directories(directory, writable=False)
    here.writable = True
    for entry in inputs:
        path = posixpath.join(directory, _narrow(entry.path))
        tree.make_directories(posixpath.dirname(path), writable=True)
        tree.put(path, File(bytearray(entry.content), entry.executable))
    return tree
