"""The page about DIRAC: it names every setting that there is and every state, and no other."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from common_compute_dirac import container_settings, staging_settings
from common_compute_dirac.delegation_settings import MEMBERS
from common_compute_dirac.settings import Settings
from common_compute_dirac.states import ENDED, LIVE

PAGE = (Path(__file__).parents[3] / "docs" / "facilities" / "dirac_connector.md").read_text(encoding="utf-8")


def rows(section: str) -> list[list[str]]:
    """Give the words in the first column of a section's table, row by row, and those in the second."""
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return [line.split("|") for line in text.splitlines() if line.startswith("| ") and "---" not in line]


def test_the_page_names_every_setting() -> None:
    """The tables of the page and the settings that are read are the same."""
    sections = ("As whom jobs run", "What is run, and where", "Limits and pace")
    cells = [row[1] for section in sections for row in rows(section)]
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    read = {field.name for field in fields(Settings)} - {"id", "servers"} | {"configuration_server", *MEMBERS}
    assert sorted(read) == sorted(named)


@pytest.mark.parametrize(
    ("section", "members"),
    [
        ("Containers", container_settings.MEMBERS),
        ("Files on the grid", staging_settings.MEMBERS),
    ],
)
def test_the_page_names_every_setting_of_a_table(section: str, members: tuple[str, ...]) -> None:
    """Each has a row."""
    assert sorted(members) == sorted(name for row in rows(section) for name in re.findall(r"`(\w+)`", row[1]))


def test_the_page_names_every_state() -> None:
    """What goes on is told with its state, and so is what is over."""
    named = {
        state: set(re.findall(r"`([a-z]+)`", row[2]))
        for row in rows("DIRAC's states")
        for state in re.findall(r"`(\w+)`", row[1])
    }
    assert {*LIVE, *ENDED} == set(named)
    assert {state: {ours.value} for state, ours in LIVE.items()} == {state: named[state] for state in LIVE}
    assert all(ours.value in named[state] for state, ours in ENDED.items())
