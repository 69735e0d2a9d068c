"""Software that a worker has installed: its set-up script is read by a shell, and leaves an environment."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO, Any

from common_compute_dirac.payload.processes import Stopped

_SETUP = '. "$1" </dev/null >&2 || exit 1; shift; exec "$@"'
_TELL_ENVIRONMENT = (
    "import os, sys; open(sys.argv[1], 'wb').write(b'\\0'.join(k + b'=' + v for k, v in os.environb.items()))"
)


def start_values(part: dict[str, Any], work: bytes, scratch: bytes) -> dict[bytes, bytes]:
    """Give the environment under which the software is set up: nothing of the worker's own."""
    return {
        b"PATH": part["path"].encode("utf-8"),
        b"LANG": part["lang"].encode("utf-8"),
        b"HOME": work,
        b"TMPDIR": scratch,
    }


def set_up(
    part: dict[str, Any], environment: dict[bytes, bytes], work: bytes, errors: IO[bytes]
) -> dict[bytes, bytes]:
    """Read the software's set-up script in a shell, and give the environment that it leaves.

    Raises:
        Stopped: the script fails, or takes too long.
    """
    if not part["setup"]:
        return environment
    told = os.path.join(os.getcwd(), "cc-environment")
    shell = part["shell"]
    # Not by the name with which this was started: that may be a script that changes the environment.
    python = [sys.executable, "-I", "-S", "-c", _TELL_ENVIRONMENT, told]
    command = [shell, "-c", _SETUP, shell, part["setup"], *python]
    try:
        subprocess.run(
            command,
            env=environment,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            check=True,
            timeout=part["setup_seconds"],
        )
        with open(told, "rb") as file:
            lines = file.read().split(b"\0")
    except (OSError, subprocess.SubprocessError):
        raise Stopped("software", f"{part['setup']} could not be read on this worker") from None
    found = dict(line.partition(b"=")[::2] for line in lines)
    return {name: value for name, value in found.items() if name not in (b"_", b"SHLVL", b"PWD", b"OLDPWD")}
