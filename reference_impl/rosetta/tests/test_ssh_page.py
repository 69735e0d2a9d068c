"""The page about facilities over SSH: it names every setting that there is, and no other."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from common_compute_rosetta.container_settings import _MEMBERS as OF_CONTAINERS
from common_compute_rosetta.slurm_settings import SlurmSettings
from common_compute_rosetta.ssh_configuration import _OF_SSH as OF_SSH

PAGE = Path(__file__).parents[3] / "docs" / "facilities" / "ssh.md"


def _named(section: str) -> set[str]:
    """Give the settings in the first column of a section's table."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {section}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize(
    ("section", "settings"),
    [
        ("Whose account jobs run in", {*OF_SSH, "root"}),
        ("Slurm: `[facility.slurm]`", {field.name for field in fields(SlurmSettings)}),
        ("Containers: `[facility.containers]`", set(OF_CONTAINERS)),
    ],
)
def test_the_page_names_every_setting(section: str, settings: set[str]) -> None:
    """The tables of the page and the settings that are read are the same."""
    assert settings == _named(section)
