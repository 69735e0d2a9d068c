"""What sbatch is told: numbers, our own ids and names that are listed, and nothing else of what callers write."""

import shlex
from pathlib import Path

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.jobs import Reason
from common_compute_connector.protocol import FacilityConfiguration, Ground, Part, PartKey, Submission
from common_compute_rosetta.calls import Site, beginning_name, watcher_name
from common_compute_rosetta.configuration import read_settings
from common_compute_rosetta.connector import PlainHost, open_connector
from common_compute_rosetta.slurm_batch import batch_script, job_name, options, wall_time_seconds
from common_compute_rosetta.slurm_host import SlurmHost
from common_compute_rosetta.slurm_probe import read_cluster

CLUSTER = read_cluster((Path(__file__).parent / "recorded" / "probe-cluster.txt").read_bytes())


def settings(**members):
    return read_settings(FacilityConfiguration("here", "ssh", {"root": "/r", "slurm": {}, **members}))


def told(spec, count: int = 1, first: int = 0, **members):
    part = Part(PartKey("job-1", 2), "somebody", first, count)
    whole = {"software": {"kind": "installed", "name": "x"}, "command": ["true"], **spec}
    return options(Submission(part, whole, count), settings(**members), CLUSTER, "my service")


ALWAYS = [
    "--parsable",
    f"--job-name={job_name('my service', PartKey('job-1', 2))}",
    "--comment=common-compute:my_service:job-1.2",
    "--export=ALL",
    "--chdir=/",
    "--input=/dev/null",
    "--output=/dev/null",
    "--error=/dev/null",
    "--nodes=1",
    "--ntasks=1",
]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, []),
        ({"resources": {"wall_time_seconds": 60}}, ["--time=1"]),
        ({"resources": {"wall_time_seconds": 61}}, ["--time=2"]),
        ({"resources": {"memory_bytes": 1}}, ["--mem=1M"]),
        ({"resources": {"memory_bytes": 2**20 + 1}}, ["--mem=2M"]),
        ({"resources": {"cpu_cores": 3, "gpus": 2}}, ["--cpus-per-task=3", "--gres=gpu:2"]),
        ({"resources": {"gpus": 0}}, []),
        ({"resources": {"queue": "debug"}, "project": "p.1"}, ["--partition=debug", "--account=p.1"]),
        ({"name": "--nice=5", "labels": {"a": "-x"}, "environment": {"X": "--uid=0"}}, []),
    ],
)
def test_options(spec, expected):
    """Wishes become numbers in Slurm's units, rounded up; names are those that are known; the rest stays at home."""
    assert [*ALWAYS, *expected] == told(spec)


def test_options_of_the_administrator():
    """What the settings say is told, too: defaults, whether jobs are started anew, and further options, last."""
    slurm = {"requeue": False, "options": ["--reservation=maths"], "qos": ["long"], "exclusive": True}
    spec = {"backend_parameters": {"qos": "long", "exclusive": True}}
    expected = ["--time=10", "--mem=1M", "--no-requeue", "--exclusive", "--qos=long", "--reservation=maths"]
    found = told(spec, slurm=slurm, default_wall_time_seconds=600, default_memory_bytes=5)
    assert [*ALWAYS, *expected] == found
    assert "--requeue" in told({}, slurm={"requeue": True})


def test_an_array_counts_from_nought():
    """Of an array part Slurm sees elements from 0 on, wherever its first index is; one task is no array."""
    assert "--array=0-2" in told({}, count=3, first=5000)
    assert not any(word.startswith("--array") for word in told({}, count=1, first=5000))
    refused = told({}, count=20_000)
    assert ("submission-rejected", True) == (refused.code, "10001" in refused.detail)


@pytest.mark.parametrize(
    ("spec", "slurm"),
    [
        ({"resources": {"queue": "nowhere"}}, {}),
        ({"resources": {"queue": "batch"}}, {"queues": ["debug"]}),
        ({"project": "a b"}, {}),
        ({"project": "-x"}, {}),
        ({"project": "a,b"}, {}),
        ({"project": "a\nb"}, {}),
        ({"project": "theirs"}, {"projects": ["ours"]}),
        ({"backend_parameters": {"qos": "long"}}, {}),
        ({"backend_parameters": {"constraint": "a|b"}}, {"constraints": ["a"]}),
    ],
)
def test_names_that_are_not_known(spec, slurm):
    """A name that Slurm or the settings do not list, or that is none, is refused before anybody is asked."""
    refused = told(spec, slurm=slurm)
    assert isinstance(refused, Reason)
    assert "submission-rejected" == refused.code


