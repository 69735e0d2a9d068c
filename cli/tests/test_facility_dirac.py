"""The DIRAC facility of `facilities/dirac`, brought up for real: what it promises to the tests that use it."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "facilities" / "dirac" / "facility"
RUNS = Path(__file__).parents[2] / "spec" / "use_cases" / "cta_installed_software"

# Packages and DIRAC may have to be installed.
pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("dirac"), pytest.mark.timeout(900)]

SUBMIT = """
jdl, files = arguments
for name, text in files.items():
    open(name, "w").write(text)
answer = dirac.submitJob(jdl)
assert answer["OK"], answer["Message"]
jobs = answer["Value"]
"""
JDL = """[Executable = "/bin/sh"; Arguments = "job.sh {arguments}"; InputSandbox = {{{files}}}; StdOutput = "out";
    StdError = "err"; OutputSandbox = {{"out", "err"}}; CPUTime = 600; JobName = "facility"; {more}]"""


def jdl(*files: str, arguments: str = "", more: str = "") -> str:
    """Give the description of a job that runs job.sh with some files beside it."""
    sandbox = ", ".join(f'"{name}"' for name in ("job.sh", *files))
    return JDL.format(arguments=arguments, files=sandbox, more=more)


def facility(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the facility's script with some settings."""
    return subprocess.run(
        [SCRIPT, *arguments], env={**os.environ, **variables}, capture_output=True, text=True
    )


def parts(**where: str) -> dict[str, int | None]:
    """Give the process of each part."""
    return {
        each["part"]: each["process"]
        for each in json.loads(facility("status", "--json", **where).stdout)["parts"]
    }


def processes_of(account: str) -> set[int]:
    """Give the processes of an account."""
    return processes_with(pwd.getpwnam(account).pw_uid)


def processes_with(*uids: int) -> set[int]:
    """Give the processes of accounts that may be no more."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        # Some end meanwhile.
        with contextlib.suppress(FileNotFoundError):
            if process.stat().st_uid in uids:
                found.add(int(process.name))
    return found


def running(*command: str) -> bool:
    """Tell whether a process of this command line runs, whoever's it is."""
    wanted = "".join(f"{word}\0" for word in command)
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        # Some end meanwhile.
        with contextlib.suppress(OSError):
            if line.read_text(errors="replace") == wanted:
                return True
    return False


def test_a_job_runs_as_nobody_and_its_output_comes_home(dirac_facility, on_grid) -> None:
    """A user's job ends as Done, run by an account that can read no key, and its output sandbox holds what it wrote."""
    script = f"id -un\nhead -c 1 '{dirac_facility['users']['bob']['key']}' || echo no key\necho err >&2\n"
    told = on_grid(
        SUBMIT
        + """
ended(jobs)
known = dirac.getJobAttributes(jobs)["Value"]
answer = [status(jobs), output(jobs), known, dirac.getJobParameters(jobs)["Value"]]
""",
        jdl(),
        {"job.sh": script},
        user="alice",
    )
    state, output, attributes, parameters = told
    assert parameters, "the stand-in for OpenSearch keeps them"
    assert "Done" == state
    assert f"{dirac_facility['accounts']['worker']}\nno key\n" == output["out"]
    assert output["err"].endswith("Permission denied\nerr\n")
    assert ("alice", "cta_user", dirac_facility["sites"]["with_a_worker"]) == tuple(
        attributes[name] for name in ("Owner", "OwnerGroup", "Site")
    )


