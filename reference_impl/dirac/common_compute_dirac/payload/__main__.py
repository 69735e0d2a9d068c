"""Begin what the words ask for: a task by its place, or to move files."""

from __future__ import annotations

import sys

from common_compute_dirac.payload import grid_files, task, transfers

if sys.argv[1] == transfers.WORD:
    grid_files.main(*sys.argv[2:])
else:
    task.main(int(sys.argv[1]))
