"""The units of systemd are in order, and what they name is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real, pytest.mark.needs("systemd")]

DEPLOY = Path(__file__).parents[1]
UNIT = DEPLOY / "systemd" / "common-compute@.service"
PROGRAM = Path(sys.executable).with_name("common-compute")
MOST_EXPOSED = "20"
"""In tenths, of `systemd-analyze security`: 0 is nothing, 100 everything."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Give an instance of the unit whose program is the one of this environment."""
    text = UNIT.read_text(encoding="utf-8")
    assert text.count("/opt/common-compute/bin/common-compute ") == 1
    file = tmp_path / "common-compute@8001.service"
    file.write_text(text.replace("/opt/common-compute/bin/common-compute", str(PROGRAM)), encoding="utf-8")
    return file


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **environment}
    )


def with_internal(unit: Path) -> None:
    """Add what a facility with the connector `internal` needs."""
    drop_in = unit.with_name(f"{unit.name}.d")
    drop_in.mkdir()
    shutil.copy(DEPLOY / "systemd" / "internal.conf", drop_in)


@pytest.mark.parametrize("internal", [False, True])
def test_the_unit_is_in_order(unit: Path, internal: bool) -> None:
    """systemd knows every setting of the unit, with and without what internal facilities need."""
    if internal:
        with_internal(unit)
    told = run("systemd-analyze", "verify", "--man=no", unit)
    assert (0, "") == (told.returncode, told.stderr)


def test_a_misspelt_setting_would_be_found(unit: Path) -> None:
    """What systemd does not know, it names."""
    unit.write_text(unit.read_text(encoding="utf-8").replace("ProtectHome=", "ProtectHouse="))
    assert "ProtectHouse" in run("systemd-analyze", "verify", "--man=no", unit).stderr


def test_the_unit_exposes_little(unit: Path) -> None:
    """By systemd's own measure the service is hardly exposed."""
    told = run("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)
    assert 0 == told.returncode, told.stdout


def test_the_unit_starts_what_there_is(unit: Path) -> None:
    """The options of the unit's command are the program's, and it says itself when it is ready."""
    (command,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    options = re.findall(r"--[a-z-]+", command)
    help_text = run(PROGRAM, "serve", "--help").stdout
    assert ["--config", "--port"] == options
    assert all(option in help_text for option in options)
    assert "Type=notify" in unit.read_text(encoding="utf-8")


def test_the_account_is_in_order() -> None:
    """systemd-sysusers would make the account that the unit names."""
    told = run("systemd-sysusers", "--dry-run", DEPLOY / "systemd" / "common-compute.sysusers")
    assert (0, True) == (told.returncode, "common-compute" in told.stdout + told.stderr), told.stderr
    assert "User=common-compute\n" in UNIT.read_text(encoding="utf-8")


def test_the_configuration_names_what_the_unit_hands_over(tmp_path: Path) -> None:
    """The example's configuration is in order where the unit's credentials are there, and says so where not."""
    text = UNIT.read_text(encoding="utf-8")
    configuration = DEPLOY / "replicas" / "service.toml"
    handed_over = re.findall(r"^LoadCredential=(\w+):", text, re.MULTILINE)
    named = re.findall(r'"\$CREDENTIALS_DIRECTORY/(\w+)"', configuration.read_text(encoding="utf-8"))
    assert sorted(handed_over) == sorted(named)
    for name, secret in (("tokens", "a-token-of-anna-4711 anna\n"), ("secret", "k" * 44)):
        (tmp_path / name).touch(mode=0o400)
        (tmp_path / name).write_text(secret, encoding="utf-8")
    told = run(PROGRAM, "config", "check", configuration, CREDENTIALS_DIRECTORY=str(tmp_path))
    assert (0, "") == (told.returncode, told.stderr)
    told = run(PROGRAM, "config", "check", configuration, CREDENTIALS_DIRECTORY="")
    assert (2, True) == (told.returncode, "a unit with LoadCredential= has it" in told.stderr)
