"""The servers and the demonstration as processes: ready when they say so, and gone when they are told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest

from common_compute_cli.client import Client
from common_compute_cli.demo.facility import FACILITY_ID, write_configuration
from common_compute_cli.demo.jobs import Jobs
from common_compute_cli.demo.main_job import long_job
from common_compute_cli.demo.servers import Servers
from common_compute_cli.waiting import wait_for_end

pytestmark = pytest.mark.real

PATIENCE_SECONDS = 60


class Machine:
    """Start the program with a mark in its environment, by which all its descendants are found."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.mark = f"COMMON_COMPUTE_TEST={os.getpid()}-{room}"
        self.temporary = room / "tmp"
        self.temporary.mkdir()
        name, _, value = self.mark.partition("=")
        self.environment = {**os.environ, name: value, "TMPDIR": str(self.temporary)}
        self.errors = room / "errors"
        self.started: list[subprocess.Popen[bytes]] = []

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the program to its end."""
        return subprocess.run(
            [sys.executable, "-m", "common_compute_cli", *arguments],
            cwd=self.room,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the program."""
        with self.errors.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "common_compute_cli", *arguments],
                cwd=self.room,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self.started.append(process)
        return process

    def alive(self) -> list[str]:
        """Give the command lines of all processes of this machine's.

        Servers carry the mark. Jobs have an environment of their own, and work somewhere below the room.
        """
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                marked = self.mark.encode() in (entry / "environ").read_bytes().split(b"\0")
                if marked or str(self.room) in os.readlink(entry / "cwd"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def alive_after(self, seconds: int) -> list[str]:
        """Give what is still there after some patience."""
        for _ in range(10 * seconds):
            if not self.alive():
                break
            time.sleep(0.1)
        return self.alive()

    def close(self) -> None:
        """End what a failed test left."""
        for process in self.started:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Give a machine, and end what was started there."""
    machine = Machine(tmp_path)
    yield machine
    machine.close()


def server_arguments(kind: str, room: Path) -> list[str]:
    """Give the arguments that start a server of a kind."""
    if kind == "serve":
        return ["serve", "--config", str(write_configuration(room)), "--port", "0"]
    return ["mock", "--flavour", kind]


def ready(process: subprocess.Popen[bytes]) -> dict[str, str]:
    """Give the line with which a server says that it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line
    document: dict[str, str] = json.loads(line)
    return document


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["serve", "rosetta", "dirac"])
def test_a_server_answers_when_it_says_so_and_ends_when_it_is_told(
    kind: str, ending: signal.Signals, machine: Machine
) -> None:
    """After its line it answers; a signal ends it with 0, without complaint, and no child or file is left."""
    process = machine.start(*server_arguments(kind, machine.room), "--json")
    line = ready(process)
    assert process.pid == line["pid"]
    with httpx.Client(trust_env=False) as client:
        assert 200 == client.get(line["url"] + "/service-info").status_code
        assert 200 == client.get(line["docs"], follow_redirects=True).status_code
        process.send_signal(ending)
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert (0, b"") == (process.returncode, out)
        levels = {json.loads(line)["level"] for line in machine.errors.read_bytes().splitlines()}
        assert ({"info"} if kind == "serve" else set()) == levels
        with pytest.raises(httpx.ConnectError):
            client.get(line["url"] + "/service-info")
    assert ([], []) == (machine.alive(), list(machine.temporary.iterdir()))


def test_a_server_ends_with_whoever_started_it(machine: Machine) -> None:
    """With --until-stdin-closes the end of the pipe is the end of the server."""
    process = machine.start("mock", "--flavour", "rosetta", "--json", "--until-stdin-closes")
    ready(process)
    assert process.stdin is not None
    process.stdin.close()
    assert 0 == process.wait(PATIENCE_SECONDS)


def test_a_job_inherits_nothing_of_the_server(machine: Machine) -> None:
    """No socket of the server is open in a job, and the server sees a job run before it ends."""
    process = machine.start(*server_arguments("serve", machine.room), "--json")
    with Client(ready(process)["url"]) as client:
        job = client.submit_job(
            {
                "facility_id": FACILITY_ID,
                "software": {"kind": "installed", "name": "posix-shell"},
                "command": ["sh", "-c", "ls -l /proc/$$/fd >fds; exec sleep 60"],
                "outputs": [{"path": "fds"}],
            }
        )
        while (state := client.get_job(job["id"])["state"]) in ("pending", "queued"):
            time.sleep(0.1)
        assert "running" == state
        client.cancel_job(job["id"])
        assert "cancelled" == wait_for_end(client, job["id"], patience_seconds=PATIENCE_SECONDS)["state"]
        (result,) = client.list_results(job["id"])
        with client.get_result(job["id"], result["id"]) as pieces:
            descriptors = b"".join(pieces).decode()
    assert "/dev/null" in descriptors
    assert [] == [line for line in descriptors.splitlines() if "socket:" in line]


