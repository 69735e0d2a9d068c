"""`common-compute proposal serve`: pages and a mock under one address."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.real

PROGRAM = Path(sys.executable).parent / "common-compute"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Give a small site, beside a file that is none of its."""
    (tmp_path / "secret.txt").write_text("of nobody's business")
    folder = tmp_path / "site"
    (folder / "part").mkdir(parents=True)
    for name in ("index.html", "part/index.html", "404.html"):
        (folder / name).write_text(f"<h1>{name}</h1>")
    return folder


@pytest.fixture
def client(site: Path) -> Iterator[httpx.Client]:
    """Serve it."""
    command = [PROGRAM, "proposal", "serve", site, "--port", "0", "--json", "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        root = json.loads(process.stdout.readline())["root"]
        with httpx.Client(base_url=root, trust_env=False, timeout=30) as client:
            yield client
        process.stdin.close()


def test_pages_and_api_have_one_address(client: httpx.Client) -> None:
    """Where there is a page it is served, elsewhere the mock answers, so that a page may ask it."""
    assert "<h1>index.html</h1>" == client.get("/").text
    assert "<h1>part/index.html</h1>" == client.get("/part/").text
    assert {"rosetta", "dirac"} == {each["id"] for each in client.get("/v1/facilities").json()["facilities"]}
    assert "not-found" == client.get("/v1/jobs/none").json()["code"]
    assert "text/html" in client.get("/docs").headers["content-type"]
    assert "not-found" == client.get("/nothing.html").json()["code"]


def test_nothing_beside_the_site_is_served(client: httpx.Client) -> None:
    """No path leads out of the folder."""
    for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/part/..%2f..%2fsecret.txt", "//secret.txt"):
        assert "business" not in client.get(path).text, path


def test_a_job_goes_through(client: httpx.Client) -> None:
    """What is posted reaches the mock, whatever pages there are."""
    software = {"kind": "container", "image": "debian:12-slim"}
    body = {"facility_id": "rosetta", "software": software, "command": ["true"]}
    assert 201 == client.post("/v1/jobs", json=body).status_code


def test_a_folder_without_a_site_is_told(tmp_path: Path) -> None:
    """Who has not built the site is told how to."""
    done = subprocess.run([PROGRAM, "proposal", "serve", tmp_path], capture_output=True, text=True)
    assert 2 == done.returncode
    assert "make docs" in done.stderr
