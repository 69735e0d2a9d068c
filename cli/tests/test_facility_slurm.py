"""The Slurm facility of `facilities/slurm`, brought up for real: what it promises to the tests that use it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "facilities" / "slurm" / "facility"
USERS = ["alice", "bob", "carol"]

# Packages may have to be installed, and an image to be built.
pytestmark = [pytest.mark.real, pytest.mark.needs("slurm"), pytest.mark.timeout(1200)]

PODMAN = "podman run --quiet --rm --network=none {image}"
CHARLIECLOUD = "export CH_IMAGE_CACHE=disabled; ch-image pull {image} it; ch-run it --"
BUBBLEWRAP = """\
skopeo copy --quiet docker://{image} oci:it.oci:1
rm -rf it && umoci unpack --rootless --image it.oci:1 it
bwrap --ro-bind it/rootfs / --proc /proc --dev /dev"""


def facility(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the facility's script with some settings."""
    return subprocess.run(
        [SCRIPT, *arguments], env={**os.environ, **variables}, capture_output=True, text=True
    )


def services(**where: str) -> dict[tuple[str, str], int | None]:
    """Give the process of each service, by host and service."""
    told = json.loads(facility("status", "--json", **where).stdout)
    return {(each["host"], each["service"]): each["process"] for each in told["services"]}


@pytest.mark.parametrize("user", USERS)
def test_each_user_runs_a_job_to_its_end(slurm_facility, on_host, user) -> None:
    """Each user logs in with a key, and a job of theirs ends as the books then say."""
    submitted = on_host("cluster", user, "sbatch --parsable --wait --output=/dev/null", "#!/bin/sh\nexit 7\n")
    assert 7 == submitted.returncode, submitted.stderr
    job = submitted.stdout.strip()
    # The books are a moment behind.
    told = on_host(
        "cluster",
        user,
        f"for i in 1 2 3 4 5 6 7 8 9; do sacct -X -n -P -j {job} -o User,State,ExitCode | grep FAILED && break; "
        "sleep 1; done",
    )
    assert f"{user}|FAILED|7:0\n" == told.stdout
    assert "cluster\n" == on_host("cluster", user, "srun --partition=debug hostname").stdout


def test_no_user_sees_or_ends_the_job_of_another(slurm_facility, on_host) -> None:
    """Another user's job is neither listed nor in the books, and cannot be cancelled."""
    job = on_host(
        "cluster", "alice", "sbatch --parsable --output=/dev/null --wrap='sleep 300'"
    ).stdout.strip()
    try:
        for command in (f"squeue --noheader --jobs={job}", f"sacct -X -n -P -j {job}"):
            assert "" == on_host("cluster", "bob", command).stdout
        assert "Access/permission denied" in on_host("cluster", "bob", f"scancel {job}").stderr
        assert job in on_host("cluster", "alice", f"squeue --noheader --jobs={job}").stdout
    finally:
        on_host("cluster", "alice", f"scancel {job}")
    assert "Permission denied" in on_host("cluster", "bob", "ls /home/alice").stderr


@pytest.mark.parametrize(
    "runtime", [PODMAN, CHARLIECLOUD, BUBBLEWRAP], ids=["podman", "charliecloud", "bubblewrap"]
)
@pytest.mark.parametrize("host", ["cluster", "plain"])
def test_a_user_runs_an_image_by_its_digest(slurm_facility, on_host, host, runtime) -> None:
    """Each runtime gets the image from the registry by its digest and runs it without privileges, in a job or not."""
    command = runtime.format(image=slurm_facility["images"]["python"])
    script = f"#!/bin/sh\nset -e\ncd $(mktemp -d)\n{command} python3 -c 'import ssl, sys; print(sys.version_info[:2])' >out\ncat out"
    run = "f=$(mktemp -p .) && cat >$f && {} $f"
    done = on_host(host, "carol", run.format("srun bash" if host == "cluster" else "bash"), script)
    assert (0, "(3, 11)") == (done.returncode, done.stdout.strip()), done.stderr


