"""Waiting: held answers where the server has them, polls elsewhere, patience, and a server that is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from common_compute_cli import pace
from common_compute_cli.client import Client
from common_compute_cli.errors import NeverEnded, NothingAnswers
from common_compute_cli.waiting import wait_for_end

Step = str | Exception | None


class Time:
    """A clock that passes only in pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Put a clock of the test's in place of the machine's."""
    time = Time()
    monkeypatch.setattr(pace, "now", lambda: time.now)
    monkeypatch.setattr(pace, "sleep", time.sleep)
    return time


def server(
    steps: Iterator[Step], *, holds: int, time: Time
) -> tuple[Callable[[httpx.Request], httpx.Response], list[httpx.Request]]:
    """Give a server whose one job goes through these states; None is no news."""
    seen: list[httpx.Request] = []
    current: dict[str, Any] = {"state": "pending", "version": 0}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/service-info"):
            classes = ["core", "watch"] if holds else ["core"]
            return httpx.Response(
                200, json={"conforms_to": classes, "limits": {"max_wait_seconds": holds or 60}}
            )
        seen.append(request)
        step = next(steps)
        if isinstance(step, Exception):
            raise step
        if step is None and "If-None-Match" in request.headers:
            time.sleep(float(request.url.params.get("wait_seconds", 0)))
            return httpx.Response(304, headers={"ETag": f'W/"{current["version"]}"'})
        current.update(state=step, version=current["version"] + 1)
        job = {"id": "j", "state": step}
        return httpx.Response(200, json=job, headers={"ETag": f'W/"{current["version"]}"'})

    return answer, seen


def client(answer: Callable[[httpx.Request], httpx.Response]) -> Client:
    """Give a client of the server."""
    return Client("http://127.0.0.1:9/v1", transport=httpx.MockTransport(answer))


def test_a_server_that_watches_is_asked_to_hold_its_answer(time: Time) -> None:
    """With the class watch every question after the first has the ETag and a wait, and nothing is polled."""
    answer, seen = server(iter(["queued", "running", None, "succeeded"]), holds=60, time=time)
    changes: list[str] = []
    job = wait_for_end(client(answer), "j", on_change=lambda job: changes.append(job["state"]))
    assert ("succeeded", ["queued", "running", "succeeded"]) == (job["state"], changes)
    assert [None, "20", "20", "20"] == [request.url.params.get("wait_seconds") for request in seen]
    assert [None, 'W/"1"', 'W/"2"', 'W/"2"'] == [request.headers.get("If-None-Match") for request in seen]
    assert 20.0 == time.now


def test_a_server_that_does_not_watch_is_polled_ever_more_slowly(time: Time) -> None:
    """Without the class no wait is asked for, and the pauses grow while there is no news."""
    answer, seen = server(iter(["queued", *[None] * 20, "succeeded"]), holds=0, time=time)
    wait_for_end(client(answer), "j")
    assert 22 == len(seen)
    assert {None} == {request.url.params.get("wait_seconds") for request in seen}
    assert 30 < time.now < 80


def test_a_job_that_has_ended_is_given_at_once(time: Time) -> None:
    """A terminal state needs one question and no pause."""
    answer, seen = server(iter(["failed"]), holds=60, time=time)
    assert "failed" == wait_for_end(client(answer), "j")["state"]
    assert (1, 0.0) == (len(seen), time.now)


@pytest.mark.parametrize("holds", [0, 60])
def test_patience_ends_the_wait_and_not_the_job(holds: int, time: Time) -> None:
    """When the patience is over the state is told, and nothing but questions was asked."""
    answer, seen = server(iter(["running", *[None] * 99]), holds=holds, time=time)
    with pytest.raises(NeverEnded) as error:
        wait_for_end(client(answer), "j", patience_seconds=30)
    assert ("running", True) == (error.value.state, 30 <= time.now < 31)
    assert {"GET"} == {request.method for request in seen}


def test_a_restart_of_the_server_is_waited_for(time: Time) -> None:
    """Refused connections in between, for less than a minute, are no end."""
    away = [httpx.ConnectError("refused")] * 5
    answer, _ = server(iter(["running", *away, "succeeded"]), holds=60, time=time)
    assert "succeeded" == wait_for_end(client(answer), "j")["state"]


def test_a_server_that_stays_away_is_given_up(time: Time) -> None:
    """After a minute of silence the wait ends with the reason."""
    answer, _ = server(iter(["running", *[httpx.ConnectError("refused")] * 99]), holds=60, time=time)
    with pytest.raises(NothingAnswers):
        wait_for_end(client(answer), "j")
    assert 60 < time.now < 70
