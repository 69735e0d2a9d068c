"""Charliecloud: ch-run(1), whose process becomes the command's. Written for 0.31 and run with it.

https://hpc.github.io/charliecloud/ch-run.html. It hands its own environment down and changes three variables
of it (`PATH`, `TMPDIR`, `CH_RUNNING`); single quotes around a value of `--set-env` are taken off, one pair.
What must not change ch-run itself is set by options, for nobody else to see but for the moment until the
command takes its place.
"""

from __future__ import annotations

import re

from common_compute_rosetta.runtimes.box import WORK, Box, Launch, split

NAME = "charliecloud"

_KEPT = re.compile(r"PATH|HOME|USER|TMPDIR|LD_.*|CH_.*|GLIBC_TUNABLES|MALLOC_.*|GCONV_PATH|LOCPATH|SLURM_.*")
"""What ch-run, or the loader that starts it, would heed on the host."""


def launch(box: Box) -> Launch:
    """Give the words of ch-run: `TMPDIR` in its own environment is what it mounts at /tmp."""
    handed, kept = split(box.environment, _KEPT)
    words = ["--unset-env=USER", "--env-no-expand"]
    words += [f"--set-env={name}='{value}'" for name, value in kept.items()]
    words += [f"--bind={box.work}:{WORK}", f"--cd={WORK}", box.image.place, "--"]
    own = {"USER": box.host.account.name, "HOME": box.host.account.home, "TMPDIR": box.tmp}
    return Launch({**handed, **own}, (box.host.program, *words, *box.command), in_place=True)
