"""Write the configuration of the demonstration's real facility: this machine, its shell, this Python."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

FACILITY_ID = "this-machine"
LONGEST_SECONDS = 120

_CONFIGURATION = """\
[service]
id = "org.example.common-compute.demo"
name = "Common Compute demonstration"

[store]
url = {store}
results = {results}

[[facility]]
id = {facility_id}
connector = "internal"
name = "This machine"
description = "Jobs run as processes on the machine of the service."
root = {root}
max_wall_time_seconds = {longest}

[[facility.software]]
name = "python"
version = {version}
path = {path}
"""


def write_configuration(directory: Path) -> Path:
    """Write facility.toml into a directory, beside which everything of the facility will lie; give its path.

    Nothing outlives the demonstration by much: a job may run for two minutes.
    """
    directory = directory.absolute()
    values = {
        "store": f"sqlite:///{directory / 'store.sqlite3'}",
        "results": str(directory / "results"),
        "facility_id": FACILITY_ID,
        "root": str(directory / "jobs"),
        "version": platform.python_version(),
        "path": str(Path(sys.executable).parent),
    }
    # A JSON string is a TOML string as well.
    quoted = {name: json.dumps(value) for name, value in values.items()}
    file = directory / "facility.toml"
    file.write_text(_CONFIGURATION.format(longest=LONGEST_SECONDS, **quoted), encoding="utf-8")
    return file
