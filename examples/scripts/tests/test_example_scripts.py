"""The scripts, run as a reader would run them."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
import urllib3

SCRIPTS = Path(__file__).parents[1]
SCRIPT = "submit_check_fetch.py"
Run = Callable[..., list[str]]


@pytest.fixture(name="run")
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a script in an empty directory, and give the lines that it prints."""
    monkeypatch.chdir(tmp_path)

    def run(script: str, *arguments: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", [script, *arguments])
        with_sessions = runpy.run_path(str(SCRIPTS / script), run_name="__main__")
        if "api" in with_sessions:
            with_sessions["api"].close()
        return capsys.readouterr().out.splitlines()

    return run


def requests_of(mock: Any) -> list[tuple[str, str, int]]:
    """Tell what was sent, without the ids of jobs and results."""
    told = []
    for sent in mock.sent:
        segments = [segment if segment.isalpha() else "ID" for segment in sent.path.split("/")[2:]]
        told.append((sent.method, "/".join(segments) + (sent.query and f"?{sent.query}"), sent.status))
    return told


def test_a_job_is_submitted_checked_fetched_and_released(run: Run, mock: Any, tmp_path: Path) -> None:
    """The script needs a handful of requests, of which none asks again and again."""
    told = run(SCRIPT, mock.url)
    (saved,) = tmp_path.glob("results-*/*")
    assert ["succeeded, exit code 0, reason None", "saved all", str(saved.relative_to(tmp_path))] == told
    assert ("1-answer.txt", b"42\n") == (saved.name, saved.read_bytes())
    seen = requests_of(mock)
    waits = seen.count(("GET", "jobs/ID?wait_seconds=30", 200))
    assert 2 <= waits <= 4
    assert [
        ("GET", "facilities", 200),
        ("POST", "jobs", 201),
        *[("GET", "jobs/ID?wait_seconds=30", 200)] * waits,
        ("GET", "jobs/ID/results", 200),
        ("GET", "jobs/ID/results/ID", 200),
        ("DELETE", "jobs/ID", 204),
    ] == seen
    assert [True] == [bool(sent.header("Idempotency-Key")) for sent in mock.sent if sent.method == "POST"]


@pytest.mark.common_compute_mock(scenarios=["fails"])
def test_an_exit_code_is_printed(run: Run, mock: Any) -> None:
    """A job that fails shows its exit code and its reason."""
    told = run(SCRIPT, mock.url)
    assert told[0].startswith("failed, exit code 3, reason {'code': 'exit-nonzero'"), told


@pytest.mark.common_compute_mock(scenarios=["rate_limited"], request_seconds=1)
def test_the_script_slows_down_when_it_is_told_to(
    run: Run, mock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits as long as the service's Retry-After says, and goes on."""
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        mock.advance(seconds)

    monkeypatch.setattr(urllib3.util.retry.time, "sleep", pause)
    while requests.get(f"{mock.url}/facilities", timeout=60).ok:
        pass
    assert "succeeded, exit code 0, reason None" == run(SCRIPT, mock.url)[0]
    assert 429 in [status for _, _, status in requests_of(mock)[-20:]]
    # Behind `responses` urllib3 tries again, but without its pause.
    assert pauses or mock.origin.endswith(".mock")


def test_a_problem_is_told_in_the_services_own_words(run: Run, mock: Any) -> None:
    """The script ends with what the service said."""
    with pytest.raises(SystemExit, match='"code":"not-found"'):
        run(SCRIPT, f"{mock.url}/elsewhere")


def answer_with_results(rules: responses.RequestsMock, pages: Sequence[Sequence[str]]) -> str:
    """Serve one finished job that has results of these paths, and give the base URL."""
    url = "http://service.example/v1"
    rules.get(f"{url}/facilities", json={"facilities": [{"id": "f", "probe": {"container": {}}}]})
    rules.post(f"{url}/jobs", json={"id": "j", "state": "succeeded"})
    for number, paths in enumerate(pages):
        here = {"page_token": str(number)} if number else {}
        following = {"next_page_token": str(number + 1)} if number + 1 < len(pages) else {}
        rules.get(
            f"{url}/jobs/j/results",
            match=[responses.matchers.query_param_matcher(here)],
            json={"complete": True, "results": [{"id": "r", "path": path} for path in paths], **following},
        )
    rules.get(f"{url}/jobs/j/results/r", body=b"content")
    rules.delete(f"{url}/jobs/j", status=204)
    return url


HOSTILE = [
    "../../up",
    "/etc/passwd",
    "..",
    "a/../../b",
    "x\x1b[2J\n\0",
    "C:\\boot.ini",
    "ü" * 500,
    "",
    "\ud800",
]


def test_a_hostile_path_leads_nowhere(run: Run, tmp_path: Path) -> None:
    """Whatever a result calls itself, it becomes a new file in the new directory, and prints nothing odd."""
    with responses.RequestsMock() as rules:
        told = run(SCRIPT, answer_with_results(rules, [HOSTILE]))
    (directory,) = tmp_path.iterdir()
    assert len(HOSTILE) == len(list(directory.iterdir()))
    assert len(HOSTILE) + 2 == len(told)
    assert all(line.isprintable() for line in told)


def test_all_pages_of_results_are_fetched(run: Run, tmp_path: Path) -> None:
    """Results of the same path, as the tasks of an array have them, from all pages, are all kept."""
    with responses.RequestsMock() as rules:
        run(SCRIPT, answer_with_results(rules, [["fit.csv"] * 3, [], ["fit.csv"] * 2]))
    saved = sorted(path.name for path in tmp_path.glob("results-*/*"))
    assert [f"{number}-fit.csv" for number in range(1, 6)] == saved


def test_a_lost_answer_makes_no_second_job(
    run: Run, mock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script that is started again with its key file finds the job of which it never heard."""
    key_file = tmp_path / "key"
    key_file.write_text("")
    post = requests.post

    def lose(*args: Any, **options: Any) -> None:
        post(*args, **options)
        raise requests.ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(requests, "post", lose)
        with pytest.raises(requests.ConnectionError):
            run("recover_after_crash.py", mock.url, "key")
    (job,) = requests.get(f"{mock.url}/jobs", timeout=60).json()["jobs"]
    told = run("recover_after_crash.py", mock.url, "key")
    assert [f"again {job['id']}", "succeeded 0"] == [told[0].rpartition(" ")[0], told[1]]
    assert 1 == len(requests.get(f"{mock.url}/jobs", timeout=60).json()["jobs"])