def test_no_user_ends_the_job_of_another(dirac_facility, on_grid) -> None:
    """A job of alice's waits where there is no worker: bob can neither kill nor delete it, and an administrator can."""
    job = on_grid(
        SUBMIT + "wait_for(jobs, 'Waiting')\nanswer = jobs",
        jdl(more=f'Site = "{dirac_facility["sites"]["without"]}";'),
        {"job.sh": "true"},
        user="alice",
    )
    tried = on_grid(
        "answer = [dirac.killJob(arguments[0]), dirac.deleteJob(arguments[0]), status(arguments[0])]",
        job,
        user="bob",
    )
    assert ([], [], "Waiting") == (tried[0].get("Value", []), tried[1].get("Value", []), tried[2])
    killed = facility("as", "admin", "dirac-wms-job-kill", str(job))
    assert 0 == killed.returncode, killed.stdout + killed.stderr
    assert "Killed" == on_grid("answer = status(arguments[0])", job, user="alice")


WHO = """
from DIRAC.ConfigurationSystem.Client.ConfigurationClient import ConfigurationClient
answer = ConfigurationClient().whoami()
answer = answer.get("Value") or answer["Message"]
"""


def test_a_connector_acts_for_users_and_a_user_does_not(on_grid) -> None:
    """Who shows the connector's certificate submits jobs that are alice's; with bob's proxy nobody does."""
    told = on_grid(
        WHO + SUBMIT + "answer = [answer, dirac.getJobAttributes(jobs)['Value']]",
        jdl(),
        {"job.sh": "true"},
        user="alice",
        by="connector",
    )
    assert ("alice", "cta_user") == (told[1]["Owner"], told[1]["OwnerGroup"])
    assert "Unauthorized query" in on_grid(WHO, user="alice", by="bob")


def test_a_connector_fetches_what_users_have_uploaded(on_grid) -> None:
    """ProxyManager has a proxy of each user, and gives the connector alice's, when it acts for her."""
    source = """
from DIRAC.FrameworkSystem.Client.ProxyManagerClient import ProxyManagerClient
from DIRAC.Core.Security.ProxyInfo import getProxyInfoAsString
chain = ProxyManagerClient().downloadProxy(*arguments, limited=True)
answer = chain["Value"].getCredentials()["Value"] if chain["OK"] else chain["Message"]
"""
    alice = "/O=Common-Compute/OU=Facility-dirac/CN=alice"
    told = on_grid(source, alice, "cta_user", user="alice", by="connector")
    assert (alice, "cta_user") == (told["identity"], told["group"])


def test_parametric_jobs_up_to_a_hundred(on_grid) -> None:
    """One description becomes a job for each parameter, each with its own; more than a hundred are refused."""
    told = on_grid(
        SUBMIT + "ended(jobs)\nanswer = [output(job)['out'] for job in jobs]",
        jdl(arguments="%(A)s %n", more='Parameters = 3; Parameters.A = {"x", "y", "z"};'),
        {"job.sh": 'echo "$1-$2"'},
        user="bob",
        group="cta_analysis",
    )
    assert ["x-0\n", "y-1\n", "z-2\n"] == told
    refused = on_grid(
        "open('job.sh', 'w')\nanswer = dirac.submitJob(arguments[0])",
        jdl(arguments="%n", more="Parameters = 101; ParameterStart = 1; ParameterStep = 1;"),
        user="bob",
    )
    assert not refused["OK"], refused


def test_a_job_gets_the_processors_and_the_memory_that_it_asks_for(dirac_facility, on_grid) -> None:
    """What the worker has is given to a job, and a job that asks for more waits."""
    told = on_grid(
        """
open("job.sh", "w").write("echo $DIRAC_JOB_PROCESSORS")
jobs = [dirac.submitJob(each)["Value"] for each in arguments]
ended(jobs[0])
wait_for(jobs[1], "Waiting")
answer = [output(jobs[0])["out"], status(jobs[1]), dirac.killJob(jobs[1])["OK"]]
""",
        jdl(more="NumberOfProcessors = 2; MinRAM = 1000;"),
        jdl(more=f"NumberOfProcessors = {dirac_facility['processors'] + 1};"),
        user="alice",
    )
    assert ["2\n", "Waiting", True] == told


