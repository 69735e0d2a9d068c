"""Which runtimes a host has, out of what its probe tells, and which of them are offered."""

import pytest

from common_compute_connector.contract import document
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import FacilityConfiguration
from common_compute_rosetta.configuration import read_settings
from common_compute_rosetta.describe import facility_document
from common_compute_rosetta.records import Machine, read_machine
from common_compute_rosetta.runtimes.box import Account
from common_compute_rosetta.runtimes.found import Program, choose, number, offered, runtimes_of

VERSIONS = {
    "ch-run": "0.31",
    "ch-image": "0.31",
    "bwrap": "bubblewrap 0.8.0",
    "podman": "podman version 4.3.1",
    "apptainer": "apptainer version 1.3.6-1.el9",
    "singularity": "singularity-ce version 3.11.4",
    "skopeo": "skopeo version 1.9.3",
    "umoci": "umoci version 0.4.7",
    "curl": "",
    "sha256sum": "",
    "userns": "",
    "docker": "28.2.2",
}


def found(*names: str, **versions: str):
    told = {**VERSIONS, **versions}
    return runtimes_of({name: Program(told[name], f"/usr/bin/{name}") for name in names})


def test_all_of_them():
    """With everything there, all runtimes are found by preference, each with its version and the formats it takes."""
    archives = ("docker-archive", "oci-archive")
    assert [
        ("charliecloud", "0.31", ("oci", *archives), "ch-image"),
        ("podman", "4.3.1", ("oci", *archives), "podman"),
        ("apptainer", "1.3.6", ("oci", "sif", *archives), "apptainer"),
        ("singularity", "3.11.4", ("oci", "sif", *archives), "apptainer"),
        ("bubblewrap", "0.8.0", ("oci", *archives), "skopeo"),
        ("docker", "28.2.2", ("oci", "docker-archive"), "docker"),
    ] == [(one.name, one.version, one.formats, one.puller) for one in found(*VERSIONS)]


@pytest.mark.parametrize(
    ("programs", "runtimes"),
    [
        ((), []),
        (("ch-run", "userns"), []),
        (("ch-run", "ch-image", "sha256sum"), []),
        (("ch-run", "ch-image", "sha256sum", "userns"), [("charliecloud", ("oci",))]),
        (("ch-run", "skopeo", "umoci", "userns"), [("charliecloud", ("oci",))]),
        (("bwrap", "skopeo"), []),
        (("bwrap", "skopeo", "umoci"), [("bubblewrap", ("oci",))]),
        (("podman",), [("podman", ("oci",))]),
        (("apptainer",), []),
        (("apptainer", "skopeo"), [("apptainer", ("oci",))]),
        (("skopeo", "umoci", "curl"), []),
    ],
)
def test_what_each_needs(programs, runtimes):
    """A runtime without what gets its images is none, nor is one where users may have no namespaces."""
    assert runtimes == [(one.name, one.formats) for one in found(*programs)]


@pytest.mark.parametrize(
    ("name", "version", "taken"),
    [
        ("apptainer", "apptainer version 1.0.3", False),
        ("apptainer", "apptainer version 1.1.0", True),
        ("singularity", "singularity version 3.8.7", False),
        ("singularity", "singularity-ce version 3.10.0-noble", True),
        ("singularity", "2.6.1-dist", False),
    ],
)
def test_versions_that_let_a_shell_read_values_are_not_taken(name, version, taken):
    """Without `--no-eval` a value would be run as a command."""
    assert ([name] if taken else []) == [one.name for one in found(name, "skopeo", **{name: version})]


@pytest.mark.parametrize(
    ("text", "expected"), [("v1.2.3-rc", (1, 2, 3)), ("4", (4,)), ("", ()), ("none", ())]
)
def test_numbers_of_versions(text, expected):
    """The first number in what a program says counts."""
    assert expected == number(text)


def test_the_configuration_narrows_and_does_not_invent():
    """Named runtimes are offered in the order in which they are named, if they are there at all."""
    both = found("podman", "bwrap", "skopeo", "umoci")
    assert ["podman", "bubblewrap"] == [one.name for one in offered(both, None, "/d")]
    assert ["bubblewrap", "podman"] == [
        one.name for one in offered(both, ["bubblewrap", "apptainer", "podman"], "/d")
    ]
    assert () == offered(both, [], "/d")


@pytest.mark.parametrize("directory", ["/a:b", "/a,b", '/a"b', "/a\\b"])
def test_directories_that_cannot_be_mounted(directory):
    """Where the jobs' directory has a sign in its name that means something to a runtime, none is offered."""
    assert () == offered(found("podman"), None, directory)


def test_the_first_that_takes_a_format_is_used():
    """Of several runtimes the first one that takes the image's format is chosen."""
    runtimes = found(*VERSIONS)
    chosen = [choose(runtimes, name) for name in ("oci", "sif", "docker-archive")]
    assert ["charliecloud", "apptainer", "charliecloud"] == [one and one.name for one in chosen]
    assert choose(found("podman"), "sif") is None


