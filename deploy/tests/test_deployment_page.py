"""The page for administrators: its blocks run, with other paths, and do what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from distribution import build
from pytest_postgres import new_database
from served import PROGRAM, serving

from common_compute_cli.client import Client
from common_compute_cli.waiting import wait_for_end

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "deployment.md"
TEXT = PAGE.read_text(encoding="utf-8")
CONFIGURATION = """
[service]
id = "org.example.kept"

[store]
url = "{url}"
results = "{room}/results"

[[facility]]
id = "here"
connector = "internal"
root = "{room}/jobs"
"""
JOB = {
    "facility_id": "here",
    "software": {"kind": "installed", "name": "posix-shell"},
    "command": ["/bin/sh", "-c", "printf kept >answer.txt"],
    "outputs": [{"path": "answer.txt"}],
}


def blocks(section: str) -> list[str]:
    """Give the blocks of a section that are to run."""
    text = TEXT.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"```bash\n(.*?)```", text, re.DOTALL)


def run(script: str, folder: Path, paths: dict[str, str], **environment: str) -> str:
    """Run a block with other paths."""
    for written, here in paths.items():
        assert written in script, written
        script = script.replace(written, here)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def submitted(url: str) -> str:
    """Run a job to its end, and give its id."""
    with Client(url) as client:
        job_id: str = client.submit_job(JOB)["id"]
        assert "succeeded" == wait_for_end(client, job_id, patience_seconds=60)["state"]
    return job_id


def kept(url: str, job_id: str) -> bytes:
    """Give the result of a job."""
    with Client(url) as client:
        (result,) = client.list_results(job_id)
        with client.get_result(job_id, result["id"]) as pieces:
            return b"".join(pieces)


def configured(folder: Path, room: Path, url: str) -> Path:
    """Write the configuration of a server that keeps everything in a room."""
    file = folder / "service.toml"
    file.write_text(CONFIGURATION.format(url=url, room=room), encoding="utf-8")
    return file


def test_every_block_is_run_or_marked() -> None:
    """The blocks that run are those of these tests; all others are text."""
    assert {"bash", "text"} == set(re.findall(r"^```(\w+)$", TEXT, re.MULTILINE))
    counts = {
        section: len(blocks(section)) for section in ("What to install", "Under systemd", "To back it up")
    }
    assert {"What to install": 1, "Under systemd": 1, "To back it up": 4} == counts
    assert sum(counts.values()) == TEXT.count("```bash\n")


def test_what_it_links_to_is_there() -> None:
    """Every link leads to a file of this repository."""
    links = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert [] == [link for link in links if not (PAGE.parent / link).exists()]


@pytest.mark.needs("openssl")
def test_the_files_are_installed(tmp_path: Path) -> None:
    """The unit, the account and the configuration are put where systemd looks, and the secrets are nobody else's."""
    (block,) = blocks("Under systemd")
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    run(block, tmp_path, {f"{before}/etc/": f"{before}{tmp_path}/etc/" for before in (" ", ">>", " >")})
    etc = tmp_path / "etc"
    assert {"common-compute@.service"} == {each.name for each in (etc / "systemd" / "system").iterdir()}
    assert (etc / "sysusers.d" / "common-compute.conf").is_file()
    check = f"{PROGRAM} config check {etc}/common-compute/service.toml"
    run(check, tmp_path, {}, CREDENTIALS_DIRECTORY=str(etc / "common-compute"))
    assert {0o600} == {
        (etc / "common-compute" / name).stat().st_mode & 0o777 for name in ("tokens", "secret")
    }


@pytest.mark.needs("sqlite3")
def test_a_backup_of_sqlite(tmp_path: Path) -> None:
    """A backup that is made while the server runs brings a job and its result back after all was lost."""
    back_up, _, restore, _ = blocks("To back it up")
    room = tmp_path / "room"
    room.mkdir()
    paths = {"/var/lib/common-compute": str(room), "/backup": f"{tmp_path}/backup"}
    configuration = configured(tmp_path, room, f"sqlite:///{room}/store.sqlite3")
    with serving(configuration) as url:
        job_id = submitted(url)
        run(back_up, tmp_path, paths)
    shutil.rmtree(room)
    room.mkdir()
    run(restore, tmp_path, paths)
    with serving(configuration) as url:
        assert b"kept" == kept(url, job_id)


@pytest.mark.needs("postgres")
def test_a_backup_of_postgresql(tmp_path: Path, postgres_cluster: str) -> None:
    """The same with PostgreSQL, into an empty database."""
    _, back_up, _, restore = blocks("To back it up")
    room = tmp_path / "room"
    room.mkdir()
    url = new_database(postgres_cluster, "backup")
    database = urlsplit(url).path.removeprefix("/")
    (host,) = parse_qs(urlsplit(postgres_cluster).query)["host"]
    programs = [str(each) for each in sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
    path = ":".join([*programs[-1:], os.environ["PATH"]])
    environment = {"PGHOST": host, "PGUSER": "postgres", "PATH": path}
    paths = {"/var/lib/common-compute": str(room), "/backup": f"{tmp_path}/backup"}
    configuration = configured(tmp_path, room, url)
    with serving(configuration) as address:
        job_id = submitted(address)
        run(back_up, tmp_path, {**paths, " common_compute": f" {database}"}, **environment)
    shutil.rmtree(room)
    room.mkdir()
    run(f"dropdb {database}; createdb {database}", tmp_path, {}, **environment)
    run(restore, tmp_path, {**paths, "=common_compute": f"={database}"}, **environment)
    with serving(configuration) as address:
        assert b"kept" == kept(address, job_id)


@pytest.mark.long
def test_it_is_installed_as_the_page_says(tmp_path: Path) -> None:
    """With Python's own venv and pip, and the wheel in the folder, the program is there."""
    (block,) = blocks("What to install")
    build(tmp_path, "--wheel")
    told = run(block, tmp_path, {"/opt/common-compute": f"{tmp_path}/opt"})
    assert told.startswith("common-compute ")
