"""Whatever names a requirement names one that there is."""

from __future__ import annotations

import re
from pathlib import Path

from common_compute_proposal.versions import read_version

ROOT = Path(__file__).parents[2]
ROOMS = ("cli", "conformance", "docs", "examples", "mocks", "proposal", "reference_impl", "spec")
ID = re.compile(r"\bCC-[A-Z]+-\d{3}\b")


def test_ids_in_code_and_pages_are_requirements() -> None:
    """Every id in a module, a page or data of ours is in requirements.yaml; tests may make some up."""
    known = {each["id"] for each in read_version(ROOT / "spec").requirements}
    files = [
        *ROOT.glob("*.md"),
        *(
            file
            for room in ROOMS
            for file in (ROOT / room).rglob("*")
            if file.suffix in {".py", ".md", ".yaml"}
        ),
    ]
    named = {
        (str(file.relative_to(ROOT)), name)
        for file in files
        if not {"tests", "node_modules", "released"} & set(file.parts)
        for name in ID.findall(file.read_text(encoding="utf-8"))
    }
    assert len(known) / 2 < len({name for _, name in named})
    assert [] == sorted((file, name) for file, name in named if name not in known)
