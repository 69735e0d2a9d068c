"""Build the site: gather its pages in a folder, and have MkDocs make HTML of them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from itertools import chain
from pathlib import Path

from common_compute_website import (
    conversation,
    mending,
    peers,
    places,
    reference,
    rendering,
    requirements,
    use_cases,
    wishes,
    worlds,
    written,
)

_MADE = re.compile(r"^<!-- made: ([\w-]+) -->$", re.MULTILINE)

MADE: dict[str, Callable[[], str]] = {
    "wishes": wishes.table_of_wishes,
    "states": worlds.table_of_states,
    "reasons": worlds.table_of_reasons,
    "members": worlds.table_of_members,
    "support": worlds.table_of_support,
    "facilities": worlds.table_of_facilities,
    "operations": reference.table_of_operations,
    "coverage": requirements.coverage,
    "connectors": requirements.connectors,
    "certificates": requirements.certificate_files,
    "requirements": requirements.table_of_all,
    "what-was-read": peers.what_was_read,
    "features": peers.features,
    "mappings": peers.mappings,
    "better": peers.better,
}
"""What stands on a written page in place of `<!-- made: NAME -->`."""


def gather(target: Path, room: Path) -> None:
    """Write all pages below `target`; `room` is for servers, and for what they leave."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(places.WRITTEN_HERE, target)
    for page in sorted(target.glob("**/*.md")):
        page.write_text(
            _MADE.sub(lambda found: MADE[found[1]](), page.read_text(encoding="utf-8")), encoding="utf-8"
        )
    written.take_over(target)
    exchanges = conversation.held(room / "mocks")
    found = use_cases.run(room / "facility")
    made = chain(reference.pages(exchanges), requirements.pages(), use_cases.pages(found, target))
    for address, text in made:
        written.write(target, address, text)
    for file in [*places.CERTIFICATES.glob("*.json"), places.CERTIFICATES / "compare.html"]:
        written.copied(file, target)
    for name in ("openapi.yaml", "requirements.yaml", "transitions.yaml"):
        written.copied(places.SPEC / name, target)


def build(out: Path, room: Path) -> None:
    """Build the site below `out`, whose present content goes."""
    source = room / "pages"
    gather(source, room)
    rendering.render(source, out)
    mending.mend(out)