def test_a_job_name_is_nobody_elses():
    """Neither another part nor another service has the same name; it is short, and a word for every shell."""
    names = {
        job_name(service, PartKey(job, number))
        for service in ("a", "b", "a b|c")
        for job in ("job-1", "job-11", "x" * 32)
        for number in (0, 1, 11)
    }
    assert 27 == len(names)
    assert all(name == shlex.quote(name) and len(name) < 64 for name in names)


def test_the_script_is_two_lines_whatever_the_paths_are():
    """The job's script holds quoted settings and reads in the rest; GPUs are named to it only where some were asked for."""
    site = Site("/home/it's me/x", "/bin/sh", "perl")
    script = batch_script(Part(PartKey("job-1", 2), "me", 7, 3), site, CLUSTER, 120, 0).decode()
    shebang, settings, reading, rest = script.split("\n")
    assert ("#!/bin/sh", f'. "$BASE/{beginning_name()}"', "") == (shebang, reading, rest)
    expected = {
        "BASE": "/home/it's me/x",
        "SHELL_PATH": "/bin/sh",
        "REAPER": "perl",
        "WATCHER": watcher_name(),
        "KEY": "job-1.2",
        "FIRST": "7",
        "GRACE": "3",
        "WALL": "120",
        "DEVICES": "",
    }
    assert expected == dict(word.split("=", 1) for word in shlex.split(settings))
    assert b"CUDA_VISIBLE_DEVICES" in batch_script(Part(PartKey("j", 0), "me", 0, 1), site, CLUSTER, 0, 1)


def test_wall_time_is_in_whole_minutes():
    """What Slurm will be held to is what the watcher counts with; without a wish it is the partition's."""
    part = Part(PartKey("j", 0), "me", 0, 1)
    spec = {"resources": {"wall_time_seconds": 61}}
    assert (120, 0) == tuple(
        wall_time_seconds(Submission(part, one, 1), settings()) for one in (spec, {"resources": {}})
    )


@pytest.mark.parametrize(
    ("slurm", "words"),
    [
        ("yes", "must be a table"),
        ({"queue": ["a"]}, "is `queues` meant?"),
        ({"queues": "a"}, "must be a list"),
        ({"queues": ["a b"]}, "no name of Slurm's"),
        ({"requeue": "no"}, "must be true or false"),
        ({"command_seconds": 0}, "at least 1"),
        ({"path": "bin"}, "absolute path"),
        ({"options": ["-N2"]}, "long options"),
        ({"options": ["--job-name=x"]}, "the connector's own"),
        ({"options": ["--array=1-2"]}, "the connector's own"),
    ],
)
def test_settings_that_are_wrong(slurm, words):
    """Each fault of the table is a sentence that says what to do."""
    with pytest.raises(ConfigurationError) as error:
        settings(slurm=slurm)
    assert any(words in fault for fault in error.value.faults), error.value.faults


def test_a_service_on_a_login_node():
    """With the table, a facility that is the service's own machine is the Slurm that it reaches from there."""
    ground = Ground(HeldClock(), None, "s")
    for table, kind in (({"slurm": {"max_tasks_per_part": 7}}, SlurmHost), ({}, PlainHost)):
        opened = open_connector(FacilityConfiguration("here", "internal", {"root": "/r", **table}), ground)
        assert (kind, True, True) == (type(opened), opened.bound_to_host, opened.shares_server_account)
        assert (7 if table else 1000) == opened.max_tasks_per_part


def test_settings():
    """A table without a word means Slurm as it is found; without the table there is no Slurm."""
    assert settings().slurm is not None
    assert read_settings(FacilityConfiguration("here", "ssh", {"root": "/r"})).slurm is None
    read = settings(slurm={"path": "/opt/slurm/bin", "projects": ["a"], "options": ["--reservation=r"]}).slurm
    assert ("/opt/slurm/bin", ("a",), ("--reservation=r",)) == (read.path, read.projects, read.options)
