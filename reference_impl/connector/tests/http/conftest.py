"""A service with a facility in the test's hand, spoken to over ASGI, on a clock that the test holds."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from common_compute_connector.access import SCOPES, Access, BearerAccess, OpenAccess
from common_compute_connector.app import App, create_app
from common_compute_connector.clock import HeldClock
from common_compute_connector.configuration import ServiceLimits, ServiceSettings
from common_compute_connector.dispatcher import Dispatcher
from common_compute_connector.errors import EnrolmentNotSupported, FacilityUnavailable
from common_compute_connector.facilities import Facilities
from common_compute_connector.jobs import Reason, State
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    Collected,
    Enrolment,
    LogBytes,
    LogSlice,
    Observation,
    Pace,
    ResultBytes,
    ResultSent,
    TaskSeen,
)
from common_compute_connector.service import Service
from common_compute_connector.store import Store
from common_compute_connector.tokens.static_tokens import StaticTokens

SOFTWARE = [
    {"name": "shell", "version": "2", "default": True},
    {"name": "shell", "version": "1", "default": False},
    {"name": "python", "version": "3", "default": True},
]


def _document(facility_id: str, classes: Sequence[str]) -> dict[str, Any]:
    return {
        "id": facility_id,
        "name": "Hand",
        "description": "Does what the test says.",
        "kind": "test",
        "conforms_to": list(classes),
        "architectures": ["amd64"],
        "scheduler": {"kind": "none"},
        "container_runtimes": [],
        "queues": [],
        "storage": [],
        "input_url_schemes": ["https"],
        "resources": {"cpu_cores": {"support": "enforced", "max": 4}},
        "limits": {
            "max_array_tasks": 10,
            "max_inline_total_bytes": 1000,
            "max_environment_bytes": 1000,
            "result_retention_seconds": 1000,
            "stale_after_seconds": 60,
        },
        "reason_codes": ["exit-nonzero"],
        "credential": {"kind": "ssh_key", "delegation": "user", "instructions": "Put the key there."},
        "probe": {"installed": {"kind": "installed", "name": "shell"}},
    }


CLASSES = ("core", "software", "arrays", "ranges", "live-logs", "staging", "credentials")


@dataclass
class HandFacility:
    """A facility that does nothing by itself: the test says what becomes of each job."""

    facility_id: str = "hand"
    classes: Sequence[str] = CLASSES
    states: dict[str, TaskSeen] = field(default_factory=dict)
    """What is seen of every task of a job; nothing is seen of a job that is not here."""
    files: dict[str, bytes] = field(default_factory=lambda: {"out.txt": b"0123456789"})
    logs: dict[str, bytes | None] = field(default_factory=lambda: {"stdout": b"hello\n", "stderr": b""})
    down: bool = False
    enrols: bool = True
    pace: Pace = field(default_factory=lambda: Pace(appears_within_seconds=1, observe_every_seconds=1))
    max_tasks_per_part: int = 4
    bound_to_host: bool = False
    shares_server_account: bool = False

    def ends(self, job_id: str, state: State = State.SUCCEEDED) -> None:
        """Let a job end."""
        failed = state is not State.SUCCEEDED
        reason = (
            Reason("cancelled-by-user" if state is State.CANCELLED else "exit-nonzero") if failed else None
        )
        code = 1 if state is State.FAILED else 0 if state is State.SUCCEEDED else None
        self.states[job_id] = TaskSeen(0, state, exit_code=code, reason=reason)

    def runs(self, job_id: str) -> None:
        """Let a job run."""
        self.states[job_id] = TaskSeen(0, State.RUNNING)

    async def describe(self) -> dict[str, Any]:
        return _document(self.facility_id, self.classes)

    async def list_software(self) -> list[dict[str, Any]]:
        return SOFTWARE

    async def submit(self, batch: Any) -> list[Accepted]:
        self._reached()
        return [Accepted(one.part.key, "native") for one in batch]

    async def find(self, parts: Any) -> list[Absent]:
        self._reached()
        return [Absent(part.key) for part in parts]

    async def observe(self, parts: Any) -> list[Observation]:
        self._reached()
        return [
            Observation(
                live.part.key,
                [
                    TaskSeen(index, seen.state, exit_code=seen.exit_code, reason=seen.reason)
                    for index in live.live
                    if (seen := self.states.get(live.part.key.job_id, TaskSeen(0, State.QUEUED)))
                ],
            )
            for live in parts
        ]

    async def cancel(self, parts: Any) -> None:
        self._reached()
        for live in parts:
            self.ends(live.part.key.job_id, State.CANCELLED)

    async def collect(self, ended: Any) -> AsyncIterator[Any]:
        self._reached()
        for task in ended:
            key = task.part.key
            for stream, text in self.logs.items():
                if text is not None:
                    yield LogBytes(key, task.index, stream, _chunks(text))  # type: ignore[arg-type]
            for path, content in self.files.items():
                rule = next((rule for rule in task.outputs if rule.matches(path)), None)
                if rule is not None and rule.destination_url is not None:
                    where = rule.destination_url.partition("?")[0]
                    yield ResultSent(key, task.index, path, len(content), sha256(content).hexdigest(), where)
                elif rule is not None:
                    yield ResultBytes(key, task.index, path, _chunks(content))
            yield Collected(key, task.index)

    async def read_log(self, part: Any, index: int, stream: str, start: int, stop: int | None) -> LogSlice:
        self._reached()
        text = self.logs[stream] or b""
        return LogSlice(len(text), _chunks(text[start:stop]))

    async def release(self, parts: Any) -> list[Any]:
        return [part.key for part in parts]

    async def enrol(self, owner: str, request: Any, held: Enrolment | None) -> Enrolment:
        if not self.enrols:
            raise EnrolmentNotSupported
        return held or self._enrolment(owner, "valid")

    async def check_enrolment(self, owner: str, held: Enrolment | None) -> Enrolment:
        return held or self._enrolment(owner, "missing")

    async def withdraw(self, held: Enrolment) -> None:
        pass

    async def close(self) -> None:
        pass

    def _enrolment(self, owner: str, state: str) -> Enrolment:
        observed = {"observed_at": "2026-01-01T00:00:00Z", "instructions": "Put the key there."}
        return Enrolment(owner, {"kind": "ssh_key", "state": state, **observed})

    def _reached(self) -> None:
        if self.down:
            raise FacilityUnavailable(self.facility_id, "nobody there", 30)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 3):
        yield content[at : at + 3]


class House:
    """One running service with its event loop; `ask` is one HTTP request."""

    def __init__(
        self, directory: Path, access: Access, facilities: Sequence[HandFacility], settings: ServiceSettings
    ) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = HeldClock()
        self.hand = facilities[0]
        self.store = Store.open(f"sqlite:///{directory / 'store.sqlite3'}", directory / "results", self.clock)
        known = Facilities(list(facilities), self.clock)  # type: ignore[arg-type]
        self.dispatcher = Dispatcher(self.store, known, self.clock)
        limits = ServiceLimits(max_request_bytes=4096, max_wait_seconds=30, max_page_size=1000)
        self.app: App = create_app(
            Service(settings, limits, access, self.store, known, self.dispatcher, self.clock)
        )
        self.run(self.dispatcher.open())
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=("192.0.2.1", 1))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://service.example/v1")

    def run(self, work: Any) -> Any:
        """Run a coroutine on the house's loop."""
        return self.loop.run_until_complete(work)

    def ask(self, method: str, path: str, token: str | None = None, **arguments: Any) -> httpx.Response:
        """Send one request; a path that begins with `//` lies beside the base path."""
        url = "http://service.example" + path[1:] if path.startswith("//") else path
        headers = dict(arguments.pop("headers", {}))
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        response: httpx.Response = self.run(self.client.request(method, url, headers=headers, **arguments))
        return response

    def submit(self, token: str | None = None, **changes: Any) -> str:
        """Submit a job and give its id."""
        response = self.ask("POST", "/jobs", token, json={**SPEC, **changes})
        assert 201 == response.status_code, response.text
        job_id: str = response.json()["id"]
        return job_id

    def step(self, seconds: float = 1) -> None:
        """Let time pass and the dispatcher do what is due."""
        self.clock.advance(seconds)
        self.run(self.dispatcher.step())

    def ended(self, token: str | None = None, state: State = State.SUCCEEDED, **changes: Any) -> str:
        """Submit a job and let it end."""
        job_id = self.submit(token, **changes)
        self.hand.ends(job_id, state)
        self.step()
        return job_id

    def close(self) -> None:
        """Stop everything."""
        self.run(self.client.aclose())
        self.run(self.dispatcher.stop())
        self.run(self.app.stop())
        self.loop.close()


