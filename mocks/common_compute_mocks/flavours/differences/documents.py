"""The rows about what a facility says of itself before anything runs there."""

from __future__ import annotations

from common_compute_mocks.flavours.differences.evidence import Evidence
from common_compute_mocks.flavours.differences.rows import row

_SANDBOX_BYTES = 10 * 1024 * 1024
_BASE64_BYTES = 3 / 4


@row("FLV-01")
def kind_and_scheduler(seen: Evidence) -> None:
    """Rosetta stands before Slurm, DIRAC is its own scheduler."""
    expected = seen.of(rosetta=("rosetta", "slurm"), dirac=("dirac", "dirac"))
    assert expected == (seen.document["kind"], seen.document["scheduler"]["kind"])


@row("FLV-02")
def kinds_of_software(seen: Evidence) -> None:
    """Rosetta takes containers beside installed software, DIRAC installed software alone."""
    classes = {"container", "software"} & set(seen.document["conforms_to"])
    expected = seen.of(
        rosetta=({"container", "software"}, {"container", "installed"}), dirac=({"software"}, {"installed"})
    )
    assert expected == (classes, set(seen.document["probe"]))


@row("FLV-03")
def container_runtimes(seen: Evidence) -> None:
    """Rosetta has a runtime, which pulls from registries; DIRAC has none."""
    formats = [runtime["image_formats"] for runtime in seen.document["container_runtimes"]]
    assert seen.of(rosetta=True, dirac=False) == bool(formats)
    assert all("oci" in each for each in formats)


@row("FLV-04")
def catalogue(seen: Evidence) -> None:
    """Both list the shell that is everywhere; DIRAC also what its sites have, in several versions."""
    names = [entry["name"] for entry in seen.software]
    assert "posix-shell" in names
    assert seen.of(rosetta=False, dirac=True) == (len(names) > len(set(names)))


@row("FLV-05")
def queues_and_sites(seen: Evidence) -> None:
    """Where a job goes is a queue (a partition) at Rosetta, and a site at DIRAC."""
    has = bool(seen.document["queues"]), bool(seen.document.get("sites"))
    assert seen.of(rosetta=(True, False), dirac=(False, True)) == has


@row("FLV-06")
def storage(seen: Evidence) -> None:
    """Jobs see directories of the cluster at Rosetta; at DIRAC there is none on which a job can count."""
    kinds = {entry["kind"] for entry in seen.document["storage"]}
    assert seen.of(rosetta={"posix"}, dirac=set()) == kinds


@row("FLV-07")
def cores_and_memory(seen: Evidence) -> None:
    """Slurm holds a job to its cores and memory; to DIRAC they are tags by which a pilot is matched."""
    expected = seen.of(rosetta=["enforced"] * 2, dirac=["advisory"] * 2)
    assert expected == seen.support("cpu_cores", "memory_bytes")


@row("FLV-08")
def places(seen: Evidence) -> None:
    """Of architecture, queue and site a cluster knows the first two, and the grid the last."""
    expected = seen.of(
        rosetta=["enforced", "enforced", "unsupported"], dirac=["unsupported", "unsupported", "enforced"]
    )
    assert expected == seen.support("architecture", "queue", "site")


@row("FLV-09")
def sizes_of_native_arrays(seen: Evidence) -> None:
    """Slurm takes a thousand tasks in one submission, DIRAC a hundred parametric jobs."""
    assert seen.of(rosetta=1000, dirac=100) == seen.tasks_per_part


@row("FLV-10")
def input_sizes(seen: Evidence) -> None:
    """What a job brings along must fit DIRAC's sandbox of 10 MiB, in base64; a cluster has more room."""
    fits = seen.document["limits"]["max_inline_total_bytes"] <= _SANDBOX_BYTES * _BASE64_BYTES
    assert seen.of(rosetta=False, dirac=True) == fits


@row("FLV-11")
def backend_parameters(seen: Evidence) -> None:
    """DIRAC's job description has members of its own; Rosetta has none to offer."""
    members = set(seen.document.get("backend_parameters", {}).get("properties", ()))
    assert seen.of(rosetta=set(), dirac={"Priority", "BannedSites", "Platform"}) == members


@row("FLV-12")
def live_logs(seen: Evidence) -> None:
    """A log on the cluster's disk can be read while it grows; DIRAC's come home with the output sandbox."""
    assert seen.of(rosetta=True, dirac=False) == ("live-logs" in seen.document["conforms_to"])


@row("FLV-13")
def reasons(seen: Evidence) -> None:
    """Slurm tells a want of memory, a preemption and a missing image apart, of which DIRAC knows nothing."""
    told = {"out-of-memory", "preempted", "image-unavailable"} & set(seen.document["reason_codes"])
    assert seen.of(rosetta=3, dirac=0) == len(told)


@row("FLV-14")
def ways_in(seen: Evidence) -> None:
    """Rosetta is also launched from a browser; DIRAC places its users in a VO and a group."""
    has = "launch" in seen.document, "grid" in seen.document
    assert seen.of(rosetta=(True, False), dirac=(False, True)) == has


@row("FLV-15")
def endpoints(seen: Evidence) -> None:
    """The tools of a cluster begin at a login node, those of DIRAC at its configuration server."""
    schemes = {endpoint["url"].partition(":")[0] for endpoint in seen.document["endpoints"]}
    assert seen.of(rosetta={"ssh"}, dirac={"dips"}) == schemes


@row("FLV-16")
def room_on_the_way_home(seen: Evidence) -> None:
    """What a job leaves must fit DIRAC's sandbox, logs and all; a cluster has a disk."""
    told = {"max_results_bytes", "max_log_bytes"} & set(seen.document["limits"])
    assert seen.of(rosetta=0, dirac=2) == len(told)
    fits = seen.document["limits"].get("max_results_bytes", _SANDBOX_BYTES) < _SANDBOX_BYTES
    assert seen.of(rosetta=False, dirac=True) == fits
