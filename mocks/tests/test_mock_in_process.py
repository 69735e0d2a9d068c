"""A mock behind the libraries with which clients speak HTTP."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import responses

from common_compute_connector.errors import ConfigurationError
from common_compute_mocks.in_process import (
    InProcessMock,
    MockSettings,
    MockTransport,
    intercepted,
    session_with,
)

CONTAINER = {"kind": "container", "image": "debian:12-slim"}
HUGE = 20 * 1024 * 1024


def _submitted(mock: InProcessMock, spec: dict[str, Any]) -> str:
    answer = requests.post(
        f"{mock.url}/jobs", json={"facility_id": "rosetta", "software": CONTAINER, **spec}, timeout=5
    )
    assert 201 == answer.status_code, answer.text
    return mock.origin + answer.headers["Location"]


def test_the_fixture_has_both_facilities(common_compute: InProcessMock) -> None:
    """`common_compute` answers whatever `requests` sends to its URL."""
    facilities = requests.get(f"{common_compute.url}/facilities", timeout=5).json()["facilities"]
    assert ["dirac", "rosetta"] == sorted(facility["id"] for facility in facilities)


def test_the_other_fixtures_have_one_each(common_compute_dirac: InProcessMock) -> None:
    """`common_compute_dirac` has DIRAC alone."""
    (facility,) = requests.get(f"{common_compute_dirac.url}/facilities", timeout=5).json()["facilities"]
    assert "dirac" == facility["id"]


@pytest.mark.common_compute_mock(scenarios=["fails"], seed=3)
def test_the_marker_sets_a_fixture_up(common_compute_rosetta: InProcessMock) -> None:
    """`@pytest.mark.common_compute_mock(...)` takes what `MockSettings` takes."""
    mock = common_compute_rosetta
    job = _submitted(mock, {"command": ["true"]})
    mock.advance(10)
    assert 3 == requests.get(job, timeout=5).json()["exit_code"]
    assert 3 == mock.service.settings.seed


def test_a_wrong_marker_is_told(tmp_path: Path) -> None:
    """What the marker cannot mean fails the test in words, without a traceback through the mock."""
    wrong = {
        "scenarios=['nope']": "There is no scenario 'nope'",
        "colour='red'": "argument 'colour'",
        "seed='x'": "`seed` is 'x': take an integer",
    }
    (tmp_path / "test_marked.py").write_text(
        "import pytest\n"
        + "".join(
            f"\n\n@pytest.mark.common_compute_mock({marked})\ndef test_{number}(common_compute):\n    pass\n"
            for number, marked in enumerate(wrong)
        )
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--strict-markers", "test_marked.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert 1 == done.returncode
    told = [
        line for line in done.stdout.splitlines() if line.startswith("@pytest.mark.common_compute_mock: ")
    ]
    assert len(wrong) == len(told), done.stdout
    assert [] == [words for words, line in zip(wrong.values(), told, strict=True) if words not in line]
    assert "in_process" not in done.stdout


def test_other_urls_are_refused_unless_a_rule_is_added() -> None:
    """What goes elsewhere meets the rules of `responses`: none, or those that the test adds."""
    mock = InProcessMock()
    with intercepted(mock) as rules:
        with pytest.raises(requests.ConnectionError):
            requests.get("http://elsewhere.example/", timeout=5)
        with pytest.raises(requests.ConnectionError):
            requests.get(mock.origin + ".example/", timeout=5)
        rules.add(responses.GET, "http://elsewhere.example/", body="there")
        assert "there" == requests.get("http://elsewhere.example/", timeout=5).text
        assert requests.get(f"{mock.url}/health", timeout=5).ok
    mock.close()


def test_the_adapter_touches_its_session_only() -> None:
    """A session with the adapter has the mock; another session has not."""
    mock = InProcessMock()
    assert session_with(mock).get(f"{mock.url}/health").ok
    with pytest.raises(requests.ConnectionError):
        requests.Session().get(f"{mock.url}/health", timeout=5)
    mock.close()


def test_httpx_has_it_by_a_transport() -> None:
    """`httpx.Client(transport=MockTransport(mock), base_url=mock.url)` speaks with the mock."""
    mock = InProcessMock()
    with httpx.Client(transport=MockTransport(mock), base_url=mock.url) as client:
        sent = client.post(
            "/jobs", json={"facility_id": "rosetta", "software": CONTAINER, "command": ["echo", "ä"]}
        )
        job = mock.origin + sent.headers["location"]
        mock.advance(5)
        with client.stream("GET", f"{job}/logs/stdout") as log:
            assert "ä\n".encode() == b"".join(log.iter_bytes())
    mock.close()


def test_a_long_result_is_streamed_through_a_file() -> None:
    """A result of 20 MiB arrives whole, in pieces, by each way in."""
    mock = InProcessMock()
    script = f"head -c {HUGE} /dev/zero >big"
    with intercepted(mock):
        job = _submitted(mock, {"command": ["/bin/sh", "-c", script], "outputs": [{"path": "big"}]})
        mock.advance(60)
        (result,) = requests.get(f"{job}/results", timeout=5).json()["results"]
        url = f"{job}/results/{result['id']}"
        for session in (requests.Session(), session_with(mock)):
            with session.get(url, stream=True, timeout=60) as answer:
                lengths = [len(chunk) for chunk in answer.iter_content(1 << 20)]
            assert (HUGE, 1 << 20) == (sum(lengths), max(lengths))
        with httpx.Client(transport=MockTransport(mock)).stream("GET", url) as streamed:
            assert HUGE == sum(len(chunk) for chunk in streamed.iter_bytes())
    mock.close()


def test_it_answers_within_a_running_loop_and_to_several_threads() -> None:
    """A test that runs on an event loop of its own, and threads at once, are answered like others."""
    mock = InProcessMock()
    session = session_with(mock)

    async def within() -> int:
        return session.get(f"{mock.url}/health").status_code

    assert 200 == asyncio.run(within())
    answers: list[int] = []

    def ask() -> None:
        answers.extend(session_with(mock).get(f"{mock.url}/jobs").status_code for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [200] * 100 == answers
    mock.close()


def test_bearer_mocks_know_two_callers() -> None:
    """With `bearer` the callers of `tokens` are told apart, and nobody else is let in."""
    mock = InProcessMock(MockSettings(bearer=True))
    session = session_with(mock)
    for token, status in ((None, 401), ("nobody", 401), *((token, 200) for token in mock.tokens.values())):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        assert status == session.get(f"{mock.url}/jobs", headers=headers).status_code
    mock.close()


def test_a_mock_with_a_database_goes_on(tmp_path: Any) -> None:
    """State, clock and ids go on where they were: no id is given twice, and no time comes again."""
    settings = MockSettings(database=tmp_path / "kept.sqlite3", seed=5)
    seen = []
    for _ in range(3):
        mock = InProcessMock(settings)
        with intercepted(mock):
            began = mock.now
            job = _submitted(mock, {"command": ["sleep", "5"]})
            jobs = requests.get(f"{mock.url}/jobs", timeout=5).json()["jobs"]
        seen.append((began, job, len(jobs)))
        mock.close()
        mock = InProcessMock(settings)
        mock.advance(10)
        with intercepted(mock):
            assert "succeeded" == requests.get(job, timeout=5).json()["state"]
        mock.close()
    began_at, jobs_made, counts = zip(*seen, strict=True)
    assert [1, 2, 3] == list(counts)
    assert 3 == len(set(jobs_made))
    assert [0, 10, 20] == [(at - began_at[0]).total_seconds() for at in began_at]


def test_settings_that_make_no_sense_are_told() -> None:
    """What a mock cannot be is told before it is made."""
    for wrong in ({"scenarios": ["nope"]}, {"facilities": ["slurm"]}, {"scenarios": ["slow_queue", "fails"]}):
        with pytest.raises(ConfigurationError):
            InProcessMock(MockSettings(**wrong))
