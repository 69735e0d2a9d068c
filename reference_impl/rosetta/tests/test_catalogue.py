"""The catalogue of images: what an administrator names, and what people then read in the facility document."""

import pytest

from common_compute_connector.contract import document
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import FacilityConfiguration
from common_compute_rosetta.configuration import read_settings
from common_compute_rosetta.describe import MAX_IMAGES_NAMED, facility_document
from common_compute_rosetta.records import Machine
from common_compute_rosetta.runtimes.box import Account
from common_compute_rosetta.runtimes.found import Program, runtimes_of

PODMAN = runtimes_of({"podman": Program("podman version 4.3.1", "/usr/bin/podman")})
DIGEST = "sha256:" + "9f" * 32


def read(**containers):
    settings = {"root": "/jobs", "description": "Ours.\nFor all.", "containers": containers}
    return read_settings(FacilityConfiguration("here", "internal", settings))


def described(runtimes=PODMAN, **containers) -> str:
    """Give the description of a facility with these settings, on a machine with these runtimes."""
    machine = Machine("/jobs", "amd64", "h", "Linux", 1, 1, "none", (), Account("a", 1, 1, "/a"), runtimes)
    return facility_document(read(**containers), machine)["description"]


def test_images_are_named_one_per_line():
    """Under the administrator's own words each image stands whole on a line, with its digest."""
    images = ["docker.io/library/debian:12", f"registry.example.org/casa:6.6@{DIGEST}"]
    assert (
        "Ours.\nFor all.\n\nImages of use here, beside all others:\n"
        f"docker.io/library/debian:12\nregistry.example.org/casa:6.6@{DIGEST}"
    ) == described(catalogue=images)


def test_a_long_catalogue_is_cut():
    """A description is for people: of hundreds of images it names some, and how many more there are."""
    images = [f"docker.io/library/debian:{n}" for n in range(MAX_IMAGES_NAMED + 7)]
    lines = described(catalogue=images).splitlines()
    assert (images[MAX_IMAGES_NAMED - 1], "and 7 more") == (lines[-2], lines[-1])


@pytest.mark.parametrize(("runtimes", "containers"), [((), {"catalogue": ["debian"]}), (PODMAN, {})])
def test_without_containers_or_images_the_words_are_the_administrators(runtimes, containers):
    """Where no container runs nothing is said of images."""
    assert "Ours.\nFor all." == described(runtimes, **containers)


def test_the_contract_has_no_other_place():
    """The facility document of the contract has no member for images; with one, the catalogue belongs there."""
    members = document()["components"]["schemas"]["Facility"]["properties"]
    assert [] == [name for name in members if "image" in name or "catalogue" in name]


@pytest.mark.parametrize(
    ("containers", "words"),
    [
        ({"catalogue": "debian"}, "`catalogue` must be a list of texts"),
        ({"catalogue": ["a b"]}, "'a b' in the `catalogue` must be an image"),
        ({"catalogue": ["debian\n"]}, "must be an image"),
        (
            {"catalogue": ["quay.io/x"], "registries": ["docker.io"]},
            "'quay.io/x' in the `catalogue` is in none of the `registries`",
        ),
        ({"catalog": ["debian"]}, "is `catalogue` meant?"),
    ],
)
def test_a_catalogue_that_cannot_be_used_is_told(containers, words):
    """Each fault names the image and says what it must be."""
    with pytest.raises(ConfigurationError) as told:
        read(**containers)
    assert any(words in fault for fault in told.value.faults), told.value.faults
