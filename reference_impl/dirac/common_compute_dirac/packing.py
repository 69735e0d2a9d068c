"""What goes into a part's input sandbox: the launcher, the program that runs a task, and all its tasks. Pure.

Commands, environments and files travel as JSON, so that they arrive byte for byte; files that several tasks
share are there once.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from common_compute_connector.plan import TaskPlan, plan_task
from common_compute_connector.protocol import Submission
from common_compute_dirac import payload
from common_compute_dirac.describe import Facts, max_results_bytes
from common_compute_dirac.images import Image
from common_compute_dirac.jdl import LAUNCHER, wall_time_seconds
from common_compute_dirac.settings import Settings, Software
from common_compute_dirac.staging import input_for_worker, lacking, output_for_worker

PROGRAM = "cc-payload.pyz"
TASKS = "cc-tasks.json.gz"
_PACKAGE = Path(payload.__file__).parents[1].name

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


class Lacking(Exception):
    """A part of which no task can ever begin; the message says which input there is not."""


def pack_part(
    settings: Settings, submission: Submission, runs_in: Software | Image, facts: Facts
) -> dict[str, str]:
    """Give the files of a part's sandbox by their names, their contents in base64.

    Raises:
        TooLarge: all of them together are more than DIRAC takes.
        Lacking: each task has an input that nobody can get.
    """
    spec, part = submission.spec, submission.part
    contents: dict[str, str] = {}
    tasks = []
    for index in part.indices:
        plan = plan_task(spec, part.key.job_id, index)
        tasks.append(_task(plan, contents, settings, index if "array" in spec else None))
    words = lacking(tasks)
    if words is not None:
        raise Lacking(words)
    staging = settings.staging
    document = {
        "setup": runs_in.setup if isinstance(runs_in, Software) else "",
        "container": runs_in.for_worker() if isinstance(runs_in, Image) else None,
        "shell": settings.shell,
        "setup_seconds": settings.setup_seconds,
        "path": settings.path,
        "lang": settings.lang,
        "wall_time_seconds": wall_time_seconds(settings, spec),
        "kill_grace_seconds": settings.kill_grace_seconds,
        "max_log_bytes": settings.max_log_bytes,
        "max_results_bytes": max_results_bytes(settings, facts),
        "vo": settings.vo,
        "storage_element": staging.storage_element if staging else "",
        "max_input_bytes": staging.max_input_bytes if staging else 0,
        "max_transfer_seconds": staging.max_transfer_seconds if staging else 0,
        "contents": contents,
        "tasks": tasks,
    }
    packed = gzip.compress(json.dumps(document).encode(), mtime=0)
    files = {LAUNCHER: _LAUNCH.encode(), PROGRAM: program(), TASKS: packed}
    size = sum(len(content) for content in files.values()) + _OF_AN_ARCHIVE
    if size > facts.max_sandbox_bytes:
        raise TooLarge(size, facts.max_sandbox_bytes)
    return {name: base64.b64encode(content).decode("ascii") for name, content in files.items()}


_OF_AN_ARCHIVE = 64 * 1024
"""What DIRAC's archive of three files adds at most."""


@cache
def program() -> bytes:
    """Give the package `payload` as an archive that Python runs, the same bytes each time."""
    place = Path(payload.__file__).parent
    files = {f"{_PACKAGE}/__init__.py": b"", "__main__.py": (place / "__main__.py").read_bytes()}
    for module in [*sorted(place.glob("[!_]*.py")), place / "__init__.py"]:
        files[f"{_PACKAGE}/{place.name}/{module.name}"] = module.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _task(
    plan: TaskPlan, contents: dict[str, str], settings: Settings, array_index: int | None
) -> dict[str, Any]:
    inputs = []
    for entry in plan.inputs:
        content = entry.content
        if content is None:
            inputs.append(input_for_worker(entry, settings))
            continue
        digest = sha256(content).hexdigest()
        contents.setdefault(digest, base64.b64encode(content).decode("ascii"))
        inputs.append({"path": entry.path, "executable": entry.executable, "content": digest})
    return {
        "command": plan.command,
        "environment": dict(plan.environment),
        "inputs": inputs,
        "outputs": [output_for_worker(rule, settings, array_index) for rule in plan.outputs],
    }
