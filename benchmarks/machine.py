"""Say on what kind of machine, and against which versions, the figures were measured; never which machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from load import wrk

_PRISM = Path(__file__).parent / "node_modules" / "@stoplight" / "prism-cli" / "package.json"
_PACKAGES = ("common-compute", "connexion", "starlette", "uvicorn", "sqlalchemy", "jsonschema-rs", "orjson")


def description() -> dict[str, Any]:
    """Give cores and family of the processor, and the versions of everything that takes part."""
    versions = {name: version(name) for name in (*_PACKAGES, "fastapi", "pydantic")}
    versions |= {
        "python": platform.python_version(),
        "node": subprocess.run(
            ["node", "--version"], capture_output=True, text=True, check=True
        ).stdout.strip(),
        "prism": json.loads(_PRISM.read_text())["version"],
    }
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _cpu(),
        "system": f"{platform.system()} {platform.machine()}",
        "load generator": "wrk" if wrk() else "httpx",
        "versions": versions,
    }


def _cpu() -> str:
    wanted = {"vendor_id": "", "cpu family": "", "model": ""}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in wanted and not wanted[name.strip()]:
            wanted[name.strip()] = value.strip()
    return "{vendor_id}, family {cpu family}, model {model}".format_map(wanted)
