"""A configuration becomes a service, or sentences."""

import asyncio
import tomllib
from pathlib import Path

import httpx
import pytest

from common_compute_connector.assembly import assemble
from common_compute_connector.clock import SystemClock
from common_compute_connector.configuration import Configuration, configuration_of
from common_compute_connector.errors import ConfigurationError

MOCK = '[[facility]]\nid = "{}"\nconnector = "mock"\nflavour = "{}"\n'
HEAD = '[service]\nid = "org.example"\n[store]\nurl = "sqlite:///data/s.sqlite3"\nresults = "results"\n'


def _configuration(text: str, directory: Path) -> Configuration:
    return configuration_of(tomllib.loads(HEAD + text), directory, {})


def test_a_service_starts_answers_and_stops(tmp_path: Path) -> None:
    """Started by its lifespan, a service of two facilities answers, and ends when it is told to."""
    app = assemble(
        _configuration(MOCK.format("a", "rosetta") + MOCK.format("b", "dirac"), tmp_path), SystemClock()
    )
    told: list[str] = []

    async def story() -> list[str]:
        events: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        is_up = asyncio.Event()

        async def send(message: dict[str, str]) -> None:
            told.append(message["type"])
            is_up.set()

        events.put_nowait({"type": "lifespan.startup"})
        living = asyncio.create_task(app({"type": "lifespan"}, events.get, send))  # type: ignore[arg-type]
        await is_up.wait()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x/v1") as client:
            listed = (await client.get("/facilities")).json()["facilities"]
        events.put_nowait({"type": "lifespan.shutdown"})
        await living
        return [facility["id"] for facility in listed]

    assert ["a", "b"] == asyncio.run(story())
    assert ["lifespan.startup.complete", "lifespan.shutdown.complete"] == told


def test_the_service_says_which_issuers_it_trusts(tmp_path: Path) -> None:
    """What a client needs to get a token stands in the service's own document."""
    access = '[access]\nkind = "bearer"\naudience = "aud"\n[[access.issuer]]\nurl = "https://i.example/"\n'
    app = assemble(_configuration(access + MOCK.format("a", "rosetta"), tmp_path), SystemClock())

    async def story() -> dict[str, object]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x/v1") as client:
            answer: dict[str, object] = (await client.get("/service-info")).json()["access"]
        await app.stop()
        return answer

    scopes = ["compute.cancel", "compute.create", "compute.modify", "compute.read"]
    assert {
        "kind": "bearer",
        "issuers": ["https://i.example/"],
        "audience": "aud",
        "scopes": scopes,
    } == asyncio.run(story())


def test_faults_of_all_facilities_are_told(tmp_path: Path) -> None:
    """Each connector's own words about its settings are there at once."""
    text = MOCK.format("a", "nothing") + MOCK.format("b", "nothing")

    with pytest.raises(ConfigurationError) as raised:
        assemble(_configuration(text, tmp_path), SystemClock())
    assert 2 == len(raised.value.faults)
    assert all("nothing" in fault for fault in raised.value.faults)


def test_the_database_is_nobody_else_s(tmp_path: Path) -> None:
    """The directories that are made are for the server's account alone."""
    app = assemble(_configuration(MOCK.format("a", "rosetta"), tmp_path), SystemClock())
    asyncio.run(app.stop())

    assert [0, 0] == [(tmp_path / name).stat().st_mode & 0o077 for name in ("data", "results")]
