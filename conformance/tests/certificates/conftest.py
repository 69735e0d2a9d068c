"""Real certificates of every verdict, of servers in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from common_compute_conformance.certificate import Certificate
from common_compute_conformance.reporting.publication import write
from common_compute_conformance.runner import certify
from common_compute_mutants import houses
from common_compute_mutants.exchange import Answer, Forward, Request, Twist
from common_compute_mutants.registry import Mutant

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(2)> \x1b[31m \u202e {{ 7 * 7 }} größe"


async def wrong_in_many_ways(request: Request, forward: Forward) -> Answer:
    """Spoil results, ignore a filter, and speak in hostile texts."""
    if request.is_call("GET", "jobs"):
        request = request.without_parameter("state")
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "results", "*") and answer.status == 200:
        return replace(answer, body=answer.body.replace(b",", b";"))
    if request.is_call("GET", "service-info"):
        return answer.edited(lambda info: info.update(name=HOSTILE, description=HOSTILE))
    if answer.status >= 400 and request.goes_to("jobs"):
        return answer.edited(lambda problem: problem.update(code="no-such-code", detail=HOSTILE))
    return answer


async def echo_the_token(request: Request, forward: Forward) -> Answer:
    """Show everybody's token in headers, problems and jobs, and where nobody asked for it."""
    token = request.header("authorization") or ""
    answer = (await forward(request)).with_header("x-echo", token)
    if request.goes_to("jobs") or request.goes_to("jobs", "*"):
        return answer.edited(lambda document: document.update(detail=token, name=token, title=[token]))
    return answer


async def without_facilities(request: Request, forward: Forward) -> Answer:
    """Have no facility, so that the smoke stage stops."""
    answer = await forward(request)
    if request.is_call("GET", "facilities"):
        return answer.with_json({"facilities": []})
    return answer


def _certify(
    twist: Twist | None = None, *, house: str = "rosetta", only: tuple[str, ...] = ()
) -> Certificate:
    mutant = Mutant("wrong", "CC-JOB-007", "It is wrong.", house, twist=twist) if twist else None
    with houses.running(house, mutant) as running:
        return certify(
            running.url,
            token=running.token,
            other_token=running.other_token,
            only=only,
            patience=60,
            seed=1,
        )


_MADE: dict[str, Callable[[], Certificate]] = {
    "certified": _certify,
    "certified, guarded": lambda: _certify(house="guarded"),
    "refused": lambda: _certify(wrong_in_many_ways),
    "stopped": lambda: _certify(without_facilities),
    "partial-passed": lambda: _certify(only=("CC-SVC-001", "CC-RES-002")),
    "partial-failed": lambda: _certify(wrong_in_many_ways, only=("CC-JOB-007", "CC-JOB-044", "CC-VAL-003")),
}
KINDS = tuple(_MADE)


@cache
def made(kind: str) -> Certificate:
    """Return a certificate of this kind, made once."""
    return _MADE[kind]()


@pytest.fixture(params=KINDS)
def certificate(request: pytest.FixtureRequest) -> Certificate:
    """Give a certificate of each kind."""
    return made(request.param)


@pytest.fixture
def refused() -> Certificate:
    """Give the certificate of a server that is wrong in many ways."""
    return made("refused")


@pytest.fixture
def certified() -> Certificate:
    """Give the certificate of a right server."""
    return made("certified")


@pytest.fixture
def partial() -> Certificate:
    """Give the certificate of a partial run on a right server."""
    return made("partial-passed")


@pytest.fixture
def guarded() -> Certificate:
    """Give the certificate of a right server that asks for tokens."""
    return made("certified, guarded")


@pytest.fixture
def echoing() -> Certificate:
    """Give the certificate of a server that shows the callers' tokens."""
    only = ("CC-JOB-005", "CC-JOB-021", "CC-ERR-002", "CC-SVC-012", "CC-ACC-004")
    return _certify(echo_the_token, house="guarded", only=only)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Certificate, str], Path]:
    """Give a function that writes a certificate into a folder of this name, and returns its file."""

    def write_it(certificate: Certificate, name: str) -> Path:
        return write(certificate, tmp_path / name)[0]

    return write_it
