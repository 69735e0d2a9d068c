"""Apptainer, and SingularityCE from 3.10 on. Written after its documentation (1.4) and never run here.

https://apptainer.org/docs/user/1.4/cli/apptainer_exec.html and, of that guide, "Environment and Metadata":
`--env` splits at commas, so variables come as `APPTAINERENV_NAME`; `--no-eval` (Apptainer 1.1, SingularityCE
3.10) keeps a shell from reading their values. The names that it keeps for itself or changes on the way are
set by env(1) of the image. Its process waits for the command's, hands signals on and dies as the command
did; it ends with 255 where the command cannot be executed, so that then the image is asked once more.
"""

from __future__ import annotations

import re

from common_compute_rosetta.process import quote
from common_compute_rosetta.runtimes.box import IDENTIFIER, TMP, WORK, Box, Launch, split

APPTAINER = "apptainer"
SINGULARITY = "singularity"

_KEPT = re.compile(
    r"HOME|UID|GID|PWD|OLDPWD|IFS|OPTIND|OPTARG|SHLVL|PPID|EUID|BASH.*|PS1|PROMPT_COMMAND|LD_LIBRARY_PATH"
    r"|SINGULARITY.*|APPTAINER.*|(PREPEND|APPEND)_(PATH|LD_LIBRARY_PATH)"
)
"""What apptainer sets or changes itself, and what its own shell gives a meaning to."""


def launch(box: Box) -> Launch:
    """Give the words of `apptainer exec`."""
    handed, kept = split(box.environment, _KEPT)
    prefix = "APPTAINERENV_" if box.host.program.rpartition("/")[2] == APPTAINER else "SINGULARITYENV_"
    variables = {f"{prefix}{name}": value for name, value in handed.items() if IDENTIFIER.fullmatch(name)}
    if kept.get("HOME") == WORK:
        del kept["HOME"]  # as --home says
    mounts = (f"--home={box.work}:{WORK}", f"--pwd={WORK}")
    words = [
        *("exec", "--no-eval", "--contain", "--no-umask", *mounts),
        *(f"--bind={box.tmp}:{TMP}", *(["--nv"] if box.gpus else [])),
        box.image.place,
    ]
    through = []
    if kept:
        through = ["/usr/bin/env", *(f"{name}={value}" for name, value in kept.items())]
        if "=" in box.command[0]:
            through += ["/usr/bin/nice", "-n", "0", "--"]
    own = {"HOME": box.host.account.home}
    look = (box.host.program, "exec", *mounts, box.image.place, "/bin/sh")
    return Launch(
        {**variables, **own},
        (box.host.program, *words, *through, *box.command),
        after=_AFTER.replace(b"LOOK", b" ".join(map(quote, look))).replace(b"COMMAND", quote(box.command[0])),
    )


_AFTER = rb"""if [ $code = 255 ] && LOOK -c : 2>/dev/null &&
    ! LOOK -c 'command -v "$1"' sh COMMAND >/dev/null 2>&1; then
    echo missing 1<>../stage
    code=127
fi"""
