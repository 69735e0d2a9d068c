"""What the tests of foreign clients share: npm's programs, and live mocks."""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

HERE = Path(__file__).parent
CONTRACT = HERE.parents[2] / "spec" / "openapi.yaml"


@dataclass(frozen=True)
class LiveMock:
    """A mock that runs as a process: its base URL, and the tokens of the callers whom it knows."""

    url: str
    tokens: Mapping[str, str]

    @property
    def origin(self) -> str:
        """Give what stands before every path."""
        return self.url.removesuffix("/v1")

    def advance(self, seconds: float) -> None:
        """Let time pass on its held clock."""
        with httpx.Client(trust_env=False, timeout=60) as client:
            client.post(f"{self.origin}/mock/clock", json={"advance_seconds": seconds}).raise_for_status()


@contextmanager
def _live_mock(*options: str) -> Iterator[LiveMock]:
    command = [sys.executable, "-m", "common_compute_cli", "mock", "--json", "--until-stdin-closes", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the mock ended before it was ready"
        try:
            told = json.loads(line)
            yield LiveMock(told["url"], told.get("tokens", {}))
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def live_mock() -> Callable[..., AbstractContextManager[LiveMock]]:
    """Give what runs a mock with the options of the command, for as long as a `with` lasts."""
    return _live_mock


@pytest.fixture(scope="module")
def held_mock() -> Iterator[LiveMock]:
    """Run a mock whose time passes only while a request waits."""
    with _live_mock("--clock", "held") as mock:
        yield mock


@pytest.fixture(scope="session")
def contract() -> Path:
    """Give the contract's file."""
    return CONTRACT


@pytest.fixture(scope="session")
def npm_programs() -> Path:
    """Give the directory of the programs that `package-lock.json` names, installed when it has changed."""
    installed = HERE / "node_modules"
    mark = installed / ".installed"
    lock_file = HERE / "package-lock.json"
    wanted = hashlib.sha256(lock_file.read_bytes()).hexdigest()
    with lock_file.open("rb") as lock:
        # Two processes of a test run that install at once remove each other's files.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != wanted:
            subprocess.run(["npm", "ci", "--silent"], cwd=HERE, check=True, timeout=240)
            mark.write_text(wanted)
    return installed / ".bin"


@pytest.fixture(scope="session")
def conversation() -> ModuleType:
    """Give the conversation, which lies beside the tests of the mocks."""
    return _loaded(HERE.parent / "conversation.py")


@pytest.fixture(scope="session")
def wire_party() -> Any:
    """Give the party that sends over the wire."""
    return _loaded(HERE / "wire_party.py").WireParty


@pytest.fixture(scope="session")
def prism_party() -> ModuleType:
    """Give the party that sends through Prism."""
    return _loaded(HERE / "prism_party.py")


def _loaded(file: Path) -> ModuleType:
    # Modules beside tests are on no path that Python knows, so that they shadow nothing.
    spec = util.spec_from_file_location(f"mocks_tests_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
