"""A real DIRAC, certified in the normal budget: by a trusted host, with users' own proxies, and with all it can have."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from served_dirac import EQUIPPED, ON_BEHALF, USER, GridServer

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("dirac"), pytest.mark.timeout(1800)]

RECORDS = Path(__file__).parents[2] / "docs" / "certificates"

_CLASSES = {"core", "software", "arrays", "ranges", "credentials"}


@pytest.mark.parametrize(
    ("facility", "more"),
    [(ON_BEHALF, set[str]()), (USER, set[str]()), (EQUIPPED, {"container", "staging"})],
)
def test_the_normal_budget_certifies_it(
    grid_server: GridServer, tmp_path: Path, facility: str, more: set[str]
) -> None:
    """What the quick budget certifies, the normal one certifies as well; the certificate is kept."""
    certificate = grid_server.certify(facility, tmp_path, "normal")
    assert {name for name, entry in certificate["classes"].items() if entry["claimed"]} >= _CLASSES | more
    RECORDS.mkdir(exist_ok=True)
    shutil.copy(tmp_path / "certificate.json", RECORDS / f"dirac_{facility.replace('-', '_')}.json")