def test_a_job_is_rescheduled_from_outside(dirac_facility, on_grid) -> None:
    """An administrator sends a waiting job on its way again: it is counted, and waits again."""
    job = on_grid(
        SUBMIT + "wait_for(jobs, 'Waiting')\nanswer = jobs",
        jdl(more=f'Site = "{dirac_facility["sites"]["without"]}";'),
        {"job.sh": "true"},
        user="bob",
    )
    rescheduled = facility("as", "admin", "dirac-wms-job-reschedule", str(job))
    assert 0 == rescheduled.returncode, rescheduled.stdout + rescheduled.stderr
    told = on_grid(
        """
wait_for(arguments[0], "Waiting")
counted = dirac.getJobAttributes(arguments[0])["Value"]["RescheduleCounter"]
answer = [int(counted), dirac.deleteJob(arguments[0])["OK"]]
""",
        job,
        user="bob",
    )
    assert [1, True] == told


def test_installed_software_in_each_version(dirac_facility, on_grid) -> None:
    """A job reads the set-up script of the version that it wants, and its command is that version's."""
    software = {each["version"]: each["setup"] for each in dirac_facility["software"]}
    assert ["v0.19.2", "v0.21.1"] == sorted(software)
    assert all(
        path.startswith(f"{dirac_facility['software_area']}/software/centos7/") for path in software.values()
    )
    script = '. "$1"\nctapipe-process --version\nctapipe-process --input run-2041.events\n'
    events = (RUNS / "run-2041.events").read_text()
    regions = [line.split()[2] for line in events.splitlines()]
    counts = f"{regions.count('on')},{regions.count('off')}"
    energy = sum(float(line.split()[1]) for line in events.splitlines()) / len(regions)
    told = on_grid(
        "description, files, setups = arguments\n"
        "for name, text in files.items():\n    open(name, 'w').write(text)\n"
        "jobs = [dirac.submitJob(description % each)['Value'] for each in setups]\n"
        "ended(jobs)\nanswer = [output(job)['out'].splitlines() for job in jobs]",
        jdl("run-2041.events", arguments="%s"),
        {"job.sh": script, "run-2041.events": events},
        [software["v0.19.2"], software["v0.21.1"]],
        user="alice",
    )
    assert ["ctapipe-process 0.19.2", "version,on,off", f"0.19.2,{counts}"] == told[0]
    assert ["ctapipe-process 0.21.1", "version,on,off,mean_energy", f"0.21.1,{counts},{energy:.1f}"] == told[
        1
    ]


def test_files_are_stored_and_found_by_their_owner_alone(dirac_facility, on_grid) -> None:
    """What alice stores and registers she gets back by its name; nobody else reads it or writes beside it."""
    name = f"{dirac_facility['folders']['alice']}/{time.time_ns()}"
    source = """
from DIRAC.DataManagementSystem.Client.DataManager import DataManager
lfn, element = arguments
manager = DataManager()
open("file", "w").write("of alice's")
put = manager.putAndRegister(lfn, "file", element)
got = manager.getFile(lfn)
path = got["Value"]["Successful"].get(lfn)
answer = [put["OK"], path and open(path).read(), got["Value"]["Failed"].get(lfn)]
"""
    element = dirac_facility["storage_element"]
    assert [True, "of alice's", None] == on_grid(source, name, element, user="alice")
    assert [False, None, "Permission denied"] == on_grid(source, name, element, user="bob")


def test_images_lie_unpacked_under_their_digests(dirac_facility) -> None:
    """A name with a digest and one with a tag lead to the same files, which nobody but root can change."""
    area = Path(dirac_facility["images_area"])
    for name, reference in dirac_facility["images"].items():
        repository, _, digest = reference.partition("@")
        place = (area / f"{repository}:{digest}").resolve()
        assert place == (area / f"{repository}:latest").resolve()
        assert place.is_relative_to(area / ".flat")
        assert (
            f'export FACILITY_IMAGE="${{FACILITY_IMAGE:-"{name}"}}"'
            in (place / ".singularity.d" / "env" / "10-docker2singularity.sh").read_text()
        )
        assert not [each for each in place.iterdir() if each.stat().st_mode & 0o022]


