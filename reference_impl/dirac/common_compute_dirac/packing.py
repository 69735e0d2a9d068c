"""What goes into a part's input sandbox: the launcher, the program that runs a task, and all its tasks. Pure.

Commands, environments and files travel as JSON, so that they arrive byte for byte; files that several tasks
share are there once.
"""

from __future__ import annotations

import base64
import gzip
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from common_compute_connector.plan import TaskPlan, plan_task
from common_compute_connector.protocol import Submission
from common_compute_dirac.describe import Facts, max_results_bytes
from common_compute_dirac.jdl import LAUNCHER, wall_time_seconds
from common_compute_dirac.settings import Settings, Software

PROGRAM = "cc-payload.py"
TASKS = "cc-tasks.json.gz"
_PAYLOAD = Path(__file__).with_name("payload.py")

_LAUNCH = f"""#!/bin/sh
# Finds a Python 3 on the worker that runs the task. DIRAC takes output home only from jobs that end well.
for python in "$DIRACPYTHON" python3 "$DIRACOS/bin/python3" /usr/bin/python3; do
    found=$(command -v "$python") || continue
    if "$found" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 7))'; then
        "$found" -I -S {PROGRAM} "$1"
        exit 0
    fi
done
echo "there is no Python 3.7 or newer on this worker" >&2
exit 0
"""


class TooLarge(Exception):
    """A sandbox with more bytes than DIRAC takes."""

    def __init__(self, size_bytes: int, max_bytes: int) -> None:
        super().__init__(f"the input sandbox has {size_bytes} bytes, and DIRAC takes {max_bytes}")


def pack_part(settings: Settings, submission: Submission, software: Software, facts: Facts) -> dict[str, str]:
    """Give the files of a part's sandbox by their names, their contents in base64.

    Raises:
        TooLarge: all of them together are more than DIRAC takes.
    """
    spec, part = submission.spec, submission.part
    contents: dict[str, str] = {}
    tasks = [_task(plan_task(spec, part.key.job_id, index), contents) for index in part.indices]
    document = {
        "setup": software.setup,
        "shell": settings.shell,
        "setup_seconds": settings.setup_seconds,
        "path": settings.path,
        "lang": settings.lang,
        "wall_time_seconds": wall_time_seconds(settings, spec),
        "kill_grace_seconds": settings.kill_grace_seconds,
        "max_log_bytes": settings.max_log_bytes,
        "max_results_bytes": max_results_bytes(settings, facts),
        "contents": contents,
        "tasks": tasks,
    }
    packed = gzip.compress(json.dumps(document).encode(), mtime=0)
    files = {LAUNCHER: _LAUNCH.encode(), PROGRAM: _PAYLOAD.read_bytes(), TASKS: packed}
    size = sum(len(content) for content in files.values()) + _OF_AN_ARCHIVE
    if size > facts.max_sandbox_bytes:
        raise TooLarge(size, facts.max_sandbox_bytes)
    return {name: base64.b64encode(content).decode("ascii") for name, content in files.items()}


_OF_AN_ARCHIVE = 64 * 1024
"""What DIRAC's archive of three files adds at most."""


def _task(plan: TaskPlan, contents: dict[str, str]) -> dict[str, Any]:
    inputs = []
    for entry in plan.inputs:
        content = entry.content
        assert content is not None, "inputs from elsewhere are refused: the facility announces no scheme"
        digest = sha256(content).hexdigest()
        contents.setdefault(digest, base64.b64encode(content).decode("ascii"))
        inputs.append({"path": entry.path, "executable": entry.executable, "content": digest})
    return {
        "command": plan.command,
        "environment": dict(plan.environment),
        "inputs": inputs,
        "outputs": [rule.expression for rule in plan.outputs],
    }
