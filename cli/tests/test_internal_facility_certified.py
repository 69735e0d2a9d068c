"""The facility on the service's own host, with containers and staging, certified as a whole."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from served import PROGRAM, serving

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("slurm"), pytest.mark.timeout(1500)]

RECORD = Path(__file__).parents[2] / "docs" / "certificates" / "internal.json"

_CONFIGURATION = """\
[service]
id = "org.example.internal"

[store]
url = "sqlite:///{room}/store.sqlite3"
results = "{room}/results"

[[facility]]
id = "here"
connector = "internal"
root = "{room}/jobs"
kill_grace_seconds = 1

[facility.containers]
registries = ["{registry}"]
ca_file = "{authority}"
probe_image = "{image}"

[facility.staging]
"""
_CLASSES = {"core", "container", "software", "arrays", "ranges", "live-logs", "staging"}


def test_the_normal_budget_certifies_it(slurm_facility: dict[str, Any], tmp_path: Path) -> None:
    """Jobs on the service's own host keep the contract; the certificate is kept."""
    image, registry = slurm_facility["images"]["busybox"], slurm_facility["registry"]
    configuration = tmp_path / "serve.toml"
    configuration.write_text(
        _CONFIGURATION.format(
            room=tmp_path, registry=image.partition("/")[0], authority=registry["ca"], image=image
        )
    )
    with serving(configuration) as url:
        command = [PROGRAM, "certify", url, "--budget", "normal", "--out", tmp_path / "out"]
        done = subprocess.run(command, capture_output=True, text=True)
    assert 0 == done.returncode, done.stdout + done.stderr
    certificate = json.loads((tmp_path / "out" / "certificate.json").read_text())
    assert {name for name, entry in certificate["classes"].items() if entry["claimed"]} >= _CLASSES
    RECORD.parent.mkdir(exist_ok=True)
    shutil.copy(tmp_path / "out" / "certificate.json", RECORD)