SPEC: dict[str, Any] = {
    "facility_id": "hand",
    "software": {"kind": "installed", "name": "shell"},
    "command": ["true"],
}

ALICE, BOB, READER = "token-of-alice-1234", "token-of-bob-123456", "token-of-a-reader-1"


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Make houses; they are closed after the test."""
    made: list[House] = []

    def make(
        *, bearer: bool = False, facilities: Sequence[HandFacility] | None = None, **settings: Any
    ) -> House:
        access: Access = OpenAccess()
        if bearer:
            path = tmp_path / "tokens"
            path.write_text(f"{ALICE} alice\n{BOB} bob\n{READER} alice compute.read\n")
            path.chmod(0o600)
            access = BearerAccess([StaticTokens.read(path)], {"scopes": sorted(SCOPES)})
        directory = tmp_path / f"house{len(made)}"
        directory.mkdir()
        service = ServiceSettings(id="org.example.test", name="Test", **settings)
        made.append(House(directory, access, facilities or [HandFacility()], service))
        return made[-1]

    yield make
    for house in made:
        house.close()


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """Give a service of open access."""
    return make_house()


@pytest.fixture
def guarded(make_house: Callable[..., House]) -> House:
    """Give a service of bearer access; `alice`, `bob` and `reader` are its tokens."""
    plain = [name for name in CLASSES if name != "credentials"]
    house = make_house(bearer=True, facilities=[HandFacility(classes=plain)])
    house.alice, house.bob, house.reader = ALICE, BOB, READER  # type: ignore[attr-defined]
    return house


@pytest.fixture
def hand() -> type[HandFacility]:
    """Give the class of facilities in the test's hand."""
    return HandFacility


@pytest.fixture
def spec() -> dict[str, Any]:
    """Give a job specification that the facility accepts."""
    return dict(SPEC)