PROBE = (
    b"directory\t/srv/cc\nmachine\tx86_64\nhost\th\nsystem\tLinux\ncores\t2\nmemory\t1\nreaper\tperl\n"
    b"account\t1001 100 alice /home/al ice\n"
    b"program\tpodman\t/usr/bin/podman\tpodman version 4.3.1\nprogram\tcurl\t/usr/bin/curl\t\nprogram\tsha256sum\t/x\t\n.\n"
)


def test_a_probe():
    """The account and the runtimes are read from a probe's lines."""
    machine = read_machine(PROBE)
    assert Account("alice", 1001, 100, "/home/al ice") == machine.account
    (runtime,) = machine.runtimes
    assert ("podman", "4.3.1", "/usr/bin/podman") == (runtime.name, runtime.version, runtime.program)


def read(**containers):
    settings = {"root": "/srv/cc", "containers": containers}
    return read_settings(FacilityConfiguration("here", "internal", settings))


def test_the_document_has_what_was_found():
    """Runtimes, the class of containers, the image to probe, and codes come with runtimes that are offered."""
    machine = read_machine(PROBE)
    told = facility_document(read(), machine)
    assert [
        {"name": "podman", "version": "4.3.1", "image_formats": ["oci", "docker-archive", "oci-archive"]}
    ] == told["container_runtimes"]
    assert ("container" in told["conforms_to"], ["https"]) == (True, told["input_url_schemes"])
    assert {"kind": "container", "image": "docker.io/library/busybox:stable"} == told["probe"]["container"]
    assert ("image-unavailable" in told["reason_codes"], "signal" in told["reason_codes"]) == (True, False)
    schema = document()["components"]["schemas"]["ContainerRuntime"]
    assert set(schema["required"]) <= set(told["container_runtimes"][0]) <= set(schema["properties"])


@pytest.mark.parametrize("containers", [None, {"runtimes": ["bubblewrap"]}])
def test_without_runtimes_nothing_is_claimed(containers):
    """Without the table of containers, or without a runtime that it names, the facility runs none."""
    settings = {"root": "/srv/cc", **({"containers": containers} if containers else {})}
    told = facility_document(
        read_settings(FacilityConfiguration("here", "internal", settings)), read_machine(PROBE)
    )
    assert ([], [], False) == (
        told["container_runtimes"],
        told["input_url_schemes"],
        "container" in told["conforms_to"] or "container" in told["probe"],
    )
    assert {"signal"} == {"signal", "image-unavailable"} & set(told["reason_codes"])


def test_signals_are_told_where_every_used_runtime_can():
    """Charliecloud tells a signal as it was; a runtime behind it that takes nothing more does not count."""
    runtimes = found("ch-run", "ch-image", "sha256sum", "userns", "podman")
    machine = Machine("/d", "amd64", "h", "L", 1, 1, "perl", (), Account("a", 1, 1, "/h"), runtimes)
    assert "signal" in facility_document(read(), machine)["reason_codes"]
    assert "signal" not in facility_document(read(runtimes=["podman"]), machine)["reason_codes"]


def faults(**containers) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        read(**containers)
    return list(raised.value.faults)


def test_all_faults_of_the_settings_are_told(tmp_path):
    """Each fault of the table is a sentence with the place."""
    (tmp_path / "no.pem").write_text("hello")
    told = faults(
        runtimes=["podmann"],
        images="images",
        registries=["docker.io/library"],
        ca_file=str(tmp_path / "no.pem"),
        keep_days=0,
        max_archive_bytes="1",
        archive_hosts=["https://x"],
        probe_image="UPPER CASE",
        probe_imag="x",
    )
    expected = [
        "'podmann'",
        "`images`",
        "'docker.io/library'",
        "no certificate",
        "`keep_days`",
        "`max_archive_bytes`",
        "'https://x'",
    ]
    assert [] == [
        words for words in [*expected, "`probe_image` must be", "`probe_imag`"] if words not in str(told)
    ]
    assert (9, True) == (len(told), all(fault.startswith("facility 'here', containers") for fault in told))


def test_the_probe_image_is_one_that_may_be_pulled():
    """Where registries are limited, the image to probe has to be in one of them."""
    assert ["`registries`" in fault for fault in faults(registries=["quay.io"])] == [True]
    settings = read(registries=["QUAY.io", "index.docker.io"]).containers
    assert settings is not None
    assert ("quay.io", "docker.io") == settings.registries


def test_an_authority_is_read_at_once(tmp_path):
    """The text of the file is kept; a file that cannot be read is a fault."""
    text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    (tmp_path / "ca.pem").write_text(text)
    settings = read(ca_file=str(tmp_path / "ca.pem")).containers
    assert settings is not None
    assert text.strip() == settings.authorities
    assert ["cannot be read" in fault for fault in faults(ca_file=str(tmp_path / "none"))] == [True]


def test_a_root_that_cannot_be_mounted_is_a_fault():
    """A directory whose name means something to a runtime is refused with the settings."""
    settings = {"root": "/srv/a:b", "containers": {}}
    with pytest.raises(ConfigurationError, match="cannot be mounted"):
        read_settings(FacilityConfiguration("here", "internal", settings))
