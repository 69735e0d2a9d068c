"""The facility itself: a machine that runs one command at a time, in the order in which it was given them."""

import contextlib
import os
import pathlib
import signal
import subprocess
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import times
from admission import inline_bytes
from outputs import Kept, keep

# What it takes to clear the bench before the next job. It is what makes jobs wait, as they do at greater facilities.
CLEARING_SECONDS = 0.1
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


@dataclass
class Run:
    """One command on the machine; `over` is set last, when everything that it left is kept.

    It is `cancelled` only if it did not run, or did not go on, because somebody `asked` for that.
    """

    job_id: str
    spec: dict[str, Any]
    directory: pathlib.Path
    started: int | None = None
    finished: int | None = None
    exit_code: int | None = None
    asked: bool = False
    cancelled: bool = False
    trouble: str | None = None
    results: list[Kept] = field(default_factory=list)
    complete: bool = False
    over: bool = False


class Workbench(threading.Thread):
    """Runs what it is given, and tells about it when it is asked."""

    def __init__(self) -> None:
        super().__init__(name="workbench")
        self._runs: dict[str, Run] = {}
        self._waiting: deque[Run] = deque()
        self._change = threading.Condition()
        self._leader: tuple[Run, int] | None = None
        self._closed = False

    def take(self, job_id: str, spec: dict[str, Any], directory: pathlib.Path) -> None:
        """Put a job at the end of the queue."""
        with self._change:
            self._runs[job_id] = Run(job_id, spec, directory)
            self._waiting.append(self._runs[job_id])
            self._change.notify()

    def look(self, job_id: str) -> Run | None:
        """Tell about a job, if it was taken."""
        return self._runs.get(job_id)

    def cancel(self, job_id: str) -> None:
        """See to it that a job does not run, or does not go on; repeats change nothing."""
        with self._change:
            run = self._runs[job_id]
            run.asked = True
            if self._leader is not None and self._leader[0] is run:
                _kill(self._leader[1])
            elif run in self._waiting:
                # It need not wait for the bench only to be told that it will not run.
                self._waiting.remove(run)
                self._bring_to_end(run)

    def forget(self, job_id: str) -> None:
        """Know nothing more of a job that is over."""
        self._runs.pop(job_id, None)

    def close(self) -> None:
        """Kill what runs and take nothing more."""
        with self._change:
            self._closed = True
            self._waiting.clear()
            if self._leader is not None:
                _kill(self._leader[1])
            self._change.notify()
        self.join()

    def run(self) -> None:
        """Run one command after the other."""
        while (run := self._next()) is not None:
            self._bring_to_end(run)
            with self._change:
                self._change.wait_for(lambda: self._closed, CLEARING_SECONDS)

    def _next(self) -> Run | None:
        with self._change:
            while not self._waiting and not self._closed:
                self._change.wait()
            return None if self._closed else self._waiting.popleft()

    def _bring_to_end(self, run: Run) -> None:
        try:
            self._run(run)
        except OSError as error:
            run.trouble = str(error)
        run.over = True

    def _run(self, run: Run) -> None:
        for name in ("work", "tmp"):
            (run.directory / name).mkdir(parents=True)
        for name in ("stdout", "stderr"):
            (run.directory / name).touch()
        try:
            self._execute(run)
        finally:
            run.results, run.complete = keep(
                run.directory / "work", run.directory / "kept", run.spec.get("outputs", [])
            )

    def _execute(self, run: Run) -> None:
        if not run.asked:
            lay_inputs(run)
        with (run.directory / "stdout").open("wb") as stdout, (run.directory / "stderr").open("wb") as stderr:
            with self._change:
                if run.asked or self._closed:
                    run.cancelled = True
                    return
                started = times.now()
                process = subprocess.Popen(
                    [argument.encode() for argument in run.spec["command"]],
                    cwd=run.directory / "work",
                    env=environment(run),
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )
                self._leader = run, process.pid
                run.started = started
            # Its number is its group's: as long as nobody has reaped it, nobody else can have that number.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            with self._change:
                # What the command started and left behind ends with it, so that nobody writes to what is kept.
                _kill(process.pid)
                self._leader = None
                asked = run.asked
            code = process.wait()
            run.finished = times.now()
        run.cancelled = asked and code == -signal.SIGKILL
        run.exit_code = code if code >= 0 else 128 - code


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def lay_inputs(run: Run) -> None:
    """Write the inputs of a job into its working directory."""
    for entry in run.spec.get("inputs", []):
        path = run.directory / "work" / entry["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(inline_bytes(entry["source"]))
        path.chmod(0o755 if entry.get("executable") else 0o644)


def environment(run: Run) -> dict[bytes, bytes]:
    """Make the whole environment of a job: nothing of the server's own is in it."""
    variables = {
        "PATH": PATH,
        "HOME": str(run.directory / "work"),
        "TMPDIR": str(run.directory / "tmp"),
        "LANG": "C.UTF-8",
        **run.spec.get("environment", {}),
        "CC_JOB_ID": run.job_id,
        "CC_TASK_INDEX": "0",
        "CC_TASK_COUNT": "1",
    }
    return {name.encode(): value.encode() for name, value in variables.items()}