def test_people_get_a_line_with_the_address_and_the_reference(machine: Machine) -> None:
    """Without --json one line of words says where the server answers and where its reference is."""
    process = machine.start("mock", "--flavour", "dirac")
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    assert "answers at http://127.0.0.1:" in line
    assert "/docs" in line
    process.send_signal(signal.SIGINT)
    assert b"" == process.communicate(timeout=PATIENCE_SECONDS)[0]


def test_an_address_in_use_is_told(machine: Machine) -> None:
    """A port that somebody else has is named, with the way out, and the exit code is 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = machine.run("mock", "--flavour", "rosetta", "--port", str(port))
    assert (2, True) == (done.returncode, f"port {port}, cannot be listened on" in done.stderr)


def test_a_wrong_configuration_is_told_fault_by_fault(machine: Machine) -> None:
    """`serve` and `config check` name every fault of a file, and end with 2."""
    file = machine.room / "wrong.toml"
    file.write_text(
        '[service]\nid = "x"\n[[facility]]\nid = "a"\nconnector = "internal"\nrot = "/x"\nmax_running = 0\n',
        encoding="utf-8",
    )
    for arguments in (["serve", "--config", str(file)], ["config", "check", str(file)]):
        done = machine.run(*arguments)
        assert 2 == done.returncode
        for words in ("`root`", "`rot`", "`max_running`"):
            assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_a_right_configuration_is_told_as_well(machine: Machine) -> None:
    """`config check` of a file that works ends with 0."""
    done = machine.run("config", "check", str(write_configuration(machine.room)))
    assert (0, "") == (done.returncode, done.stderr)


def test_the_demonstration_from_end_to_end(machine: Machine) -> None:
    """It leaves a plot, logs and three certificates, and nothing running."""
    done = machine.run("demo", "--out", "shown")
    assert 0 == done.returncode, done.stdout + done.stderr
    shown = machine.room / "shown"
    assert "{http://www.w3.org/2000/svg}svg" == ET.parse(shown / "sunspots.svg").getroot().tag
    summary = json.loads((shown / "summary.json").read_text(encoding="utf-8"))
    assert (21, 10.84) == (summary["pools"], summary["median_period_years"])
    assert 21 == len(list((shown / "periods").glob("task-*/period.json")))
    assert 21 == len(list((shown / "logs" / "fit").glob("task-*.stdout.txt")))
    certificates = sorted((shown / "certificates").glob("*/certificate.json"))
    assert ["facility", "mock-dirac", "mock-rosetta"] == [file.parent.name for file in certificates]
    assert {"certified"} == {json.loads(file.read_text(encoding="utf-8"))["verdict"] for file in certificates}
    assert ([], []) == (machine.alive(), list(machine.temporary.iterdir()))


@pytest.mark.parametrize("step", [b"1  ", b"2  ", b"5  "])
def test_an_interrupted_demonstration_leaves_nothing(step: bytes, machine: Machine) -> None:
    """Ctrl-C at any step ends every server and job, and removes what they kept."""
    process = machine.start("demo", "--out", "shown")
    assert process.stdout is not None
    while not (line := process.stdout.readline()).startswith(step):
        assert line, machine.errors.read_text()
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_SECONDS)
    assert (130, "") == (process.returncode, machine.errors.read_text())
    # What watched a cancelled job may take a moment longer than the job.
    assert ([], []) == (machine.alive_after(3), list(machine.temporary.iterdir()))


def test_a_server_of_the_demonstration_that_is_killed_leaves_nothing_elsewhere(tmp_path: Path) -> None:
    """What it kept lies in the demonstration's own directory, which goes with it."""
    with Servers(tmp_path / "logs", tmp_path) as servers:
        (server,) = servers.start({"mock": ["mock", "--flavour", "rosetta"]})
        server.process.kill()
        server.process.wait()
    assert 1 == len(list(tmp_path.glob("common-compute-mock-*")))


def test_no_job_outlives_the_demonstration(machine: Machine) -> None:
    """Whatever ends the demonstration, its jobs are cancelled and released first."""
    process = machine.start(*server_arguments("serve", machine.room), "--json")
    with Client(ready(process)["url"]) as client:
        with suppress(KeyboardInterrupt), Jobs(client) as jobs:
            jobs.wait_until_running(jobs.submit_job(long_job(FACILITY_ID, 120)))
            assert [] != [line for line in machine.alive() if line.startswith("sleep ")]
            raise KeyboardInterrupt
        assert [] == list(client.list_jobs())
    assert [] == [line for line in machine.alive() if line.startswith("sleep ")]


def test_a_killed_demonstration_leaves_no_server(machine: Machine) -> None:
    """When the demonstration is killed outright, its servers notice and end."""
    process = machine.start("demo", "--out", "shown")
    assert process.stdout is not None
    while not process.stdout.readline().startswith(b"2  "):
        pass
    process.kill()
    process.communicate()
    assert [] == machine.alive_after(PATIENCE_SECONDS)