def test_a_running_job_that_is_killed_dies(on_grid) -> None:
    """What a running job writes can be seen, and its command ends when the job has been killed."""
    job = on_grid(
        SUBMIT
        + """
wait_for(jobs, "Running")
until = time.monotonic() + 60
while "word" not in str(dirac.peekJob(jobs)):
    assert time.monotonic() < until, dirac.peekJob(jobs)
    time.sleep(0.3)
answer = jobs
""",
        jdl(),
        {"job.sh": "echo word\nsleep 9876\n"},
        user="alice",
    )
    assert running("sleep", "9876")
    told = on_grid("answer = [dirac.killJob(arguments[0])['Value'], status(arguments[0])]", job, user="alice")
    assert [[job], "Killed"] == told
    while running("sleep", "9876"):
        time.sleep(0.3)


def test_everything_listens_on_the_loopback_only(dirac_facility) -> None:
    """Each port of the facility is listened on, at 127.0.0.1 and nowhere else."""
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}
    found: dict[int, set[str]] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if state == "0A":
                address, port = local.split(":")
                found.setdefault(int(port, 16), set()).add(address)
    listened = {port: found.get(port, set()) for port in dirac_facility["ports"].values()}
    assert {} == {port: where for port, where in listened.items() if not where or where - loopback}


def test_another_up_changes_nothing(dirac_facility) -> None:
    """Where everything runs, `up` starts nothing and ends nothing, and the description stays the same."""
    before, described = parts(), (Path(dirac_facility["directory"]) / "facility.json").read_text()
    assert None not in before.values()
    up = facility("up")
    assert (0, before) == (up.returncode, parts()), up.stderr
    assert described == (Path(dirac_facility["directory"]) / "facility.json").read_text()


def test_up_mends_what_was_killed(dirac_facility, on_grid) -> None:
    """What was killed with -9 is told as ended, and started again by `up`, which leaves the rest alone; jobs run again."""
    before = parts()
    killed = {"Configuration/Server", "WorkloadManagement/JobManager", "mariadbd", "job-agent"}
    for each in killed:
        os.killpg(before[each], signal.SIGKILL)
    status = facility("status")
    assert (1, True) == (status.returncode, "ENDED" in status.stdout)
    assert killed == {each for each, process in parts().items() if process is None}
    up = facility("up")
    after = parts()
    assert (0, True) == (up.returncode, None not in after.values()), up.stderr
    assert killed == {each for each in before if before[each] != after[each]}
    told = on_grid(
        SUBMIT + "ended(jobs)\nanswer = output(jobs)['out']", jdl(), {"job.sh": "echo again"}, user="alice"
    )
    assert "again\n" == told


