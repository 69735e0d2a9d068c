"""Run one task on a worker: started there by DIRAC, beside the files that `packing.py` made.

    python3 cc-payload.pyz PLACE     PLACE is the task's place in its part

Whatever becomes of the task is written into the archive cc-output.tar, and the exit code is 0, for DIRAC
takes output home only from jobs that ended well. The archive holds `outcome.json`, `stdout`, `stderr`, and
the results' bytes.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import shutil
import signal
import socket
from typing import IO, Any

from common_compute_dirac.payload.containers import launch
from common_compute_dirac.payload.processes import Ends, Stopped, now, run, start
from common_compute_dirac.payload.results import matching, pack
from common_compute_dirac.payload.software import set_up, start_values
from common_compute_dirac.payload.transfers import fetch, send

TASKS = "cc-tasks.json.gz"


def open_inputs(
    inputs: list[dict[str, Any]], contents: dict[str, str], fetched: dict[str, str], directory: bytes
) -> None:
    """Put the input files into the working directory.

    Raises:
        Stopped: one cannot be written.
    """
    for number, entry in enumerate(inputs):
        path = os.path.join(directory, entry["path"].encode("utf-8"))
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if "lfn" in entry:
                again = any(entry["lfn"] == other.get("lfn") for other in inputs[number + 1 :])
                (shutil.copyfile if again else os.replace)(fetched[entry["lfn"]], os.fsdecode(path))
            else:
                with open(path, "wb") as file:
                    file.write(base64.b64decode(contents[entry["content"]]))
            os.chmod(path, 0o700 if entry["executable"] else 0o600)
        except OSError as error:
            raise Stopped("input", f"{entry['path']}: {error.strerror}") from None


def run_command(
    part: dict[str, Any],
    task: dict[str, Any],
    ends: Ends,
    logs: tuple[IO[bytes], IO[bytes]],
    outcome: dict[str, Any],
) -> None:
    """Run a task's command in what it needs, and tell in the outcome how it ended.

    Raises:
        Stopped: it did not come to that.
    """
    work, scratch = directories()
    out, errors = logs
    for entry in task["inputs"]:
        if "unavailable" in entry:
            raise Stopped("input", f"{entry['path']}: {entry['unavailable']}")
    open_inputs(task["inputs"], part["contents"], fetch(task["inputs"], part, ends), work)
    shutil.rmtree("cc-in", ignore_errors=True)
    argv = [word.encode("utf-8") for word in task["command"]]
    own = {name.encode("utf-8"): value.encode("utf-8") for name, value in task["environment"].items()}
    if part["container"] is not None:
        launched = launch(part, own, argv, work, scratch)
        argv, environment = launched.argv, launched.environment
        outcome["image_digest"] = launched.digest
    else:
        environment = set_up(part, start_values(part, work, scratch), work, errors)
        environment.update(own)
    ends.check()
    outcome["started"] = now()
    with ends.telling(start(argv, environment, work, out, errors)) as process:
        outcome.update(run(process, part["wall_time_seconds"], part["kill_grace_seconds"]))


def directories() -> tuple[bytes, bytes]:
    """Give the working directory and that for what is temporary."""
    here = os.fsencode(os.getcwd())
    return os.path.join(here, b"cc-work"), os.path.join(here, b"cc-tmp")


def main(place: int) -> None:
    """Run the task, and leave the archive."""
    with gzip.open(TASKS, "rb") as file:
        part = json.loads(file.read().decode("utf-8"))
    task = part["tasks"][place]
    for directory in directories():
        os.mkdir(directory, 0o700)
    outcome: dict[str, Any] = {"host": socket.gethostname(), "started": now(), "words": ""}
    outcome.update(results=[], sent=[], lost=[], image_digest="")
    ends = Ends()
    signal.signal(signal.SIGTERM, ends.ask)
    with open("cc-stdout", "w+b", 0) as out, open("cc-stderr", "w+b", 0) as errors:
        try:
            run_command(part, task, ends, (out, errors), outcome)
        except Stopped as stopped:
            how, _, number = stopped.how.partition(" ")
            outcome.update(how=how, number=int(number or 0), words=stopped.words)
            errors.write(f"common-compute: {stopped.words}\n".encode("utf-8", "replace"))
        outcome["finished"] = now()
        found = matching(directories()[0], task["outputs"])
        send(found, part, ends, outcome)
        pack(outcome, found, {"stdout": out, "stderr": errors}, part)
