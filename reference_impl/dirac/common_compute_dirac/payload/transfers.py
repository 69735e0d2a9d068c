"""Files of a task's that lie on the grid: fetched before its command runs, and sent there after it.

DIRAC's own client does it (`grid_files.py`), in a process of its own with the environment of DIRAC's wrapper:
the proxy is that of the job's user, and is nothing of the command's.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from typing import Any

from common_compute_dirac.payload.grid_files import NO_DIRAC
from common_compute_dirac.payload.lfn import is_name
from common_compute_dirac.payload.processes import Ends, Stopped, before_command, signal_all
from common_compute_dirac.payload.results import Found, see

WORD = "files"
"""By this word the archive of these modules runs `grid_files` and not a task."""


def fetch(inputs: list[dict[str, Any]], part: dict[str, Any], ends: Ends) -> dict[str, str]:
    """Fetch what inputs ask for, each name once, and give the files by their names.

    Raises:
        Stopped: one cannot be had, or is another than was meant.
    """
    wanted = sorted({entry["lfn"] for entry in inputs if "lfn" in entry})
    files: dict[str, str] = {}
    requests = []
    for number, name in enumerate(wanted):
        directory = os.path.join(os.getcwd(), "cc-in", str(number))
        os.makedirs(directory, 0o700)
        files[name] = os.path.join(directory, os.path.basename(name))
        requests.append({"way": "get", "lfn": name, "directory": directory, "most": part["max_input_bytes"]})
    told = dict(zip(wanted, move(requests, part, ends)))
    for entry in inputs:
        if "lfn" not in entry:
            continue
        words = told[entry["lfn"]].get("words")
        if words is None and entry["sha256"] is not None:
            seen = see(os.fsencode(files[entry["lfn"]]))
            if seen is None or seen.sha256 != entry["sha256"]:
                words = "its sha256 is another one"
        if words is not None:
            raise Stopped("input", f"{entry['path']}: {words}")
    return files


def send(found: dict[str, Found], part: dict[str, Any], ends: Ends, outcome: dict[str, Any]) -> None:
    """Send results to where their rules say, and tell in the outcome what came of each.

    None of them stays in `found`.
    """
    requests, sent = [], []
    os.mkdir("cc-out", 0o700)
    for number, path in enumerate(sorted(path for path, result in found.items() if result.rule["lfn"])):
        result = found.pop(path)
        name = result.rule["lfn"] + (path if result.rule["lfn"].endswith("/") else "")
        if not is_name(name, part["vo"]):
            outcome["lost"].append(f"{path} has a name that no file on the grid can have")
            continue
        # Out of reach of whatever may still know its name; what it is, it is by now.
        file = os.path.join(os.getcwd(), "cc-out", str(number))
        seen = None
        with contextlib.suppress(OSError):
            os.rename(result.whole, file)
            seen = see(os.fsencode(file))
        if seen is None:
            outcome["lost"].append(f"{path} cannot be read")
        elif seen.size == 0:
            outcome["lost"].append(f"{path} is empty, and DIRAC takes no empty files")
        else:
            sent.append({"path": path, "lfn": name, "size_bytes": seen.size, "sha256": seen.sha256})
            request = {"way": "put", "lfn": name, "file": file, "size": seen.size, "adler32": seen.adler32}
            requests.append({**request, "storage_element": part["storage_element"]})
    try:
        told = move(requests, part, ends)
    except Stopped as stopped:
        told = [{"words": stopped.words} for _ in requests]
    for entry, answer in zip(sent, told):
        if "words" in answer:
            outcome["lost"].append(f"{entry['path']} could not be sent: {answer['words']}")
        else:
            outcome["sent"].append(entry)


def move(requests: list[dict[str, Any]], part: dict[str, Any], ends: Ends) -> list[dict[str, str]]:
    """Have files moved, and give for each nothing, or `words` why it was not.

    Raises:
        Stopped: DIRAC has asked for the end.
    """
    if not requests:
        return []
    asked, answered = ("cc-files-asked.json", "cc-files-answered.json")
    with open(asked, "w", encoding="ascii") as file:
        json.dump(requests, file)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(answered)
    words = "there is no DIRAC on this worker to move it with"
    for python in _pythons():
        ends.check()
        with open("cc-files.log", "ab") as log:
            process = subprocess.Popen(
                [python, sys.argv[0], WORD, asked, answered],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=before_command,  # noqa: PLW1509  (this process has one thread)
                start_new_session=True,
            )
        with ends.telling(process):
            try:
                code = process.wait(timeout=part["max_transfer_seconds"])
                words = f"DIRAC's client ended with exit code {code} before it was moved"
            except subprocess.TimeoutExpired:
                code = 0
                words = f"it was not moved within {part['max_transfer_seconds']} seconds"
            signal_all(process, signal.SIGKILL)
            process.wait()
        if code != NO_DIRAC:
            break
        words = "there is no DIRAC on this worker to move it with"
    ends.check()
    told: list[dict[str, str]] = []
    with contextlib.suppress(OSError, ValueError), open(answered, encoding="ascii") as file:
        told = json.load(file)
    return told + [{"words": words} for _ in requests[len(told) :]]


def _pythons() -> list[str]:
    """Give the Pythons of this worker that may have DIRAC, as a job finds them."""
    diracos = os.path.join(os.environ.get("DIRACOS", "/nonexistent"), "bin", "python3")
    names = (os.environ.get("DIRACPYTHON", ""), "python3", "python", diracos)
    found = [shutil.which(name) for name in names if name]
    return list(dict.fromkeys(each for each in found if each))
