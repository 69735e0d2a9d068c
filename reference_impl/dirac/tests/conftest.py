"""What the tests of the DIRAC connector share."""

from __future__ import annotations

import asyncio
import base64
import bz2
import inspect
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector.protocol import FacilityConfiguration, Part, PartKey, Submission
from common_compute_dirac.describe import Facts
from common_compute_dirac.images import Image
from common_compute_dirac.jdl import LAUNCHER, OUTPUT
from common_compute_dirac.packing import pack_part
from common_compute_dirac.sandbox import Output, read_output
from common_compute_dirac.settings import Settings, Software, read_settings

NOWHERE: dict[str, Any] = {
    "interpreter": sys.executable,
    "configuration_server": "dips://dirac.example.org:9135/Configuration/Server",
    "ca_directory": "/",
    "vo": "cta",
    "group": "cta_user",
    "certificate": sys.executable,
    "subject_rule": "/O=Grid/CN={caller}",
}


@pytest.fixture
def configuration(tmp_path: Path) -> Callable[..., FacilityConfiguration]:
    """Give the maker of tables that are in order, for a DIRAC that is nowhere; None leaves a setting out."""
    key = tmp_path / "hostkey.pem"
    key.touch(mode=0o600)

    def make(**more: Any) -> FacilityConfiguration:
        table = {
            name: value for name, value in (NOWHERE | {"key": str(key)} | more).items() if value is not None
        }
        return FacilityConfiguration("grid", "dirac", table)

    return make


@pytest.fixture
def settings(configuration: Callable[..., FacilityConfiguration]) -> Callable[..., Settings]:
    """Give the maker of their settings."""
    return lambda **more: read_settings(configuration(**more))


SHELL = Software("posix-shell", "system", True)


class Worker:
    """A directory as DIRAC makes one for a job, in which tasks are run."""

    def __init__(self, directory: Path, settings: Callable[..., Settings]) -> None:
        self.directory = directory
        self.environment: dict[str, str] = {}
        self._settings = settings
        self._jobs = 0

    def files(
        self, spec: dict[str, Any], software: Software | Image = SHELL, count: int = 1, **more: Any
    ) -> dict[str, str]:
        """Give a part's sandbox."""
        part = Part(PartKey("job", 0), "alice", 0, count)
        facts = more.pop("facts", Facts())
        return pack_part(
            self._settings(kill_grace_seconds=1, **more), Submission(part, spec, count), software, facts
        )

    def run(
        self,
        spec: dict[str, Any],
        software: Software | Image = SHELL,
        place: str = "0",
        count: int = 1,
        **more: Any,
    ) -> Output:
        """Run a task, and read what it left."""
        self._jobs += 1
        slot = self.directory / str(self._jobs)
        slot.mkdir()
        for name, content in self.files(spec, software, count, **more).items():
            (slot / name).write_bytes(base64.b64decode(content))
        (slot / LAUNCHER).chmod(0o700)
        environment = {"PATH": os.environ["PATH"], "SECRET": "of the worker", **self.environment}
        with (slot / "cc-wrapper.err").open("wb") as errors:
            done = subprocess.run(
                [slot / LAUNCHER, place], cwd=slot, env=environment, stderr=errors, check=False
            )
        assert 0 == done.returncode
        home = io.BytesIO()
        with tarfile.open(fileobj=home, mode="w") as archive:
            for name in (OUTPUT, "cc-wrapper.err"):
                if (slot / name).exists():
                    archive.add(slot / name, name)
        return read_output(bz2.compress(home.getvalue()), 1 << 26)


@pytest.fixture
def worker(tmp_path: Path, settings: Callable[..., Settings]) -> Worker:
    """Give a worker."""
    return Worker(tmp_path, settings)


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run tests that are coroutines, each on an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True
