"""What a facility over SSH says of itself when the accounts that look at it see different things."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.protocol import Enrolment, FacilityConfiguration, Ground
from common_compute_rosetta.keys import Cabinet
from common_compute_rosetta.records import why_not_taken
from common_compute_rosetta.remote import RemoteFacility, open_connector

HOST_KEY = Cabinet(["x" * 32]).new_pair((), "").public_line.strip()
WELL = {"conforms_to": ["core"], "reason_codes": [], "description": "asked"}
FULL = {**WELL, "status": {"state": "degraded", "message": "/r: No space left on device"}}
AWAY = {**WELL, "description": "not asked", "status": {"state": "unavailable", "message": "no route"}}


class NoEnrolments:
    """Nobody has enrolled."""

    async def enrolment(self, owner: str) -> None:
        """Give none."""


class Host:
    """A host that describes itself so."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    async def describe(self) -> dict[str, Any]:
        """Give it."""
        return self.document


@pytest.fixture
def facility(tmp_path: Path) -> RemoteFacility:
    """Make a facility in which callers have accounts of their own."""
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("s" * 44)
    settings = {"host": "login.example.org", "host_key": HOST_KEY, "secret_file": str(secret)}
    return open_connector(
        FacilityConfiguration("there", "ssh", settings), Ground(HeldClock(), NoEnrolments())
    )


@pytest.mark.parametrize(
    ("documents", "state"),
    [
        ([WELL, FULL], None),
        ([FULL, WELL], None),
        ([AWAY, FULL], "degraded"),
        ([FULL, AWAY], "degraded"),
        ([AWAY, AWAY], "unavailable"),
        ([AWAY, WELL, FULL, AWAY], None),
    ],
)
def test_the_best_that_an_account_sees_counts(
    facility: RemoteFacility, documents: list[dict[str, Any]], state: str | None
) -> None:
    """A full quota of one caller is no trouble of the facility's, and a host that takes nothing in is still there."""
    hosts: Any = {index: Host(document) for index, document in enumerate(documents)}
    facility._hosts = hosts
    told = asyncio.run(facility.describe())
    assert state == told.get("status", {}).get("state")


def test_a_credential_that_is_withdrawn_while_it_is_tried(
    facility: RemoteFacility, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found out is told, although the key is gone by then."""
    tried = Enrolment("anna", {"state": "valid"})

    async def find_valid(owner: str, held: Enrolment | None) -> Enrolment:
        return tried

    monkeypatch.setattr(facility._accounts, "check", find_valid)
    assert tried == asyncio.run(facility.check_enrolment("anna", tried))


def test_the_words_for_a_full_disk_do_not_change_with_what_was_sent() -> None:
    """Of what tar complains of the cause remains, and where; of anything else the first words."""
    words = (
        b"tar: parts/a.0/handle: Cannot write: No space left on device\ntar: Exiting with failure status\n"
    )
    assert "/r/s: No space left on device" == why_not_taken(words, "/r/s")
    assert "/r/s: Disk quota exceeded" == why_not_taken(b"mkdir: x: Disk quota exceeded", "/r/s")
    assert "the stream was cut" == why_not_taken(b"the stream was cut\n", "/r/s")
    assert "" == why_not_taken(b"", "/r/s")
