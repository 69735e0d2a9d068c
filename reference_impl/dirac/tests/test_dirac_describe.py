"""The facility document of a DIRAC, before and after its configuration server was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from common_compute_connector.schemas import component
from common_compute_dirac.describe import (
    Facts,
    facility_document,
    find_software,
    max_results_bytes,
    max_tasks_per_part,
    read_facts,
    software_documents,
)
from common_compute_dirac.settings import Settings

Make = Callable[..., Settings]

TOLD: dict[str, Any] = {
    "version": "9.1.22",
    "sites": ["LCG.A.org", "LCG.B.org"],
    "platforms": ["el9"],
    "max_parametric_jobs": 20,
    "max_sandbox_bytes": 10 << 20,
    "groups": {"cta_user": "cta", "other": "elsewhere"},
    "file_catalogs": ["FileCatalog"],
    "storage_elements": ["CTA-disk"],
}


def test_what_the_configuration_server_says_is_made_visible(settings: Make) -> None:
    """Version, sites, platforms and limits are in the document once they are known; nothing is claimed before."""
    before, after = facility_document(settings(), None), facility_document(settings(), read_facts(TOLD))
    assert ({"kind": "dirac"}, []) == (before["scheduler"], before["sites"])
    assert "unsupported" == before["resources"]["site"]["support"]
    assert {"kind": "dirac", "version": "9.1.22"} == after["scheduler"]
    assert (TOLD["sites"], "enforced") == (after["sites"], after["resources"]["site"]["support"])
    assert {"Priority", "BannedSites", "Platform"} == set(after["backend_parameters"]["properties"])
    assert {"vo": "cta", "group": "cta_user"} == after["grid"]
    assert "status" not in after


def test_the_classes_follow_the_delegation(settings: Make) -> None:
    """Only where callers act as themselves is there a credential of theirs."""
    for kind in ("on_behalf", "user"):
        own = facility_document(settings(delegation=kind), None)
        assert ["core", "software", "arrays", "ranges", "credentials"] == own["conforms_to"]
        assert kind == own["credential"]["delegation"]
        assert "dirac-proxy-init -g cta_user" in own["credential"]["instructions"]
    one = facility_document(settings(delegation="service", subject="/O=a", subject_rule=None), None)
    assert ["core", "software", "arrays", "ranges"] == one["conforms_to"]
    assert "service" == one["credential"]["delegation"]


@pytest.mark.parametrize("facts", [None, read_facts(TOLD)])
def test_the_document_is_one_of_the_contract(settings: Make, facts: Facts | None) -> None:
    """It fits the schema, and shows nothing of where secrets lie."""
    made = settings()
    document = {"status": {"state": "unknown"}, **facility_document(made, facts)}
    assert [] == component("Facility").faults(document)
    assert made.delegation.host is not None
    assert not [path for path in map(str, made.delegation.host) if path in str(document)]


def test_settings_that_dirac_does_not_know_are_told(settings: Make) -> None:
    """A site or a group that is not there, or of another VO, is in the status, for people."""
    wrong = settings(sites=["LCG.A.org", "LCG.C.org"], groups=["other", "third"])
    status = facility_document(wrong, read_facts(TOLD))["status"]
    assert "degraded" == status["state"]
    for words in (
        "there is no site LCG.C.org",
        "group other is of the VO elsewhere",
        "there is no group third",
    ):
        assert words in status["message"]


def test_limits_are_the_tighter_ones(settings: Make) -> None:
    """A part is no larger than DIRAC allows, and results fit beside the logs in an output sandbox."""
    facts = read_facts(TOLD)
    assert (20, 100, 5) == (
        max_tasks_per_part(settings(), facts),
        max_tasks_per_part(settings(), None),
        max_tasks_per_part(settings(max_tasks_per_part=5), facts),
    )
    assert 7 << 20 == max_results_bytes(settings(), facts)
    small = Facts(max_sandbox_bytes=3 << 20)
    assert (3 << 20) - (2 << 20) - (256 << 10) == max_results_bytes(settings(), small)
    assert 0 == max_results_bytes(settings(), Facts(max_sandbox_bytes=1 << 20))


def test_the_catalogue_is_sorted_and_found(settings: Make) -> None:
    """By name, the newest version first; without a version the default is meant."""
    tables = [
        {"name": "b", "version": version, "default": version == "v0.9", "setup": f"/{version}"}
        for version in ("v0.9", "v0.10", "v0.10-rc1")
    ]
    software = settings(software=tables).software
    named = [(entry["name"], entry["version"]) for entry in software_documents(software)]
    assert [("b", "v0.10"), ("b", "v0.10-rc1"), ("b", "v0.9"), ("posix-shell", "system")] == named
    for wish, expected in (({}, "/v0.9"), ({"version": "v0.10"}, "/v0.10"), ({"version": "v0.11"}, None)):
        found = find_software(software, {"kind": "installed", "name": "b", **wish})
        assert expected == (found.setup if found else None)


CONTAINERS = {
    "runtime": "charliecloud",
    "images": "/images",
    "probe_image": "box:1",
    "catalogue": ["a:1", "b:2"],
}
STAGING = {"storage_element": "CTA-disk"}


def test_containers_are_claimed_only_where_the_settings_say_that_workers_have_them(settings: Make) -> None:
    """Then there are a runtime, an image to try it with, a reason, and the images for people."""
    without = facility_document(settings(), read_facts(TOLD))
    assert ("container" in without["conforms_to"], []) == (False, without["container_runtimes"])
    assert {"installed"} == set(without["probe"])
    document = facility_document(settings(containers=CONTAINERS), read_facts(TOLD))
    assert ("container" in document["conforms_to"], "image-unavailable" in document["reason_codes"]) == (
        True,
        True,
    )
    assert [{"name": "charliecloud", "image_formats": ["oci"]}] == document["container_runtimes"]
    assert {"kind": "container", "image": "box:1"} == document["probe"]["container"]
    assert document["description"].endswith("\na:1\nb:2")
    assert [] == component("Facility").faults({"status": {"state": "unknown"}, **document})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"file_catalogs": []}, "cta has no file catalogue"),
        ({"storage_elements": ["other"]}, "there is no storage element CTA-disk"),
    ],
)
def test_files_are_claimed_only_where_dirac_has_both(
    settings: Make, change: dict[str, Any], words: str
) -> None:
    """A catalogue to look in and a storage element to write to; what lacks is told, and before it is known nothing."""
    made = settings(staging=STAGING)
    both = facility_document(made, read_facts(TOLD))
    assert ("staging" in both["conforms_to"], ["lfn"]) == (True, both["input_url_schemes"])
    assert "status" not in both
    assert [] == facility_document(settings(), read_facts(TOLD))["input_url_schemes"]
    for facts in (None, read_facts(TOLD | change)):
        document = facility_document(made, facts)
        assert ("staging" in document["conforms_to"], []) == (False, document["input_url_schemes"])
    assert words in document["status"]["message"]