def test_memory_is_enforced_where_it_is_said_to_be(slurm_facility, on_host) -> None:
    """A job that takes more memory than it asked for is killed, if the description says so, and otherwise not."""
    greedy = on_host("cluster", "bob", "srun --mem=100 python3 -c 'print(len(bytearray(10**9)))'")
    assert slurm_facility["memory_enforced"] == ("Out Of Memory" in greedy.stderr)
    assert slurm_facility["memory_enforced"] == (greedy.returncode != 0)


def test_installed_software_is_all_users_and_nobody_changes_it(slurm_facility, on_host) -> None:
    """Who reads the set-up script has the version that is told; the place cannot be written to, and nothing is compiled."""
    (software,) = slurm_facility["software"]
    ask = "import importlib.metadata, sys, timeseria.models; print(importlib.metadata.version('timeseria'), sys.prefix)"
    # Python tells on the standard error of each module whether it had to compile it.
    compiled = "grep -c 'code object from /srv/.*[.]py$' log"
    told = on_host(
        "cluster", "bob", f'. {software["setup"]}; python3 -v -c "{ask}" 2>log; {compiled}; rm log'
    )
    area = software["setup"].rpartition("/")[0]
    assert f"{software['version']} {area}\n0\n" == told.stdout, told.stderr
    assert "Read-only file system" in on_host("cluster", "bob", f"touch {area}/it").stderr
    entered = facility("enter", "cluster", "touch", f"{area}/it")
    assert "Read-only file system" in entered.stderr


def test_software_that_nobody_knows_is_refused() -> None:
    """A name that stands for no software is told before anything is done."""
    refused = facility("check", COMMON_COMPUTE_SLURM_SOFTWARE="timeseria frobnicate")
    assert (2, True) == (refused.returncode, "there is no software 'frobnicate' to install" in refused.stderr)


def test_the_second_cluster_keeps_no_books(slurm_facility, on_host) -> None:
    """The host `unaccounted` runs jobs, and has no accounting to ask."""
    assert "unaccounted\n" == on_host("unaccounted", "alice", "srun hostname").stdout
    asked = on_host("unaccounted", "alice", "sacct")
    assert (1, "Slurm accounting storage is disabled\n") == (asked.returncode, asked.stderr)


def test_the_plain_host_has_no_slurm(slurm_facility, on_host) -> None:
    """On the host `plain` nothing finds a program of Slurm's, in whatever shell."""
    for shell in ("sh", "bash"):
        for program in ("sbatch", "squeue", "sacct", "srun", "scontrol"):
            found = on_host("plain", "alice", f"{shell} -s", f"command -v {program}\n")
            assert (True, "") == (found.returncode != 0, found.stdout)
    assert "/usr/bin/podman\n" == on_host("plain", "alice", "command -v podman").stdout


def test_each_host_keeps_to_itself(slurm_facility, on_host) -> None:
    """Hosts share no homes, no temporary files and no processes; each knows itself by its name."""
    on_host("cluster", "alice", "touch here /tmp/here; setsid sleep 987 </dev/null >/dev/null 2>&1 &")
    for host in ("unaccounted", "plain"):
        assert (
            f"{host}\n"
            == on_host(host, "alice", "hostname; ls here /tmp/here; pgrep -f 'sleep 98[7]'").stdout
        )
    on_host("cluster", "alice", "rm here /tmp/here; pkill -f 'sleep 98[7]'")


