"""Hold meetings in processes of their own."""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from common_compute_mutants.meeting import Meeting, Row, meet

LONGEST_MEETING_SECONDS = 300.0
_MEETINGS_OF_A_PROCESS = 100
"""A server that ended in its thread leaves some memory behind, until the process ends."""
_SPAWN = get_context("spawn")
"""A fork of a process with threads may stand still; a new one begins anew."""


class Worker:
    """A process that holds one meeting after the other."""

    def __init__(self, room: str, longest_seconds: float) -> None:
        self._room = room
        self._longest_seconds = longest_seconds
        self.meeting: Meeting | None = None
        self._held = 0
        self.connection: Connection
        self._process: BaseProcess
        self._start()

    def _start(self) -> None:
        self.connection, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(
            target=_work, args=(theirs, self._room, self._longest_seconds), daemon=True
        )
        self._process.start()
        theirs.close()

    def begin(self, meeting: Meeting) -> None:
        """Let the process hold a meeting; `finish` gives what came of it."""
        if self._held == _MEETINGS_OF_A_PROCESS or not self._process.is_alive():
            self._start_again()
        self._held += 1
        self.meeting = meeting
        self.connection.send(meeting)

    def finish(self) -> Row:
        """Return the row of the meeting that the process has held; a process that ended is replaced."""
        assert self.meeting is not None
        meeting, self.meeting = self.meeting, None
        try:
            row: Row = self.connection.recv()
        except (EOFError, OSError):
            self._start_again()
            told = f"the process ended, or the meeting took more than {self._longest_seconds:g} s"
            return Row(meeting, "broke", message=told)
        return row

    def _start_again(self) -> None:
        self.end()
        self._start()
        self._held = 0

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join()
        self.connection.close()


@contextmanager
def workers(count: int, longest_seconds: float = LONGEST_MEETING_SECONDS) -> Iterator[list[Worker]]:
    """Run this many workers until the end of the `with`, also by Ctrl-C; nothing of theirs is left."""
    with ExitStack() as stack:
        room = stack.enter_context(tempfile.TemporaryDirectory(prefix="common-compute-selftest-"))
        running: list[Worker] = []
        for _ in range(count):
            worker = Worker(room, longest_seconds)
            stack.callback(worker.end)
            running.append(worker)
        yield running


def hold(
    meetings: Sequence[Meeting], count: int, longest_seconds: float = LONGEST_MEETING_SECONDS
) -> Generator[Row]:
    """Hold these meetings, `count` at once, and yield each row as it comes."""
    waiting = list(reversed(meetings))
    with workers(min(count, len(meetings)), longest_seconds) as idle:
        busy: dict[object, Worker] = {}
        while waiting or busy:
            while waiting and idle:
                worker = idle.pop()
                worker.begin(waiting.pop())
                busy[worker.connection] = worker
            for ready in wait([worker.connection for worker in busy.values()]):
                worker = busy.pop(ready)
                yield worker.finish()
                idle.append(worker)


def _work(connection: Connection, room: str, longest_seconds: float) -> None:
    """Be a worker: Ctrl-C is for whoever started it, and a meeting without an end ends the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A sixth of the time would go into looking for garbage among what lives as long as the process.
    gc.set_threshold(50_000, 20, 20)
    tempfile.tempdir = room
    with open(os.devnull, "w") as nowhere:
        while True:
            try:
                meeting = connection.recv()
            except EOFError:
                return
            faulthandler.dump_traceback_later(longest_seconds, exit=True, file=nowhere)
            row = meet(meeting)
            faulthandler.cancel_dump_traceback_later()
            connection.send(row)
