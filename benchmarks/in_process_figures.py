"""What a call costs a test that has the mock in its own process, beside a rule that never changes."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable

import requests
import responses

import specimens
from common_compute_mocks.in_process import InProcessMock, MockSettings, intercepted, session_with
from figures import Figure, Goal, Section

_CALLS = 300
_GOAL = Goal("ratio", "at most", 2.0)
_STATIC = "a static rule of responses"


def measure(rounds: int) -> Section:
    """Ask for a job again and again, in turn by each way, with the CPU time of this process."""
    microseconds: dict[str, list[float]] = defaultdict(list)
    with InProcessMock(MockSettings(facilities=("rosetta",))) as mock:
        with intercepted(mock):
            sent = requests.post(f"{mock.url}/jobs", json=json.loads(specimens.example()), timeout=10)
            url = mock.origin + sent.headers["Location"]
            mock.advance(60)
            job = requests.get(url, timeout=10).json()
        session = session_with(mock)
        for _ in range(rounds):
            with responses.RequestsMock() as rules:
                rules.get(url, json=job)
                microseconds[_STATIC].append(_cost(lambda: requests.get(url, timeout=10)))
            with intercepted(mock):
                microseconds["the fixtures"].append(_cost(lambda: requests.get(url, timeout=10)))
            microseconds["a session with the adapter"].append(_cost(lambda: session.get(url)))
    static = microseconds.pop(_STATIC)
    figures = [Figure(name, values, static, _GOAL) for name, values in microseconds.items()]
    unit = "microseconds of CPU per call"
    return Section("GET of a job in process", unit, [Figure(_STATIC, static), *figures], _STATIC)


def _cost(call: Callable[[], requests.Response]) -> float:
    begun = time.process_time()
    for _ in range(_CALLS):
        if call().status_code != 200:
            raise RuntimeError("a job is not there")
    return (time.process_time() - begun) / _CALLS * 1e6
