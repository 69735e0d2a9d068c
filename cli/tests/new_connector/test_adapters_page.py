"""docs/adapters.md: the ids that it names are the contract's, and its steps leave none out."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from common_compute_cli.__main__ import run
from common_compute_cli.specification import requirements

PAGE = Path(__file__).parents[3] / "docs" / "adapters.md"
_GROUP = re.compile(r"`(CC-[A-Z]+-)`((?: \d{3})+)")


def section(title: str) -> str:
    """Give a section of the page."""
    return PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_steps_of_the_http_api_are_all_of_core() -> None:
    """Each core MUST that is verified over HTTP becomes green at exactly one step, and nothing else does."""
    named = Counter(
        area + number
        for area, numbers in _GROUP.findall(section("The HTTP API yourself"))
        for number in numbers.split()
    )
    core = {
        str(each["id"])
        for each in requirements()
        if (each["class"], each["level"], each["verified_by"]) == ("core", "MUST", "http")
    }
    assert dict.fromkeys(core, 1) == dict(named)


def test_every_requirement_that_it_names_is_there() -> None:
    """The page names no requirement that the contract does not have."""
    known = {str(each["id"]) for each in requirements()}
    named = set(re.findall(r"CC-[A-Z]+-\d{3}", PAGE.read_text(encoding="utf-8")))
    assert set() == named - known


def test_every_place_that_it_links_to_is_there() -> None:
    """Files and sections that the page links to exist."""
    text = PAGE.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https:)([^)]+)\)", text)
    titles = {
        "#" + re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    assert links
    assert [] == [
        link
        for link in links
        if not (link in titles if link.startswith("#") else (PAGE.parent / link).exists())
    ]


def test_every_option_that_it_names_is_there(capsys) -> None:
    """The options of `certify` and `new-connector` that the page names are in their help."""
    known = set()
    for command in ("certify", "new-connector", "serve"):
        assert 0 == run([command, "--help"])
        known |= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    known |= {"--area", "--export"}  # of `spec requirements`, and of Slurm's sbatch
    named = set(re.findall(r"(?<![-\w])--[a-z][a-z-]+", PAGE.read_text(encoding="utf-8")))
    assert set() == named - known
