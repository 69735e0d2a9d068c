"""The settings of a plain host: what is enough, and every fault in words."""

import pytest

from common_compute_connector.contract import document
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import FacilityConfiguration
from common_compute_rosetta.configuration import read_settings
from common_compute_rosetta.describe import facility_document, software_documents
from common_compute_rosetta.records import Machine

MACHINE = Machine("/srv/jobs/s", "arm64", "host", "Linux", cores=8, memory_bytes=2**34, reaper="perl")


def read(**settings):
    return read_settings(FacilityConfiguration("here", "internal", {"root": "/srv/jobs", **settings}))


def faults(**settings) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        read_settings(FacilityConfiguration("here", "internal", settings))
    return list(raised.value.faults)


def test_a_root_is_enough():
    """With a root alone the shell is there, in one version, as the default."""
    settings = read()
    assert ("/srv/jobs", "here", None) == (settings.root, settings.name, settings.max_running)
    assert [{"name": "posix-shell", "version": "system", "default": True}] == [
        {name: entry[name] for name in ("name", "version", "default")}
        for entry in software_documents(settings.software)
    ]


def test_all_faults_are_told_at_once():
    """Each fault is a sentence of its own with the place, and a misspelt name gets its nearest neighbour."""
    told = faults(
        max_runing=3,
        max_running=0,
        path="",
        default_wall_time_seconds=20,
        max_wall_time_seconds=10,
        software=[{"name": "x"}, {"name": "y", "version": "1", "default": "yes", "bogus": 1}],
    )
    expected = [
        "is `max_running` meant?",
        "`root`",
        "`path`",
        "`max_running`",
        "is above",
        "`version`",
        "bogus",
    ]
    assert [] == [words for words in [*expected, "`default`"] if not any(words in fault for fault in told)]
    assert all(fault.startswith("facility 'here'") for fault in told)
    assert 8 == len(told)


@pytest.mark.parametrize("root", ["jobs", "~/jobs", "", 7, "/srv/a\nb"])
def test_a_root_must_be_an_absolute_path(root):
    """What is no absolute path is refused."""
    assert 1 == len(faults(root=root))


def test_of_several_versions_one_is_the_default():
    """A name with two versions needs exactly one default, and no version twice."""
    two = [{"name": "x", "version": "1"}, {"name": "x", "version": "2"}]
    assert ["exactly one version" in fault for fault in faults(root="/r", software=two)] == [True]
    twice = [{**two[0], "default": True}, two[0]]
    assert ["twice" in fault for fault in faults(root="/r", software=twice)] == [True]


def test_the_catalogue_is_sorted():
    """The catalogue goes by name, and then from the newest version to the oldest, numbers as numbers."""
    versions = ["1.9", "1.10", "2.0rc1", "2.0", "1.10-beta"]
    entries = [{"name": "b", "version": v, "default": v == "2.0"} for v in versions]
    settings = read(software=[*entries, {"name": "a", "version": "1", "architectures": ["arm64"]}])
    listed = [(entry["name"], entry["version"]) for entry in software_documents(settings.software)]
    newest_first = [("b", v) for v in ("2.0", "2.0rc1", "1.10", "1.10-beta", "1.9")]
    assert [("a", "1"), *newest_first, ("posix-shell", "system")] == listed


def test_a_path_goes_first():
    """A software's directory is put in front of PATH, quoted, before its own setup is read."""
    (entry, _) = read(software=[{"name": "x", "version": "1", "path": "/o'x", "setup": "A=1"}]).software
    assert "PATH='/o'\\''x':$PATH\nA=1" == entry.setup


@pytest.mark.parametrize("machine", [None, MACHINE])
def test_the_facility_document_has_what_the_contract_demands(machine):
    """The document's members are the contract's, before and after the machine was asked."""
    told = facility_document(read(), machine)
    schema = document()["components"]["schemas"]["Facility"]
    assert set(schema["required"]) - {"status"} <= set(told) <= set(schema["properties"])
    limits = document()["components"]["schemas"]["FacilityLimits"]
    assert set(limits["required"]) <= set(told["limits"]) <= set(limits["properties"])


def test_the_facility_document_tells_the_truth():
    """What the machine cannot do is unsupported, and what it has is told as it was found."""
    told = facility_document(read(max_memory_bytes=100, default_wall_time_seconds=5), MACHINE)
    assert (["arm64"], [], []) == (told["architectures"], told["container_runtimes"], told["queues"])
    assert {"support": "enforced", "max": 100} == told["resources"]["memory_bytes"]
    assert {"support": "enforced", "default": 5} == told["resources"]["wall_time_seconds"]
    assert {"support": "advisory", "max": 8} == told["resources"]["cpu_cores"]
    assert {"unsupported"} == {told["resources"][name]["support"] for name in ("gpus", "queue", "site")}
    assert "signal" in told["reason_codes"]
    without = Machine("/d", "amd64", "h", "Linux", 1, 1, reaper="none")
    assert "signal" not in facility_document(read(), without)["reason_codes"]
