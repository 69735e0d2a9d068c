"""What was found at a facility, held against its settings: notes of what differs, faults of what cannot work."""

import pytest

from common_compute_rosetta.configuration import Settings
from common_compute_rosetta.container_settings import ContainerSettings
from common_compute_rosetta.findings import findings
from common_compute_rosetta.records import Machine
from common_compute_rosetta.runtimes.box import Account
from common_compute_rosetta.runtimes.found import Program, runtimes_of
from common_compute_rosetta.slurm_probe import Cluster, Partition
from common_compute_rosetta.slurm_settings import SlurmSettings
from common_compute_rosetta.staging_settings import StagingSettings

PODMAN_AND_SINGULARITY = runtimes_of(
    {
        "podman": Program("podman version 4.3.1", "/usr/bin/podman"),
        "singularity": Program("singularity-ce version 3.11.4", "/usr/bin/singularity"),
        "skopeo": Program("skopeo version 1.9.3", "/usr/bin/skopeo"),
    }
)
CLUSTER = Cluster(
    "alice",
    1001,
    "22.05.8",
    [
        Partition("batch", default=True, max_wall_time_seconds=86_400, cores=8, memory_bytes=8000 << 20),
        Partition("debug", up=False, max_wall_time_seconds=600, cores=8, memory_bytes=4000 << 20),
    ],
    accounting=True,
    max_array_tasks=1001,
)


def machine(*runtimes):
    """Give a machine with 4 cores and 8 GiB."""
    account = Account("alice", 1001, 100, "/home/alice")
    return Machine(
        "/home/alice/.cc/x", "amd64", "login", "Linux 6.1", 4, 8 << 30, "perl", (), account, runtimes
    )


def settings(**members):
    return Settings("cluster", ".common-compute", "Cluster", "A cluster.", **members)


def test_what_is_there_is_told():
    """Machine, account, runtimes with versions, and of Slurm its version, books, partitions and limits."""
    found = findings(settings(slurm=SlurmSettings()), machine(*PODMAN_AND_SINGULARITY), CLUSTER).found
    assert {
        "host": "login",
        "system": "Linux 6.1",
        "architecture": "amd64",
        "cpu_cores": 4,
        "memory_bytes": 8 << 30,
        "account": "alice",
        "directory": "/home/alice/.cc/x",
        "container_runtimes": ["podman 4.3.1", "singularity 3.11.4"],
        "signals_told_by": "perl",
        "slurm_version": "22.05.8",
        "accounting": True,
        "partitions": ["batch", "debug (takes no jobs now)"],
        "max_array_tasks": 1001,
        "kill_wait_seconds": 30,
        "memory_enforced": False,
        "cores_enforced": False,
    } == found


def test_settings_that_fit_give_nothing_to_say():
    """What is offered whole needs no word."""
    told = findings(
        settings(slurm=SlurmSettings(), containers=ContainerSettings()),
        machine(*PODMAN_AND_SINGULARITY),
        CLUSTER,
    )
    assert ([], []) == (told.notes, told.faults)


@pytest.mark.parametrize(
    ("members", "note"),
    [
        (
            {},
            "Containers are not offered, as there is no [facility.containers] table; there is podman, singularity.",
        ),
        (
            {"containers": ContainerSettings(runtimes=("podman",))},
            "The container runtime singularity 3.11.4 is there and not among `runtimes`.",
        ),
        (
            {"containers": ContainerSettings(runtimes=("apptainer", "singularity", "podman"))},
            "`runtimes` names apptainer, which is not there or does not work for this account.",
        ),
        (
            {"containers": ContainerSettings(), "slurm": SlurmSettings(queues=("batch",))},
            "The partition debug is there and not among `queues`.",
        ),
        (
            {"containers": ContainerSettings(), "max_memory_bytes": 1 << 30},
            "`max_memory_bytes` holds jobs to 1073741824 bytes; there are 8388608000.",
        ),
        (
            {"containers": ContainerSettings(), "max_wall_time_seconds": 3600},
            "`max_wall_time_seconds` holds jobs to 3600 seconds; there is a limit of 86400.",
        ),
    ],
)
def test_what_the_settings_narrow_is_noted(members, note):
    """Each thing that is there and not offered, or named and not there, is one sentence and no fault."""
    told = findings(settings(**members), machine(*PODMAN_AND_SINGULARITY), CLUSTER)
    assert ([note], []) == (told.notes, told.faults)


def test_a_plain_host_is_narrowed_by_its_own_limits():
    """Without Slurm the machine itself is the measure, and it has no limit of time."""
    limits = {"max_running": 2, "max_memory_bytes": 1 << 30, "max_wall_time_seconds": 60}
    assert [
        "`max_memory_bytes` holds jobs to 1073741824 bytes; there are 8589934592.",
        "`max_wall_time_seconds` holds jobs to 60 seconds; there is no limit.",
        "`max_running` lets 2 tasks run at once; there are 4 cores.",
    ] == findings(settings(**limits), machine()).notes


@pytest.mark.parametrize(
    ("members", "runtimes", "fault"),
    [
        ({"containers": ContainerSettings()}, (), "no runtime to run containers with"),
        (
            {"containers": ContainerSettings(runtimes=("docker",))},
            PODMAN_AND_SINGULARITY,
            "no runtime to run",
        ),
        (
            {"slurm": SlurmSettings(queues=("batch", "long"))},
            (),
            "`queues` names long, which is no partition",
        ),
        ({"staging": StagingSettings()}, (), "files cannot be moved without curl, sha256sum, getent."),
        (
            {"slurm": SlurmSettings(max_tasks_per_part=5000)},
            (),
            "`max_tasks_per_part` is 5000, and Slurm's arrays hold at most 1001.",
        ),
    ],
)
def test_what_cannot_work_is_a_fault(members, runtimes, fault):
    """Somebody has to mend it before jobs that the document allows can run."""
    (told,) = findings(settings(**members), machine(*runtimes), CLUSTER).faults
    assert fault in told
