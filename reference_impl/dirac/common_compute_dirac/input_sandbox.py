"""What a job takes with it to the grid: its files, and the line of its description that names them.

Runs in DIRAC's own environment beside client.py, and so imports nothing but what Python brings.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

from common_compute_dirac.answers import Failed


def with_sandbox(jdl: str, location: str) -> str:
    """Put an input sandbox into a job description.

    Raises:
        Failed: the description is not one in brackets.
    """
    body = jdl.strip()
    if not (body.startswith("[") and body.endswith("]")):
        raise Failed("bad-request", "a job description stands in brackets")
    return f'{body[:-1].rstrip()}\nInputSandbox = {{"{location}"}};\n]'


def write_files(directory: Path, files: dict[str, str]) -> list[str]:
    """Write files, whose contents are in base64, and give their paths.

    Raises:
        Failed: a name is more than a name.
    """
    paths = []
    for name, content in files.items():
        if not name or name != os.path.basename(name) or name in {".", ".."} or "\0" in name:
            raise Failed("bad-request", f"{name!r} is no name of a file")
        path = directory / name
        path.write_bytes(base64.b64decode(content))
        paths.append(str(path))
    return paths
