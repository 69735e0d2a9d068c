"""What a job's image asks of its host, and what the host's answer means."""

import pytest

from common_compute_connector.jobs import Reason
from common_compute_connector.references import Reference
from common_compute_rosetta.container_settings import ContainerSettings
from common_compute_rosetta.images import Request, read_answers, request_of
from common_compute_rosetta.runtimes.box import Image
from common_compute_rosetta.runtimes.found import Program, runtimes_of

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("alpine:3.20", "docker.io/library/alpine:3.20"),
        ("docker.io/alpine:3", "docker.io/library/alpine:3"),
        ("index.docker.io/a/b", "docker.io/a/b:latest"),
        ("registry-1.docker.io/library/a:1", "docker.io/library/a:1"),
        ("sarusso/timeseria:v2.3.0", "docker.io/sarusso/timeseria:v2.3.0"),
        ("quay.io/a/b/c:1", "quay.io/a/b/c:1"),
        ("localhost/a:1", "localhost/a:1"),
        ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest"),
        ("host:5000/a:tag", "host:5000/a:tag"),
        ("[::1]:5000/a:1", "[::1]:5000/a:1"),
        ("Host/a:1", "host/a:1"),
        (f"alpine@sha256:{HEX}", f"docker.io/library/alpine@sha256:{HEX}"),
        (f"quay.io/a:1@sha256:{HEX.upper()}", f"quay.io/a@sha256:{HEX}"),
    ],
)
def test_short_references_are_written_out(text, full):
    """A reference is what docker takes it for; a digest counts more than a tag."""
    assert full == str(Reference.read(text))


@pytest.mark.parametrize("text", ["", "a b", "a:b:c@x", "-a", "a@sha256:1", "a\n", "a;b"])
def test_what_is_no_reference(text):
    """What no image can be called is refused."""
    with pytest.raises(ValueError, match=r"^"):
        Reference.read(text)


PROGRAMS = ("ch-run", "ch-image", "userns", "skopeo", "umoci", "curl", "sha256sum", "podman", "apptainer")
RUNTIMES = runtimes_of({name: Program("9.9", f"/usr/bin/{name}") for name in PROGRAMS})


def asked(software, settings=None) -> Request | Reason:
    return request_of({"kind": "container", **software}, RUNTIMES, settings or ContainerSettings())


def archive(**members):
    return {"image_archive": {"url": "https://h/x", "sha256": HEX, "format": "docker-archive", **members}}


def test_an_image_of_a_registry():
    """The first runtime's own tool is asked for the repository, and for a digest or what a tag stands for."""
    request = asked({"image": f"quay.io/a/b:1@sha256:{HEX}"})
    assert isinstance(request, Request)
    assert ("charliecloud", "ch-image", "oci") == (request.runtime.name, request.tool, request.image_format)
    assert ("quay.io/a/b", f"sha256:{HEX}") == (request.source, request.digest)
    by_tag = asked({"image": "quay.io/a/b:1"})
    assert isinstance(by_tag, Request)
    assert ("1", None) == (by_tag.tag, by_tag.digest)


def test_an_archive():
    """An archive goes to the first runtime that takes its format, by a tool that can unpack it."""
    request, sif = asked(archive(sha256=HEX.upper())), asked(archive(format="sif"))
    assert isinstance(request, Request)
    assert isinstance(sif, Request)
    assert ("charliecloud", "skopeo", f"sha256:{HEX}") == (request.runtime.name, request.tool, request.digest)
    assert ("apptainer", "apptainer") == (sif.runtime.name, sif.tool)


def test_requests_are_told_apart():
    """Another repository, tag, digest, address or format is another request; the same one is the same."""
    software = [
        {"image": "quay.io/a"},
        {"image": "quay.io/b"},
        {"image": "quay.io/a:1"},
        {"image": f"quay.io/a@sha256:{HEX}"},
        archive(),
        archive(url="https://h/y"),
        archive(format="oci-archive"),
    ]
    keys = [asked(one).key for one in software]
    assert (len(software), keys) == (len(set(keys)), [asked(one).key for one in software])
    assert asked({"image": "quay.io/a"}).key == asked({"image": "quay.io/a:latest"}).key


@pytest.mark.parametrize(
    ("software", "words"),
    [
        ({"image": "alpine"}, "docker.io"),
        ({"image": "quay.io.evil.example/a"}, "quay.io.evil.example"),
        ({"image": "quay.io:444/a"}, "quay.io:444"),
        (archive(url="http://h/x"), "https"),
        (archive(url="ftp://h/x"), "https"),
    ],
)
def test_what_is_not_fetched(software, words):
    """A registry that is not allowed, and an archive over anything but HTTPS, are refused in words."""
    reason = asked(software, ContainerSettings(registries=("quay.io",)))
    assert isinstance(reason, Reason)
    assert ("image-unavailable", True) == (reason.code, words in (reason.detail or ""))


def test_a_format_that_nobody_takes_any_more():
    """A runtime that is gone since the job was accepted is told."""
    reason = request_of({"image": "alpine"}, (), ContainerSettings())
    assert isinstance(reason, Reason)
    assert ("image-unavailable", True) == (reason.code, "oci" in (reason.detail or ""))


def test_answers():
    """An image is there with its environment, or will be, or never."""
    lines = [
        'ready\tk1\ttree/sha256-1\tsha256:1\t/i/tree/sha256-1/root\t{"config": {"Env": ["A=1"]}}',
        "ready\tk2\tfile/sha256-2\tsha256:2\t/i/file/sha256-2/image.sif\t{}",
        "ready\tk3\tpodman-images/sha256-3\tsha256:3\tq/a@sha256:3\tno JSON",
        "pulling\tk4",
        "failed\tk5\tmanifest unknown",
    ]
    answers = read_answers(lines)
    assert Image("sha256:1", "/i/tree/sha256-1/root", "tree/sha256-1", {"A": "1"}) == answers["k1"]
    assert Image("sha256:2", "/i/file/sha256-2/image.sif", "file/sha256-2", None) == answers["k2"]
    assert Image("sha256:3", "q/a@sha256:3", "podman-images/sha256-3", {}) == answers["k3"]
    assert "the image is being pulled" == answers["k4"]
    assert Reason("image-unavailable", "manifest unknown") == answers["k5"]
