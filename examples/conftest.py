"""Run the tests of the examples against a mock in this process, and once more against one that is served."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import requests


@dataclass
class SeenRequest:
    """A request, out of what a served mock tells of it."""

    told: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        """Give a member."""
        return self.told[name]

    @property
    def body(self) -> bytes:
        """The body."""
        return self.told["body"].encode()

    def header(self, name: str) -> str | None:
        """Give a header."""
        return next((value for key, value in self.told["headers"] if key == name.lower()), None)


class ServedMock:
    """A mock that is served on this machine, with its clock held, used as an InProcessMock is."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        arguments = ["--json", "--port", "0", "--clock", "held", "--until-stdin-closes"]
        arguments += [f"--flavour={name}" for name in settings.get("facilities", ())]
        arguments += [f"--scenario={name}" for name in settings.get("scenarios", ())]
        arguments += [f"--request-seconds={settings.get('request_seconds', 0)}"]
        arguments += ["--bearer"] if settings.get("bearer") else []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "common_compute_cli", "mock", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.url: str = ready["url"]
        self.tokens: Mapping[str, str] = ready.get("tokens", {})
        self.origin = self.url.removesuffix("/v1")
        self._control = requests.Session()

    @property
    def sent(self) -> list[SeenRequest]:
        """What clients sent, the oldest first."""
        answer = self._control.get(f"{self.origin}/mock/requests", params={"limit": 10_000}, timeout=60)
        return [SeenRequest(told) for told in answer.json()["requests"]]

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._ask("clock", {"advance_seconds": seconds})

    def reset(self) -> None:
        """Begin anew."""
        self._ask("reset", None)

    def close(self) -> None:
        """End it."""
        self._control.close()
        self._process.communicate(timeout=60)

    def _ask(self, what: str, body: Any) -> None:
        self._control.post(f"{self.origin}/mock/{what}", json=body, timeout=60).raise_for_status()


class ServedMocks:
    """At most two served mocks at a time: an ordinary one, and the latest that is set up in another way."""

    def __init__(self) -> None:
        self._served: dict[bool, tuple[Mapping[str, Any], ServedMock]] = {}

    def get(self, settings: Mapping[str, Any]) -> ServedMock:
        """Give one that is as new."""
        ordinary = not settings
        if ordinary in self._served:
            settings_before, mock = self._served[ordinary]
            if settings == settings_before:
                mock.reset()
                return mock
            mock.close()
        self._served[ordinary] = settings, ServedMock(settings)
        return self._served[ordinary][1]

    def close(self) -> None:
        """End those that are there."""
        for _, mock in self._served.values():
            mock.close()


@pytest.fixture(scope="session")
def served_mocks() -> Iterator[ServedMocks]:
    """Give what serves mocks."""
    mocks = ServedMocks()
    yield mocks
    mocks.close()


@pytest.fixture(params=["in process", pytest.param("served", marks=pytest.mark.real)])
def mock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a mock, set up as the marker `common_compute_mock` says: in this process, or served."""
    if request.param == "in process":
        return request.getfixturevalue("common_compute")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    marker = request.node.get_closest_marker("common_compute_mock")
    return request.getfixturevalue("served_mocks").get(marker.kwargs if marker else {})
