"""Where in the repository things lie, and under which address a written page of it stands on the site."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SPEC = ROOT / "spec"
CASES = SPEC / "use_cases"
CERTIFICATES = DOCS / "certificates"
DECISIONS = DOCS / "decisions"
WEBSITE = ROOT / "website"
WRITTEN_HERE = WEBSITE / "written_pages"
"""The pages that exist for the site alone, and what goes with them."""

DECISIONS_PAGE = "proposal/decisions.md"

WRITTEN = {
    "docs/platforms.md": "platforms/index.md",
    "docs/mocks.md": "platforms/mocks.md",
    "docs/scenarios.md": "platforms/scenarios.md",
    "docs/flavours.md": "worlds/flavours.md",
    "docs/adapters.md": "facilities/adapters.md",
    "docs/certificate.md": "facilities/certificate.md",
    "docs/threats.md": "facilities/threats.md",
    "docs/staging.md": "facilities/staging.md",
    "docs/deployment.md": "facilities/deployment.md",
    "docs/rosetta_import.md": "facilities/rosetta_import.md",
    "docs/facilities/internal.md": "facilities/internal.md",
    "docs/facilities/ssh.md": "facilities/ssh.md",
    "docs/facilities/slurm.md": "facilities/slurm.md",
    "docs/facilities/dirac_connector.md": "facilities/dirac_connector.md",
}
"""The pages of `docs/` that are pages of the site, by their path in the repository."""

GENERATED = {
    "docs/certificates/compare.html": "requirements/index.md",
    "docs/decisions": DECISIONS_PAGE,
    "docs/decisions/wishes.yaml": "proposal/index.md",
    "spec/openapi.yaml": "reference/index.md",
    "spec/requirements.yaml": "requirements/index.md",
    "spec/use_cases/README.md": "use_cases/index.md",
}
"""What a page is made of, and that page: a link to the one leads to the other."""


def decision_records() -> list[Path]:
    """Give the records of decisions, by their number."""
    return sorted(DECISIONS.glob("[0-9]*.md"))


def decision_anchor(record: Path) -> str:
    """Give the anchor of a record on the page of decisions."""
    return f"decision-{int(record.name[:4])}"


def page_of(path: str) -> str | None:
    """Give the page, with its anchor, that stands for a file of the repository, if one does."""
    if path in WRITTEN or path in GENERATED:
        return WRITTEN.get(path) or GENERATED[path]
    parts = Path(path).parts
    if parts[:2] == ("docs", "decisions") and parts[-1][:4].isdigit():
        return f"{DECISIONS_PAGE}#{decision_anchor(Path(path))}"
    if parts[:2] == ("spec", "use_cases") and parts[-1] == "README.md":
        return f"use_cases/{parts[2]}.md"
    return None