def test_a_key_that_a_user_adds_lets_its_owner_in(slurm_facility, on_host, tmp_path) -> None:
    """What stands in a user's own authorized_keys counts, at once, and is still there after another `up`."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    with_that_key = {**slurm_facility["users"]["bob"], "private_key": tmp_path / "key"}
    reach = {**slurm_facility, "users": {"bob": with_that_key}}
    host = reach["hosts"]["plain"]
    command = [
        "ssh",
        "-F",
        "none",
        "-p",
        str(host["port"]),
        "-i",
        str(tmp_path / "key"),
        "-oIdentitiesOnly=yes",
    ]
    command += ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "bob@127.0.0.1", "id -un"]
    assert 255 == subprocess.run(command, capture_output=True).returncode
    keys = Path(host["room"]) / "home" / "bob" / ".ssh" / "authorized_keys"
    before = keys.read_text()
    try:
        on_host(
            "plain", "bob", "cat >>.ssh/authorized_keys", f"restrict {(tmp_path / 'key.pub').read_text()}"
        )
        assert 0 == facility("up").returncode
        assert "bob\n" == subprocess.run(command, capture_output=True, text=True).stdout
    finally:
        keys.write_text(before)


def test_another_up_changes_nothing(slurm_facility) -> None:
    """Where everything runs, `up` starts nothing and ends nothing, and the description stays the same."""
    before, described = services(), (Path(slurm_facility["directory"]) / "facility.json").read_text()
    assert None not in before.values()
    up = facility("up")
    assert (0, before) == (up.returncode, services()), up.stderr
    assert described == (Path(slurm_facility["directory"]) / "facility.json").read_text()


def test_up_mends_what_was_killed(slurm_facility, on_host) -> None:
    """A daemon that was killed with -9 is told as ended, and started again by `up`, which leaves the others alone."""
    before = services()
    killed = {
        ("cluster", "slurmctld"),
        ("cluster", "slurmdbd"),
        ("plain", "sshd"),
        ("registry", "docker-registry"),
    }
    for each in killed:
        os.kill(before[each], signal.SIGKILL)
    assert 1 == facility("status").returncode
    assert killed == {each for each, process in services().items() if process is None}
    up = facility("up")
    after = services()
    assert (0, True) == (up.returncode, None not in after.values()), up.stderr
    assert killed == {each for each in before if before[each] != after[each]}
    assert "cluster\n" == on_host("cluster", "alice", "srun hostname").stdout


def test_one_change_at_a_time(slurm_facility) -> None:
    """While one command changes the facility another one waits, and `status` does not."""
    with subprocess.Popen(
        ["flock", slurm_facility["directory"], "sh", "-c", "echo; read wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        holder.stdout.readline()
        waiting = subprocess.Popen([SCRIPT, "up"], stderr=subprocess.PIPE, text=True)
        assert "Another command is changing the facility" in waiting.stderr.readline()
        assert 0 == facility("status").returncode
        assert waiting.poll() is None
        holder.communicate(b"\n")
        _, told = waiting.communicate()
    assert (0, True) == (waiting.returncode, "The facility is up" in told), told


@pytest.fixture
def another(slurm_facility, tmp_path) -> Iterator[dict[str, str]]:
    """Give the settings of a second facility beside the first."""
    settings = {
        "COMMON_COMPUTE_SLURM_DIRECTORY": str(tmp_path / "another"),
        "COMMON_COMPUTE_SLURM_FIRST_PORT": "22650",
        "COMMON_COMPUTE_SLURM_IMAGES": "busybox",
        "COMMON_COMPUTE_SLURM_SOFTWARE": "",
    }
    yield settings
    facility("down", "--purge", **settings)


def traces(settings: dict[str, str]) -> dict[str, Any]:
    """Give what a facility could have changed of this machine: its files, mounts and processes."""
    place = Path(settings["COMMON_COMPUTE_SLURM_DIRECTORY"])
    files = ("passwd", "group", "shadow", "subuid", "subgid", "hosts", "hostname")
    folders = (
        "/etc",
        "/etc/containers",
        "/etc/ssh",
        "/home",
        "/run",
        "/run/user",
        "/srv",
        "/usr/sbin",
        "/var/lib",
    )
    inside = set()
    for process in Path("/proc").glob("[0-9]*"):
        # Some end meanwhile; the kernel's own have no mounts.
        with contextlib.suppress(OSError):
            if f"{place.parent.name}/{place.name}/hosts" in (process / "mountinfo").read_text():
                inside.add((process / "cmdline").read_bytes())
    return {
        "files": {name: (Path("/etc") / name).read_bytes() for name in files},
        "entries": {folder: sorted(os.listdir(folder)) for folder in folders if Path(folder).exists()},
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "processes on its hosts": inside,
        "its directory": place.exists(),
        "hostname": socket.gethostname(),
    }


@pytest.mark.long
def test_a_purge_leaves_nothing_behind(another, slurm_facility, tmp_path) -> None:
    """After an `up` that failed, two that did not, jobs, containers and stray processes, a purge leaves no trace."""
    before = traces(another)
    place = Path(another["COMMON_COMPUTE_SLURM_DIRECTORY"])
    with socket.create_server(("127.0.0.1", 22652)):
        failed = facility("up", **another)
    assert (1, True) == (
        failed.returncode,
        "port 22652 of 127.0.0.1, which sshd on the host 'plain' needs, is taken"
        in failed.stderr.splitlines()[-1],
    ), failed.stderr
    up = facility("up", **another, COMMON_COMPUTE_SLURM_CGROUPS="v2")
    assert 0 == up.returncode, up.stderr
    told = json.loads(facility("status", "--json", **another).stdout)
    assert ("up", "v2", False) == (told["state"], told["cgroups"], told["memory_enforced"])
    assert "cgroups v2 only" in told["why_memory_is_not_enforced"]
    assert [] == told["software"]
    assert "No job is held to its memory: there are cgroups v2 only" in facility("status", **another).stdout

    up = facility("up", **another)
    assert (0, True) == (up.returncode, "what runs is ended first" in up.stderr), up.stderr
    told = json.loads(facility("status", "--json", **another).stdout)
    assert ("up", slurm_facility["cgroups"]) == (told["state"], told["cgroups"])
    subprocess.run(
        ["tar", "-C", str(tmp_path), "-cf", str(tmp_path / "root.tar"), "--files-from=/dev/null"], check=True
    )
    added = facility("add-image", "mine", str(tmp_path / "root.tar"), **another)
    told = json.loads(facility("status", "--json", **another).stdout)
    assert (0, told["images"].get("mine")) == (added.returncode, added.stdout.strip()), added.stderr
    found = facility("enter", "plain", "skopeo", "inspect", f"docker://{told['images']['mine']}", **another)
    assert '"FACILITY_IMAGE=mine"' in found.stdout, found.stderr

    as_alice = [
        "enter",
        "cluster",
        "setpriv",
        "--reuid=alice",
        "--regid=alice",
        "--init-groups",
        "--reset-env",
        "sh",
        "-c",
    ]
    doings = f"""cd; sbatch --output=%j.out --wrap 'sleep 5000'; sbatch --begin=now+1hour --wrap true
        podman run --detach --network=none {told["images"]["busybox"]} sleep 5000
        setsid sh -c 'trap "" TERM; sleep 5000' </dev/null >/dev/null 2>&1 &"""
    assert 0 == facility(*as_alice, doings, **another).returncode
    assert "R" in facility(*as_alice, "squeue --noheader --format=%t; sleep 1", **another).stdout
    (place / "hosts" / "plain" / "tmp" / "left").touch()

    down = facility("down", "--purge", **another)
    assert 0 == down.returncode, down.stderr
    for kind, left in traces(another).items():
        assert (kind, before[kind]) == (kind, left)
    nodes = [
        each["service"].removeprefix("slurmd-") for each in told["services"] if "slurmd-" in each["service"]
    ]
    assert [] == [found for node in nodes for found in Path("/sys/fs/cgroup").glob(f"*/slurm_{node}")]
    assert "Nothing runs in" in facility("status", **another).stdout


def test_a_directory_with_something_else_in_it_is_refused(tmp_path) -> None:
    """What a facility did not make is never taken for one, and so never purged."""
    (tmp_path / "thesis.tex").touch()
    refused = facility("up", "--directory", str(tmp_path))
    assert (2, True) == (refused.returncode, "holds something else than a facility" in refused.stderr)
    assert "There is no facility in" in facility("down", "--purge", "--directory", str(tmp_path)).stderr
    assert (tmp_path / "thesis.tex").exists()
