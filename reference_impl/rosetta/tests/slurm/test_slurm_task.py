"""What a job of Slurm's does on its node, tried without Slurm: its script, run as Slurm runs it."""

import io
import os
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from common_compute_connector.protocol import FacilityConfiguration, Part, PartKey, Submission
from common_compute_rosetta.calls import Site, beginning, beginning_name, watcher, watcher_name
from common_compute_rosetta.configuration import read_settings
from common_compute_rosetta.records import read_end, read_start
from common_compute_rosetta.sandbox import archive_parts
from common_compute_rosetta.slurm_batch import batch_script
from common_compute_rosetta.slurm_probe import Cluster
from common_compute_rosetta.submission import pack

pytestmark = pytest.mark.real


class Node:
    """A node of a cluster, and one part that was submitted to it."""

    def __init__(self, base: Path, shell: str, reaper: str) -> None:
        self.base = base
        self.site = Site(str(base), shell, reaper)
        base.mkdir()
        for name, text in ((watcher_name(), watcher()), (beginning_name(), beginning())):
            (base / name).write_bytes(text)

    def submit(self, script: str, count: int = 1, *, wall: int = 0, gpus: int = 0) -> None:
        """Take a part in, as sh/slurm/submit.sh does."""
        settings = read_settings(FacilityConfiguration("h", "ssh", {"root": "/r", "slurm": {}}))
        spec = {"software": {"kind": "installed", "name": "posix-shell"}, "command": ["sh", "-c", script]}
        part = Part(PartKey("job", 0), "a", 0, count)
        submission = Submission(part, spec | ({"array": {"count": count}} if count > 1 else {}), count)
        packed = pack(submission, settings, str(self.base))
        with tarfile.open(fileobj=io.BytesIO(archive_parts([packed]))) as archive:
            archive.extractall(self.base, filter="fully_trusted")
        cluster = Cluster("me", os.getuid(), "x", [], kill_wait_seconds=3)
        batch = self.base / "batch"
        batch.write_bytes(batch_script(part, self.site, cluster, wall, gpus))
        batch.chmod(0o755)

    def start(self, job: str = "17", **variables: object) -> subprocess.Popen[bytes]:
        """Start the job's script as slurmstepd does; the variables are those of the job without `SLURM_`."""
        told = {f"SLURM_{name}": str(value) for name, value in {"JOB_ID": job, **variables}.items()}
        environment = {"PATH": os.environ["PATH"], "CUDA_VISIBLE_DEVICES": "3, 4", **told}
        return subprocess.Popen([self.base / "batch"], env=environment, start_new_session=True)

    def run(self, job: str = "17", **variables: object) -> int:
        return self.start(job, **variables).wait(30)

    def task(self, index: int = 0) -> Path:
        return self.base / "parts" / "job.0" / "tasks" / str(index)

    def end(self, index: int = 0):
        return read_end((self.task(index) / "end").read_text().rstrip("\n"))

    def until(self, name: str, index: int = 0) -> None:
        """Wait until the task has written something."""
        for _ in range(500):
            if (self.task(index) / name).exists():
                return
            time.sleep(0.02)
        raise AssertionError(f"no {name}")


@pytest.fixture(params=["perl", "python3", "none"])
def node(request, tmp_path, shell) -> Node:
    return Node(tmp_path / "base's", shell, request.param)


def test_the_job_ends_as_its_command_does(node):
    """The job's exit code is the command's, or 128+n; the records tell it exactly, with times and logs."""
    node.submit("echo out; echo err >&2; [ $CC_TASK_INDEX = 0 ] || kill -KILL $$; exit 7", 2)
    assert 7 == node.run("18", ARRAY_JOB_ID="17", ARRAY_TASK_ID=0)
    assert 128 + 9 == node.run("19", ARRAY_JOB_ID="17", ARRAY_TASK_ID=1)
    assert ("exit", 7, "command", "-") == (
        node.end().kind,
        node.end().number,
        node.end().stage,
        node.end().ending,
    )
    signalled = ("exit", 137) if node.site.reaper == "none" else ("signal", 9)
    assert signalled == (node.end(1).kind, node.end(1).number)
    start = read_start((node.task() / "start").read_text())
    assert 0 <= (node.end().finished_at - start).total_seconds() < 10
    assert abs(start.timestamp() - time.time()) < 20
    assert ("out\n", "err\n") == ((node.task() / "stdout").read_text(), (node.task() / "stderr").read_text())
    assert "17\n" == (node.base / "parts" / "job.0" / "native").read_text()


def test_an_attempt_begins_once(node):
    """The same attempt, launched again, runs nothing and changes no record."""
    node.submit("echo x >>../../../ran")
    assert 0 == node.run()
    before = (node.task() / "end").read_text()
    assert 1 == node.run()
    assert ("x\n", before) == (
        (node.base / "parts" / "job.0" / "ran").read_text(),
        (node.task() / "end").read_text(),
    )


def test_another_job_of_the_part_runs_nothing(node):
    """The job whose id is kept is the part's; the first that runs keeps its own; a part that is gone has none."""
    node.submit("echo $CC_TASK_INDEX >>../../../ran", 2)
    assert 0 == node.run("18", ARRAY_JOB_ID="17", ARRAY_TASK_ID=0)
    assert 1 == node.run("21", ARRAY_JOB_ID="20", ARRAY_TASK_ID=1)
    assert not (node.task(1) / "attempt").exists()
    assert 0 == node.run("19", ARRAY_JOB_ID="17", ARRAY_TASK_ID=1)
    assert "0\n1\n" == (node.base / "parts" / "job.0" / "ran").read_text()
    (node.base / "parts").rename(node.base / "released")
    assert 1 == node.run("17")


