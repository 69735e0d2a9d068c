"""The settings of staging and storages: what is enough, every fault in words, and what the document then says."""

import pytest

from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import FacilityConfiguration
from common_compute_rosetta.configuration import read_settings
from common_compute_rosetta.describe import facility_document
from common_compute_rosetta.records import Machine
from common_compute_rosetta.slurm_describe import facility_document as slurm_document
from common_compute_rosetta.storage_settings import Storage

TOOLS = frozenset({"curl", "sha256sum", "getent"})


def read(**settings):
    return read_settings(FacilityConfiguration("here", "internal", {"root": "/srv/jobs", **settings}))


def faults(**settings) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        read(**settings)
    return list(raised.value.faults)


def machine(*programs: str) -> Machine:
    return Machine("/srv/jobs/s", "arm64", "host", "Linux", 8, 2**34, "perl", programs=frozenset(programs))


def test_the_table_alone_is_enough():
    """An empty table stands for HTTPS and every public host; without it nothing is fetched."""
    staging = read(staging={}).staging
    assert (("https",), ("*",), "", 20 * 2**30, 6 * 3600) == (
        staging.schemes,
        staging.hosts,
        staging.authorities,
        staging.max_input_bytes,
        staging.max_transfer_seconds,
    )
    assert read().staging is None


def test_all_faults_of_staging_are_told_at_once():
    """Each fault is a sentence with its place: other schemes, what is no host, a proxy with a password, ..."""
    told = faults(
        staging={
            "schemes": ["https", "file", "ftp"],
            "hosts": ["data.example.org", "https://x", "a b", "*.x.org", "*y", "[::1]"],
            "proxy": "http://me:secret@proxy:1",
            "ca_file": "/nowhere.pem",
            "max_input_bytes": 0,
            "max_inputs": 1,
        }
    )
    expected = [
        "'file'",
        "'ftp'",
        "'https://x'",
        "'a b'",
        "'*y'",
        "`proxy`",
        "/nowhere.pem",
        "`max_input_bytes`",
    ]
    expected.append("there is no setting `max_inputs`")
    assert [] == [words for words in expected if not any(words in fault for fault in told)]
    assert len(expected) == len(told)
    assert all(fault.startswith("facility 'here', staging: ") for fault in told)
    assert not any("secret" in fault for fault in told)
    assert ["facility 'here': `staging` must be a table: [facility.staging]"] == faults(staging=True)
    assert ["facility 'here', staging: `hosts` names none; leave it out for every public one"] == faults(
        staging={"hosts": []}
    )


def test_a_storage():
    """Name and path are enough; a storage is posix, shared and not written to unless something else is said."""
    storage = [{"name": "pool", "path": "//data/pool/"}, {"name": "own", "path": "/o", "shared": False}]
    assert (Storage("pool", "/data/pool"), Storage("own", "/o", "posix", shared=False)) == read(
        storage=storage
    ).storages
    assert read().storages == ()


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"name": "x"}, "must be [[facility.storage]] tables"),
        ([{"name": "x"}], "storage 1: `path` must be given"),
        ([{"path": "/x"}], "storage 1: `name` must be given"),
        ([{"name": "a b", "path": "/x"}], "`name` must be a word"),
        ([{"name": "x", "path": "x"}], "an absolute path"),
        ([{"name": "x", "path": "/a/../b"}], "an absolute path"),
        ([{"name": "x", "path": "/a\n"}], "an absolute path"),
        ([{"name": "x", "path": "//"}], "not the whole file system"),
        ([{"name": "x", "path": "/a:b"}], "cannot be mounted"),
        ([{"name": "x", "path": "/x", "shared": "yes"}], "`shared` must be true or false"),
        ([{"name": "x", "path": "/x", "kind": ""}], "`kind` must be a text"),
        ([{"name": "x", "path": "/x", "sharde": True}], "is `shared` meant?"),
        ([{"name": "x", "path": "/x"}, {"name": "x", "path": "/y"}], "two storages 'x'"),
    ],
)
def test_faults_of_storages(tables, words):
    """Each fault of a storage is one sentence with its place."""
    (told,) = faults(storage=tables)
    assert told.startswith("facility 'here'")
    assert words in told


@pytest.mark.parametrize("document", [facility_document, lambda *it: slurm_document(*it, None)])
def test_what_the_document_says(document):
    """The class is claimed where settings and programs are there for it, and storages are listed in any case."""
    settings = read(staging={"schemes": ["https", "http"]}, storage=[{"name": "pool", "path": "/pool"}])
    told = document(settings, machine(*TOOLS))
    assert (True, ["https", "http"]) == ("staging" in told["conforms_to"], told["input_url_schemes"])
    assert [{"name": "pool", "path": "/pool", "kind": "posix", "shared": True}] == told["storage"]
    for programs in (None, machine("curl", "sha256sum"), machine("curl", "getent"), machine("getent")):
        told = document(settings, programs)
        assert (False, []) == ("staging" in told["conforms_to"], told["input_url_schemes"])
    without = document(read(storage=[{"name": "pool", "path": "/pool"}]), machine(*TOOLS))
    assert (False, [], 1) == (
        "staging" in without["conforms_to"],
        without["input_url_schemes"],
        len(without["storage"]),
    )


def test_what_is_needed_there():
    """Names are looked up there only where every public host is allowed, and nothing is needed for storages alone."""
    assert {"curl", "sha256sum"} == set(read(staging={"hosts": ["data.example.org"]}).staging.needs)
    assert {"curl", "sha256sum"} == set(read(staging={"proxy": "http://proxy:3128"}).staging.needs)
    settings = read(staging={"schemes": []})
    assert () == settings.staging.needs
    told = facility_document(settings, machine())
    assert (True, []) == ("staging" in told["conforms_to"], told["input_url_schemes"])
