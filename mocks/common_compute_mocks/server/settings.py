"""How a mock service is set up: its facilities, what happens there, its clock and where its state is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from common_compute_connector.access import ANONYMOUS
from common_compute_connector.clock import Clock, HeldClock, ScaledClock
from common_compute_connector.configuration import Configuration, configuration_of
from common_compute_connector.errors import ConfigurationError
from common_compute_mocks import flavours, histories
from common_compute_mocks.server.choice import Choice, choose
from common_compute_mocks.server.crowd import crowd
from common_compute_mocks.server.past_jobs import PastJob

TOKENS: Mapping[str, str] = {"anna": "mock-token-of-anna", "bert": "mock-token-of-bert"}
"""The tokens of the two callers whom a mock with bearer access knows; they guard nothing."""


@dataclass(frozen=True, slots=True)
class MockSettings:
    """What a mock service is like.

    `scenarios` are names of the catalogue or paths of files; `database` keeps the state of a mock across
    restarts; `request_seconds` is what each request takes of a held clock's time.

    Raises:
        ConfigurationError: a facility is none of the flavours, a scenario is unknown, or a file is faulty.
    """

    facilities: Sequence[str] = field(default_factory=lambda: tuple(flavours.names()))
    scenarios: Sequence[str] = ()
    seed: int = 0
    held: bool = False
    speed: float = 1.0
    bearer: bool = False
    database: Path | None = None
    request_seconds: float = 0.0
    choice: Choice = field(init=False)

    def __post_init__(self) -> None:
        """Read the scenarios, and check the facilities."""
        if unknown := [name for name in self.facilities if name not in flavours.names()]:
            known = ", ".join(flavours.names())
            raise ConfigurationError([f"There is no flavour {name!r}: take of {known}." for name in unknown])
        object.__setattr__(self, "choice", choose(self.scenarios))

    @property
    def name(self) -> str:
        """What this mock is called."""
        return "-".join(["mock", *self.facilities])

    def configuration(self, room: Path) -> Configuration:
        """Write the ground's configuration."""
        database = self._database(room)
        service: dict[str, Any] = {
            "id": f"org.example.common-compute.{self.name}",
            "name": f"Common Compute mock: {', '.join(self.facilities)}",
            "description": "Nothing is executed: facilities in memory stand for real ones.",
        }
        if "requests_per_minute" in self.choice.service:
            service["requests_per_minute"] = self.choice.service["requests_per_minute"]
        table = {
            "service": service,
            "store": {"url": f"sqlite:///{database}", "results": f"{database}.results"},
            "facility": [
                {
                    "id": flavour,
                    "connector": "mock",
                    "flavour": flavour,
                    "seed": self.seed,
                    **self.choice.of_facility,
                }
                for flavour in self.facilities
            ],
        }
        if self.bearer:
            table["access"] = {"kind": "bearer", "tokens_file": str(_write_tokens(room))}
        return configuration_of(table, Path())

    def absence(self, clock: Clock) -> Callable[[], bool] | None:
        """Give the question whether the service's own store is away now; None if it never is."""
        window = self.choice.service.get("unavailable")
        if window is None:
            return None
        begins = clock.now() + timedelta(seconds=window.get("after_seconds", 0))
        ends = begins + timedelta(seconds=window["for_seconds"])
        return lambda: begins <= clock.now() < ends

    def clock(self, room: Path) -> Clock:
        """Make the mock's clock; a held one goes on where it stood, with ids that were never given."""
        if not self.held:
            return ScaledClock(self.speed)
        kept = self._beside_database(room)(".clock")
        if not kept.exists():
            return HeldClock(seed=self.seed)
        stood = json.loads(kept.read_text())
        return HeldClock(datetime.fromisoformat(stood["now"]), self.seed + 1_000_003 * stood["starts"])

    def keep_clock(self, clock: Clock, room: Path) -> None:
        """Keep where a held clock stands, for a mock that goes on later."""
        if self.held and self.database is not None:
            kept = self._beside_database(room)(".clock")
            starts = json.loads(kept.read_text())["starts"] if kept.exists() else 0
            kept.write_text(json.dumps({"now": clock.now().isoformat(), "starts": starts + 1}))

    def past_jobs(self, now: datetime) -> list[PastJob]:
        """Make up the jobs that are there before the mock starts, the oldest first."""
        owner = next(iter(TOKENS)) if self.bearer else ANONYMOUS.owner
        count = self.choice.service.get("jobs_already_there", 0) // len(self.facilities)
        history = self.choice.service.get("history")
        jobs: list[PastJob] = []
        for name in self.facilities:
            flavour = flavours.load(name)
            jobs += crowd(flavour, name, owner, count, now, self.seed)
            if history is not None:
                jobs += histories.past_jobs(history, flavour, name, owner, now)
        return jobs

    def has_no_state(self, room: Path) -> bool:
        """Tell whether nothing is kept of an earlier run."""
        return not self._database(room).exists()

    def remove_state(self, room: Path) -> None:
        """Remove database, results and clock."""
        for kept in map(self._beside_database(room), ("", "-wal", "-shm", ".clock", ".results")):
            if kept.is_dir():
                shutil.rmtree(kept)
            else:
                kept.unlink(missing_ok=True)

    def _database(self, room: Path) -> Path:
        return (self.database or room / "store.sqlite3").absolute()

    def _beside_database(self, room: Path) -> Callable[[str], Path]:
        database = self._database(room)
        return lambda suffix: database.with_name(database.name + suffix)


def _write_tokens(room: Path) -> Path:
    tokens = room / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text("".join(f"{token} {caller}\n" for caller, token in TOKENS.items()))
    return tokens
