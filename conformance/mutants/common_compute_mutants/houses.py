"""Run a right server in this process, as it is or with one mutant in it.

rosetta    the mock in that flavour, open to everybody: containers and nothing else, live logs
dirac      the mock in that flavour, open to everybody: installed software, backend parameters, no live logs,
           deaths by signal told as exit codes, several versions of what is probed
guarded    rosetta behind bearer tokens, with two callers
enrolled   guarded, at a facility where callers set up an ssh key, and which takes inputs from URLs
"""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from common_compute_connector import assembly
from common_compute_connector.app import create_app
from common_compute_connector.clock import SystemClock
from common_compute_connector.configuration import configuration_of
from common_compute_connector.dispatcher import Dispatcher
from common_compute_connector.facilities import Facilities, StoredEnrolments
from common_compute_connector.http.server_protocol import HttpProtocol
from common_compute_connector.logs import configure_logs
from common_compute_connector.protocol import Ground
from common_compute_connector.service import Service
from common_compute_connector.store import Store
from common_compute_mocks import flavours
from common_compute_mocks.facility import MockFacility
from common_compute_mutants.enrolment import EnrollingFacility
from common_compute_mutants.registry import Mutant
from common_compute_mutants.twisted import Twisted

ANNA, BERT = "token-of-anna-4711", "token-of-bert-0815"
HOUSES = ("rosetta", "dirac", "guarded", "enrolled")
_BRISK = 0.4
"""Of the flavour's own pace: a mutant's jobs need not take their time."""


@dataclass(frozen=True)
class House:
    """A server that runs: its base URL, and the tokens of two callers where it asks for tokens.

    `troubles` grows by what a mutant's twist itself breaks with.
    """

    url: str
    token: str | None = None
    other_token: str | None = None
    troubles: list[str] = field(default_factory=list)


@contextmanager
def running(house: str, mutant: Mutant | None = None) -> Iterator[House]:
    """Run the right server of this name until the end of the `with`, with a mutant in it if one is given."""
    configure_logs(logging.CRITICAL)  # a mutant's trouble is for the kit to find, not for a log
    guarded = house in ("guarded", "enrolled")
    with tempfile.TemporaryDirectory(prefix="common-compute-mutant-") as room:
        app: ASGIApp = _app(house, mutant, Path(room), guarded=guarded)
        troubles: list[str] = []
        if mutant is not None and mutant.twist is not None:
            app = twisted = Twisted(app, mutant.twist, mutant.base)
            troubles = twisted.troubles
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            http=HttpProtocol,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            port = server.port()
            url = f"http://127.0.0.1:{port}{mutant.base if mutant else '/v1'}"
            token, other_token = (ANNA, BERT) if guarded else (None, None)
            yield House(url, token, other_token, troubles)
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    """A server in a thread that tells its port once it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ready = threading.Event()

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Start, and tell it."""
        await super().startup(sockets)
        self._ready.set()

    def port(self) -> int:
        """Return the port once the server listens there."""
        if not self._ready.wait(30) or not self.started:
            raise RuntimeError("the server of a mutant did not start")
        return int(self.servers[0].sockets[0].getsockname()[1])


def _app(house: str, mutant: Mutant | None, room: Path, *, guarded: bool) -> ASGIApp:
    flavour = "dirac" if house == "dirac" else "rosetta"
    tokens = room / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text(f"{ANNA} anna\n{BERT} bert\n")
    configuration = configuration_of(
        {
            "service": {"id": "org.example.right", "name": "A right server"},
            "store": {"url": f"sqlite:///{room / 'store.sqlite3'}", "results": str(room / "results")},
            "facility": [{"id": flavour, "connector": "mock", "flavour": flavour}],
            **({"access": {"kind": "bearer", "tokens_file": str(tokens)}} if guarded else {}),
        },
        room,
    )
    clock = SystemClock()
    access = assembly.open_access(configuration.access, clock)
    store = Store.open(configuration.store.url, configuration.store.results, clock)
    ground = Ground(clock, StoredEnrolments(store, flavour), configuration.service.id)
    facility: Any = MockFacility(flavour, _brisk(flavour), ground, 0, "succeeds")
    if house == "enrolled":
        facility = EnrollingFacility(facility)
    if mutant is not None and mutant.wrap is not None:
        facility = mutant.wrap(facility)
    facilities = Facilities([facility], clock)
    dispatcher = Dispatcher(store, facilities, clock)
    service = Service(
        configuration.service, configuration.limits, access, store, facilities, dispatcher, clock
    )
    return create_app(service)


def _brisk(name: str) -> flavours.Flavour:
    flavour = flavours.load(name)
    life = tuple(replace(step, seconds=step.seconds * _BRISK) for step in flavour.life)
    # Whose mutants are about credentials adds that class itself; the others need not wait for one.
    facility = {**flavour.facility, "conforms_to": _without("credentials", flavour.facility["conforms_to"])}
    if name == "dirac":
        facility["reason_codes"] = _without("signal", facility["reason_codes"])
        # The shell is there in one version only, and versions are to be told apart.
        facility["probe"] = {"installed": {"kind": "installed", "name": "ctapipe"}}
        return replace(flavour, life=life, facility=facility)
    # What a facility without a class has to refuse is asked of one that lacks it.
    facility["conforms_to"] = _without("software", facility["conforms_to"])
    facility["probe"] = {"container": facility["probe"]["container"]}
    return replace(flavour, life=life, facility=facility, software=())


def _without(word: str, words: list[str]) -> list[str]:
    return [each for each in words if each != word]
