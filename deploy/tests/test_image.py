"""The image is built here and runs without rights: server, mock and kit, on a root that nobody can write to."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.real,
    pytest.mark.long,
    pytest.mark.timeout(1500),
    pytest.mark.needs("podman", "runc", "mmdebstrap", "python3.11"),
]

BUILD = Path(__file__).parents[1] / "image" / "build"
NAME = "localhost/common-compute:test"
STORAGE = """
[storage]
driver = "overlay"
runroot = "{room}/run"
graphroot = "{room}/store"
"""
CONFIGURATION = """
[service]
id = "org.example.image"

[store]
url = "sqlite:////var/lib/common-compute/store.sqlite3"
results = "/var/lib/common-compute/results"

[[facility]]
id = "here"
connector = "internal"
root = "/var/lib/common-compute/jobs"
"""
JOB = {
    "facility_id": "here",
    "software": {"kind": "installed", "name": "posix-shell"},
    "command": ["/bin/sh", "-c", "id -u; printf 42 >answer.txt"],
    "outputs": [{"path": "answer.txt"}],
}
# runc, because crun refuses the mixture of cgroups that some machines have; limits, because podman asks for more
# than some machines let root have.
PODMAN = ("podman", "--runtime", "runc")
WITHOUT_RIGHTS = (
    *("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=none"),
    *("--ulimit", "nofile=1024:4096", "--ulimit", "nproc=2048:2048"),
)


@dataclass(frozen=True)
class Podman:
    """podman with a storage of its own."""

    storage: Path

    def __call__(self, *arguments: str | Path, stdin: str = "") -> str:
        """Run it to the end, and give what it printed."""
        done = subprocess.run(
            [*PODMAN, *arguments],
            check=False,
            capture_output=True,
            text=True,
            input=stdin,
            env={**os.environ, "CONTAINERS_STORAGE_CONF": str(self.storage)},
        )
        assert 0 == done.returncode, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def running(self, *arguments: str | Path) -> Iterator[str]:
        """Run a container of the image in the background, and give its id."""
        container = self("run", "--detach", *WITHOUT_RIGHTS, *arguments).strip()
        try:
            until = time.monotonic() + 60
            while "answers at" not in self("logs", container):
                assert time.monotonic() < until, self("logs", container)
                time.sleep(0.2)
            yield container
        finally:
            self("rm", "--force", "--volumes", container)


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Build the image in a storage of its own, which goes with it."""
    room = tmp_path_factory.mktemp("podman")
    storage = room / "storage.conf"
    storage.write_text(STORAGE.format(room=room), encoding="utf-8")
    built = subprocess.run(
        [BUILD, NAME],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "CONTAINERS_STORAGE_CONF": str(storage)},
    )
    assert 0 == built.returncode, built.stderr
    podman = Podman(storage)
    yield podman
    podman("rmi", "--all", "--force")


def test_nothing_can_be_written_and_nobody_rises(podman: Podman) -> None:
    """The image's account is not root, its root cannot be written to, and no file in it gives rights away."""
    script = "id -u; touch /x /opt/x /etc/x 2>/dev/null && echo written; find / -xdev -perm /6000 -type f"
    arguments = [*WITHOUT_RIGHTS, "--entrypoint", "/bin/sh", NAME, "-c", f"{script} 2>/dev/null; true"]
    assert "10001\n" == podman("run", "--rm", *arguments)


def test_a_mock_is_certified_from_within(podman: Podman) -> None:
    """A mock in a container is certified by the kit of the same image."""
    with podman.running(NAME, "mock", "--flavour", "rosetta", "--port", "8080") as mock:
        kit = ("certify", "http://127.0.0.1:8080/v1", "--budget", "quick", "--out", "/tmp/certificate")
        told = podman("exec", mock, "common-compute", *kit)
        certificate = json.loads(podman("exec", mock, "cat", "/tmp/certificate/certificate.json"))
    assert "CERTIFIED for core" in told
    assert "certified" == certificate["verdict"]


def test_a_server_runs_jobs(podman: Podman, tmp_path: Path) -> None:
    """A server in a container runs a job as its own account, and what it kept outlives the container."""
    configuration = tmp_path / "service.toml"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    configuration.chmod(0o644)
    mounted = (
        "--volume",
        f"{configuration}:/etc/common-compute.toml:ro",
        "--volume",
        "kept:/var/lib/common-compute",
    )
    serve = (*mounted, NAME, "serve", "--config", "/etc/common-compute.toml")
    url = ("--url", "http://127.0.0.1:8000/v1")
    with podman.running(*serve) as server:
        job = podman(
            "exec", "-i", server, "common-compute", "job", "submit", "-", *url, stdin=json.dumps(JOB)
        ).strip()
        podman("exec", server, "common-compute", "job", "wait", job, *url)
        assert "10001\n" == podman("exec", server, "common-compute", "job", "logs", job, *url)
        podman("stop", "--time", "20", server)
        assert "0" == podman("inspect", "--format", "{{.State.ExitCode}}", server).strip()
    with podman.running(*serve) as server:
        assert job in podman("exec", server, "common-compute", "job", "list", *url)