def test_the_next_attempt_finds_a_clean_directory(node):
    """A restart begins anew; what still runs of the attempt before writes where nobody looks."""
    script = """
        if [ -e ../../../go ]; then pwd; ls -A; exit 5; fi
        : >../../../go; mkdir -p locked/x; chmod 000 locked; echo first; : >../ready
        sleep 1.5; echo late >late; exit 6
    """
    node.submit(script)
    first = node.start()
    node.until("ready")
    assert 5 == node.run(RESTART_COUNT=1)
    told = (node.task() / "end").read_text()
    first.wait(30)
    assert (told, "2\n") == ((node.task() / "end").read_text(), (node.task() / "attempt").read_text())
    assert f"{node.task()}/work\n" == (node.task() / "stdout").read_text()
    assert [] == list((node.task() / "work").iterdir())
    assert 1 == node.run(RESTART_COUNT=1)


def test_an_attempt_that_broke_off_between_two_renames(node):
    """A directory that was moved away and not replaced is found again."""
    node.submit("echo x >>../../../ran")
    node.task().rename(node.task().with_name(".0.old"))
    assert 0 == node.run(RESTART_COUNT=1)
    assert "2\n" == (node.task() / "attempt").read_text()


def test_a_cancelled_task_never_begins(node):
    """A task that has been given a reason to end ends before its command, in the next attempt, too."""
    node.submit("echo x >>../../../ran")
    (node.task() / "ending").write_text("cancel\n")
    for restarts in (0, 1):
        assert 0 == node.run(RESTART_COUNT=restarts)
        assert ("starting", "cancel") == (node.end().stage, node.end().ending)
    assert not (node.base / "parts" / "job.0" / "ran").exists()


@pytest.mark.parametrize("everybody", [False, True])
def test_slurm_asks_for_the_end(node, everybody):
    """A signal to the job's script, or to all its processes, is the command's, and all it writes then is kept."""
    node.submit("trap 'echo asked; exit 3' TERM; echo begun; : >../ready; while :; do sleep 0.1; done")
    job = node.start()
    node.until("ready")
    if everybody:
        for pid in session_of(job.pid):
            os.kill(pid, signal.SIGTERM)
    else:
        job.terminate()
    assert 3 == job.wait(30)
    assert ("exit", 3, "slurm") == (node.end().kind, node.end().number, node.end().ending)
    assert "begun\nasked\n" == (node.task() / "stdout").read_text()


def session_of(leader: int) -> list[int]:
    """Give the processes that descend from a process."""
    found = [leader]
    for process in found:
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            found += [int(pid) for pid in children.read_text().split()]
    return found


def test_a_stubborn_command_is_killed_before_slurm_does_it(node):
    """What ignores the signal is killed while there is time to tell; past the wall time, that is the reason."""
    node.submit("trap '' TERM; echo begun; : >../ready; while :; do sleep 0.1; done", wall=5)
    job = node.start()
    node.until("ready")
    began = time.monotonic()
    job.terminate()
    job.terminate()
    assert 128 + 9 == job.wait(30)
    assert time.monotonic() - began < 20
    assert "wall-time" == node.end().ending
    assert "begun\n" == (node.task() / "stdout").read_text()


def test_what_a_command_leaves_behind(node, is_alive):
    """Children that outlive the command are killed: those of its group, and whoever holds its logs open."""
    child = "sh -c 'echo $$ >>../pids; sleep 60'"
    wait = "while [ $(wc -l <../pids) -lt 3 ]; do sleep 0.02; done"
    node.submit(f": >../pids; {child} & setsid {child} & {child} >/dev/null 2>&1 & {wait}; echo x")
    assert 0 == node.run()
    assert "x\n" == (node.task() / "stdout").read_text()
    assert [] == [pid for pid in (node.task() / "pids").read_text().split() if is_alive(int(pid))]


def test_a_child_in_disguise_cannot_hold_up_the_end(node):
    """A child that left the session with an empty environment is not found, but the task ends without it."""
    hidden = "setsid env -i sh -c 'echo $$ >../pids; exec sleep 30'"
    node.submit(f"{hidden} & while [ ! -s ../pids ]; do sleep 0.02; done; echo x")
    began = time.monotonic()
    assert 0 == node.run()
    assert time.monotonic() - began < 25
    assert "x\n" == (node.task() / "stdout").read_text()
    os.kill(int((node.task() / "pids").read_text()), signal.SIGKILL)


def test_much_output_and_none(node):
    """Logs of any length are kept whole; the end of one does not end the other."""
    node.submit("exec 2>&-; head -c 5000000 /dev/zero; sleep 0.1; echo end")
    assert 0 == node.run()
    assert (5_000_004, b"") == (
        (node.task() / "stdout").stat().st_size,
        (node.task() / "stderr").read_bytes(),
    )


def test_granted_devices_are_told(node):
    """Which GPUs are the job's is in its environment where it asked for some, and nothing else of Slurm's is."""
    node.submit("env | sort", gpus=1)
    assert 0 == node.run()
    variables = (node.task() / "stdout").read_text()
    assert "CUDA_VISIBLE_DEVICES=3, 4\n" in variables
    assert "SLURM" not in variables
    assert "ROCR" not in variables
    os.rename(node.base, node.base.with_name("other"))


def test_without_a_wish_no_devices(node):
    """Without GPUs asked for, none are told."""
    node.submit("env")
    assert 0 == node.run()
    assert "CUDA" not in (node.task() / "stdout").read_text()
