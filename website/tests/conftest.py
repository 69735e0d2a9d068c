"""The site as the tests see it: built once, in one folder for all processes of a run."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

WEBSITE = Path(__file__).parents[1]
AXE = WEBSITE / "tests" / "axe"
_BUILD = """
import sys
from pathlib import Path
from common_compute_website.build import build
build(Path(sys.argv[1]), Path(sys.argv[2]))
"""


class Built(NamedTuple):
    """The folder of the built site, and that of the pages it was made of."""

    site: Path
    pages: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Built:
    """Build the site, or take what another process of this run has built."""
    base = tmp_path_factory.getbasetemp()
    place = (base if worker_id == "master" else base.parent) / "website"
    place.mkdir(exist_ok=True)
    found = Built(place / "site", place / "room" / "pages")
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "done").exists():
            command = [sys.executable, "-c", _BUILD, found.site, place / "room"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=240)
            assert 0 == done.returncode, done.stdout + done.stderr
            (place / "done").touch()
    return found


@pytest.fixture(scope="session")
def axe() -> str:
    """Give the source of axe-core, installed when its lock has changed."""
    mark, lock_file = AXE / "node_modules" / ".installed", AXE / "package-lock.json"
    wanted = hashlib.sha256(lock_file.read_bytes()).hexdigest()
    with lock_file.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != wanted:
            subprocess.run(
                ["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=AXE, check=True, timeout=120
            )
            mark.write_text(wanted)
    return (AXE / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def site(built: Built) -> Path:
    """Give the folder of the built site."""
    return built.site


@pytest.fixture(scope="session")
def pages(built: Built) -> Path:
    """Give the folder of the pages that the site was made of."""
    return built.pages
