"""Write the job specifications of the specimens: few jobs, each looked at by many checks.

Their commands use only what a facility's probe promises: /bin/sh, printf, cat, sleep, env, kill, head.
Directories come from inputs, since nothing promises mkdir; all files that a check reads back end in `.seen`,
so that no input is taken for one.
"""

from __future__ import annotations

from common_compute_conformance.specimens import (
    arrays,
    containers,
    endings,
    faithful,
    files,
    lasting,
    ordinary,
)
from common_compute_conformance.specimens.recipes import (
    ARRIVING,
    KEYED,
    LASTING,
    SHELF,
    Body,
    Occasion,
    inline,
    job,
    names,
    script,
    write,
)

__all__ = [
    "ARRIVING",
    "KEYED",
    "LASTING",
    "SHELF",
    "Body",
    "Occasion",
    "arrays",
    "containers",
    "endings",
    "faithful",
    "files",
    "inline",
    "job",
    "lasting",
    "names",
    "ordinary",
    "script",
    "write",
]
