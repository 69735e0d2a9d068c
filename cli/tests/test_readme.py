"""The README: what it tells to type works."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

README = Path(__file__).parents[2] / "README.md"


def blocks(section: str, language: str = "sh") -> list[str]:
    """Give the blocks of a section of the README, in one language."""
    text = README.read_text(encoding="utf-8").partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def free_port() -> int:
    """Give a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_the_first_submission_works_as_it_stands(tmp_path: Path) -> None:
    """Every line of the first submission runs, and the job's answer comes out of it, by curl and by the client."""
    port = free_port()
    setup, server, *steps = (
        block.replace("8080", str(port)).replace(
            ".venv/bin/common-compute", f"{sys.executable} -m common_compute_cli"
        )
        for block in blocks("A first submission")
    )
    assert "make setup\n" == setup
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COMMON_COMPUTE")}
    with subprocess.Popen(server.split(), stdout=subprocess.PIPE, env=environment) as mock:
        assert mock.stdout is not None
        assert f":{port}/v1" in mock.stdout.readline().decode()
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(steps)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        mock.terminate()
    assert 0 == done.returncode, done.stdout + done.stderr
    assert 2 == done.stdout.count("Hello from /scratch/common-compute/")
    assert "42" in done.stdout
    assert "42" == (tmp_path / "results" / "answer.txt").read_text(encoding="utf-8")


def test_the_configuration_is_in_order(tmp_path: Path) -> None:
    """The configuration that the README shows is found in order, by the command that it shows."""
    (configuration,) = blocks("A facility of your own", "toml")
    (tmp_path / "workshop.toml").write_text(configuration, encoding="utf-8")
    (commands,) = blocks("A facility of your own")
    check = commands.splitlines()[0].replace(
        ".venv/bin/common-compute", f"{sys.executable} -m common_compute_cli"
    )
    done = subprocess.run(check.split(), cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.endswith("in order; its facilities: workshop\n")


def test_the_configuration_over_ssh_is_in_order(tmp_path: Path) -> None:
    """The ten lines of a cluster over SSH are found in order, once the files that they name are there."""
    (configuration,) = blocks("A facility over SSH", "toml")
    files = {"cluster.toml": configuration, "tokens": "a-token-of-anna-4711 anna\n", "secret": "k" * 44}
    for name, text in files.items():
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text, encoding="utf-8")
    check = [sys.executable, "-m", "common_compute_cli", "config", "check", "cluster.toml"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.endswith("in order; its facilities: cluster\n")


def test_every_path_that_it_names_is_there() -> None:
    """The README links to nothing that does not exist."""
    links = re.findall(r"\]\(([^):]+)\)", README.read_text(encoding="utf-8"))
    assert [] == [link for link in links if not (README.parent / link).exists()]