def test_one_change_at_a_time(dirac_facility) -> None:
    """While one command changes the facility another one waits, and `status` does not."""
    with subprocess.Popen(
        ["flock", dirac_facility["directory"], "sh", "-c", "echo; read wait"],
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
def another(dirac_facility, tmp_path) -> Iterator[dict[str, str]]:
    """Give the settings of a second facility beside the first, which shares its installation."""
    tmp_path.chmod(0o755)
    settings = {
        "COMMON_COMPUTE_DIRAC_DIRECTORY": f"/var/lib/common-compute-another-{os.getpid()}",
        "COMMON_COMPUTE_DIRAC_FIRST_PORT": "22750",
        "COMMON_COMPUTE_DIRAC_PROCESSORS": "2",
        "COMMON_COMPUTE_DIRAC_IMAGES": "busybox",
        "COMMON_COMPUTE_DIRAC_ENVIRONMENT": dirac_facility["environment"],
    }
    yield settings
    facility("down", "--purge", **settings)


def test_a_purge_leaves_nothing_behind(another, dirac_facility) -> None:
    """After an `up` that failed, one that did not, and a job with a stray process, a purge leaves no trace."""
    files = ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")
    before = {name: (Path("/etc") / name).read_bytes() for name in files}
    place = Path(another["COMMON_COMPUTE_DIRAC_DIRECTORY"])
    with socket.create_server(("127.0.0.1", 22754)):
        failed = facility("up", **another)
    assert (1, True) == (
        failed.returncode,
        "port 22754 of 127.0.0.1, which WorkloadManagement/JobManager needs, is taken"
        in failed.stderr.splitlines()[-1],
    ), failed.stderr
    up = facility("up", **another)
    assert 0 == up.returncode, up.stderr
    told = json.loads(facility("status", "--json", **another).stdout)
    accounts = told["accounts"]
    assert ("up", 2) == (told["state"], told["processors"])
    assert not set(accounts.values()) & set(dirac_facility["accounts"].values())
    source = (
        "import sys, DIRAC; DIRAC.initialize()\n"
        "from DIRAC.Interfaces.API.Dirac import Dirac; Dirac().submitJob(sys.argv[1])\n"
    )
    stray = '[Executable = "/bin/sh"; Arguments = "-c \'setsid sleep 9875\'"; CPUTime = 600;]'
    submitted = facility("as", "bob:cta_analysis", "python", "-c", source, stray, **another)
    assert 0 == submitted.returncode, submitted.stderr
    while not running("sleep", "9875"):
        time.sleep(0.3)
    assert processes_of(accounts["worker"])
    assert processes_of(accounts["server"])
    uids = {pwd.getpwnam(account).pw_uid for account in accounts.values()}

    down = facility("down", "--purge", **another)
    assert 0 == down.returncode, down.stderr
    assert before == {name: (Path("/etc") / name).read_bytes() for name in files}
    assert set() == processes_with(*uids)
    assert not running("sleep", "9875")
    assert not place.exists()
    assert "Nothing runs in" in facility("status", **another).stdout
    assert 0 == facility("status").returncode


def test_a_directory_with_something_else_in_it_is_refused(tmp_path) -> None:
    """What a facility did not make is never taken for one, and so never purged."""
    (tmp_path / "thesis.tex").touch()
    refused = facility("up", "--directory", str(tmp_path))
    assert (2, True) == (refused.returncode, "holds something else than a facility" in refused.stderr)
    assert "There is no facility in" in facility("down", "--purge", "--directory", str(tmp_path)).stderr
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["frobnicate"], {}, "facility up"),
        (["up", "--purge"], {}, "facility down [--purge]"),
        (["as", "mallory", "id"], {}, "there is no user 'mallory': the users are alice bob admin pilot"),
        (["as", "alice:dirac_admin", "id"], {}, "'alice' is not in 'dirac_admin', but in: cta_user"),
        (["check"], {"COMMON_COMPUTE_DIRAC_FIRST_PORT": "ssh"}, "COMMON_COMPUTE_DIRAC_FIRST_PORT is 'ssh'"),
        (["check"], {"COMMON_COMPUTE_DIRAC_PROCESSORS": "0"}, "COMMON_COMPUTE_DIRAC_PROCESSORS is '0'"),
        (
            ["check"],
            {"COMMON_COMPUTE_DIRAC_ENVIRONMENT": "here"},
            "COMMON_COMPUTE_DIRAC_ENVIRONMENT is 'here'",
        ),
        (["check", "--directory", "/a b"], {}, "'/a b' is no absolute path of letters"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments: list[str], variables: dict[str, str], words: str) -> None:
    """A word or a setting that cannot be used is refused with exit code 2, and what can be is said."""
    refused = subprocess.run(
        [SCRIPT, *arguments], env={"PATH": "/usr/bin:/bin", **variables}, stderr=subprocess.PIPE, text=True
    )
    assert (2, True) == (refused.returncode, words in refused.stderr), refused.stderr
