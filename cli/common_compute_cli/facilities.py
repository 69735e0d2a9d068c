"""Run the scripts that bring up real facilities on this machine: the folder `facilities/` of a checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from common_compute_cli.errors import WrongUsage

FOLDER = Path(__file__).parents[2] / "facilities"
_SCRIPT = "facility"


def names() -> list[str]:
    """Give the names of the facilities that can be brought up."""
    return sorted(script.parent.name for script in FOLDER.glob(f"*/{_SCRIPT}"))


def run(name: str, *arguments: str, directory: Path | None = None) -> int:
    """Run a facility's script, which tells its progress and its failures by itself, and give its exit code.

    Raises:
        WrongUsage: there are no scripts here, or none of that name.
    """
    known = names()
    if not known:
        raise WrongUsage(
            f"Facilities are brought up by scripts that are not installed ({FOLDER} has none): "
            "get the sources of Common Compute, and run this command from there."
        )
    if name not in known:
        raise WrongUsage(f"There is no facility '{name}' to bring up: there is {', '.join(known)}.")
    place = [] if directory is None else ["--directory", str(directory)]
    command = [str(FOLDER / name / _SCRIPT), *arguments[:1], *place, *arguments[1:]]
    sys.stdout.flush()
    return subprocess.run(command, check=False).returncode
