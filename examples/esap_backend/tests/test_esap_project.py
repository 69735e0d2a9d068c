"""What the example promises to those who copy it."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
import yaml
from batch.api.serializers import UWS_PHASES
from batch.models import JobRecord
from django.core.management import call_command

BACKEND = Path(__file__).parents[1]
SPEC = BACKEND.parents[1] / "spec" / "openapi.yaml"


def test_the_migrations_are_those_of_the_models(django_tables: None) -> None:
    """Nothing is left to migrate."""
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())


def test_one_module_knows_http() -> None:
    """Only the connector sends requests; what streams knows an answer when it sees one."""
    knowing = {
        str(module.relative_to(BACKEND))
        for module in (BACKEND / "batch").rglob("*.py")
        if re.search(r"^(import|from) (requests|urllib3|httpx|http)\b", module.read_text(), re.MULTILINE)
    }
    assert {"batch/common_compute.py", "batch/api/streaming.py"} == knowing


def test_the_connector_knows_nothing_of_django() -> None:
    """It can be taken elsewhere as it is."""
    modules = [BACKEND / "batch" / name for name in ("common_compute.py", "basket.py", "specification.py")]
    assert not [module for module in modules if re.search(r"\bdjango\b|rest_framework", module.read_text())]


def test_another_facility_is_another_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """URL and token come from the environment, and from nowhere else."""
    monkeypatch.setenv("COMMON_COMPUTE_URL", "https://compute.example/v1")
    monkeypatch.setenv("COMMON_COMPUTE_TOKEN", "t")
    settings = runpy.run_path(str(BACKEND / "esap" / "settings.py"))
    assert ("https://compute.example/v1", "t") == (
        settings["COMMON_COMPUTE_URL"],
        settings["COMMON_COMPUTE_TOKEN"],
    )


def test_the_phases_are_those_of_the_contracts_table() -> None:
    """Each state has the UWS phase that the contract names first, and ESAP's own states have one too."""
    table = yaml.safe_load(SPEC.read_text())["x-state-table"]
    assert {state: names["uws"][0] for state, names in table.items()} == {
        str(state): phase for state, phase in UWS_PHASES.items() if state in table
    }
    assert set(JobRecord.State) == set(UWS_PHASES)


def test_django_leaves_the_process_as_it_was() -> None:
    """Other tests of this process see neither Django's settings nor its time zone."""
    script = f"import os, runpy, time; runpy.run_path({str(BACKEND / 'tests' / 'conftest.py')!r})"
    script += "; print(time.tzname[0], os.environ['TZ'], 'DJANGO_SETTINGS_MODULE' in os.environ)"
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "JST Asia/Tokyo False\n" == ran.stdout
