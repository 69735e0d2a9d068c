"""What DIRAC's own database of jobs says was submitted."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from batches import Batch

from common_compute_connector.protocol import PartKey
from common_compute_dirac.jdl import group_name, job_name
from grid import Grid

SERVICE_ID = "org.example.cuts"
_GIVEN_UP = ("Deleted", "Killed")


def count_books(grid: Grid, batches: Sequence[Batch]) -> None:
    """Compare batches with the jobs that DIRAC has: each task's name once, but for jobs that never ran.

    An array of which only a part came to be is taken back before it may run, and submitted again.
    """
    groups = [group_name(job_id) for batch in batches for job_id in batch.ids.values()]
    rows = _rows(grid, groups)
    for batch in batches:
        counted = {}
        for task in batch.tasks:
            job_id, _, index = task.partition("/")
            name = job_name(SERVICE_ID, PartKey(job_id, 0), index)
            counted[name] = sum(row[0] == name and row[1] not in _GIVEN_UP for row in rows)
        batch.note(counted, "is in DIRAC")


def _rows(grid: Grid, groups: Sequence[str]) -> list[tuple[str, str]]:
    names = ", ".join(f"'{group}'" for group in groups)
    query = f"SELECT JobName, Status FROM Jobs WHERE JobGroup IN ({names})"
    command = ["mariadb", f"--socket={grid.told['database_socket']}", "--batch", "--skip-column-names"]
    done = subprocess.run([*command, "JobDB", "-e", query], check=True, capture_output=True, text=True)
    return [(name, status) for name, _, status in (line.partition("\t") for line in done.stdout.splitlines())]
