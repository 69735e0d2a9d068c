"""The use cases as bodies of jobs, and what they must give, calculated on this machine without a facility."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from common_compute_cli.binding import bind

CASES = Path(__file__).parents[1] / "spec" / "use_cases"


def use_case(name: str, facility: str, **values: str) -> dict[str, Any]:
    """Give the body of a use case, bound."""
    template = json.loads((CASES / name / "body.json").read_text())
    return dict(bind(template, {"FACILITY": facility, **values}, CASES / name))


def run_here(name: str, output: str, room: Path) -> dict[str, bytes]:
    """Run a case's command on this machine, with its inputs where it wants them, and give an output."""
    body = use_case(name, "here", IMAGE="here", SOFTWARE="here", VERSION="here")
    for entry in body["inputs"]:
        file = room / entry["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(entry["source"]["content_base64"]))
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **body.get("environment", {})}
    subprocess.run(body["command"], cwd=room, env=environment, check=True, capture_output=True)
    return {output: (room / output).read_bytes()}


def excesses() -> dict[str, str]:
    """Add up the runs of each pool: the files that the tasks have to leave, by task and name."""
    pools: dict[str, list[tuple[int, int]]] = {}
    for line in (CASES / "many_pools" / "runs.txt").read_text().splitlines():
        pool, _, on, off = line.split()
        pools.setdefault(pool, []).append((int(on), int(off)))
    files = {}
    for index, (pool, runs) in enumerate(sorted(pools.items())):
        on, off = (sum(counts) for counts in zip(*runs, strict=True))
        line = f"{pool},{index},{len(runs)},{on},{off},{on - off / 5:.1f}"
        files[f"task-{index:04}/{pool}.csv"] = f"pool,task,runs,on,off,excess\n{line}\n"
    return files
