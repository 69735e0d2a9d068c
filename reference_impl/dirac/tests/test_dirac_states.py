"""DIRAC's states as ours, and what a task's end means."""

from __future__ import annotations

from typing import Any

import pytest

from common_compute_connector.jobs import Reason, State
from common_compute_dirac.endings import seen_ended, seen_killed, seen_live
from common_compute_dirac.sandbox import Outcome, Output
from common_compute_dirac.states import ENDED, LIVE, JobSeen, read_status


def job(status: str, minor: str = "", application: str = "Unknown", reschedules: int = 0) -> JobSeen:
    """Give a job as DIRAC tells of it."""
    return JobSeen(status, minor, application, "LCG.A.org", reschedules, "name")


def left(how: str, number: int = 0, words: str = "") -> Output:
    """Give what a task left."""
    return Output(Outcome(how, number, words, "wn1", None, None), {}, {})


@pytest.mark.parametrize(
    ("native", "expected"),
    [
        *((name, "queued") for name in ("Submitting", "Received", "Checking", "Scouting", "Staging")),
        *((name, "queued") for name in ("Waiting", "Matched", "Rescheduled")),
        *((name, "running") for name in ("Running", "Stalled", "Completing", "Completed")),
    ],
)
def test_states_that_go_on(native: str, expected: str) -> None:
    """Each of DIRAC's states has one of ours, with its own words beside it; Completed is not the end."""
    seen = seen_live(3, 17, job(native, "minor", "application"))
    assert (3, State(expected), 1) == (seen.index, seen.state, seen.attempt)
    assert seen.native is not None
    assert ("17", native, "minor; application") == (seen.native.id, seen.native.state, seen.native.detail)


def test_an_unknown_state_changes_nothing() -> None:
    """A state of a later DIRAC keeps ours, and is shown."""
    seen = seen_live(0, 1, job("Dreaming"))
    assert seen.state is None
    assert seen.native is not None
    assert "Dreaming" == seen.native.state


def test_no_state_is_both_live_and_over() -> None:
    """The two tables do not contradict each other, and a task whose output is on its way still runs."""
    assert not set(LIVE) & set(ENDED)
    assert State.RUNNING is seen_live(0, 1, job("Done")).state


def test_a_reschedule_raises_the_attempt() -> None:
    """DIRAC counts reschedules from 0, as a text or a number."""
    for counter in ("2", 2):
        assert 3 == read_status({"Status": "Received", "RescheduleCounter": counter}).attempt
    assert 1 == read_status({"Status": "Received", "RescheduleCounter": "None"}).attempt


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (left("exit"), ("succeeded", None, 0, None)),
        (left("exit", 3), ("failed", "exit-nonzero", 3, None)),
        (left("signal", 9), ("failed", "signal", None, 9)),
        (left("not-found", 127, "nope"), ("failed", "command-not-found", 127, None)),
        (left("wall-time", 15), ("failed", "wall-time-exceeded", None, None)),
        (left("software", 0, "no such script"), ("failed", "software-unavailable", None, None)),
        (left("input", 0, "disk full"), ("failed", "input-unavailable", None, None)),
        (left("image", 0, "no such image"), ("failed", "image-unavailable", None, None)),
        (None, ("failed", "results-lost", None, None)),
    ],
)
def test_how_a_command_ended(output: Output | None, expected: tuple[Any, ...]) -> None:
    """Of a job that is Done the wrapper tells how its command ended; without its record that is lost."""
    seen = seen_ended(0, 1, job("Done"), output, "nothing there", "v1")
    assert seen.state is not None
    assert expected == (seen.state.value, seen.reason and seen.reason.code, seen.exit_code, seen.signal)
    if output is not None and output.outcome.words:
        assert seen.reason is not None
        assert output.outcome.words == seen.reason.detail


@pytest.mark.parametrize(
    ("minor", "code"),
    [
        ("Job has exceeded maximum wall clock time", "wall-time-exceeded"),
        ("Job stalled: pilot not running", "node-failure"),
        ("Failed to get payload proxy", "credential-rejected"),
        ("Uploading Output Sandbox", "results-lost"),
        ("Something new", "unknown"),
        ("", "unknown"),
    ],
)
def test_dirac_s_verdict_stands(minor: str, code: str) -> None:
    """A job that DIRAC calls failed has failed, whatever its command said, and DIRAC's words tell why."""
    seen = seen_ended(0, 1, job("Failed", minor), left("exit", 0), "", None)
    assert (State.FAILED, None) == (seen.state, seen.exit_code)
    assert seen.reason is not None
    assert code == seen.reason.code
    assert minor in str(seen.reason.detail)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (job("Killed"), True),
        (job("Deleted"), True),
        (job("Failed", "Received Kill signal"), True),
        (job("Failed", "Payload killed by watchdog", "Received Kill signal"), True),
        (job("Failed", "Application Finished With Errors"), False),
        (job("Running", "Received Kill signal"), False),
        (job("Done"), False),
    ],
)
def test_what_somebody_has_killed(seen: JobSeen, expected: bool) -> None:
    """A job that ran when it was killed is Failed in the end, and was cancelled all the same."""
    assert expected is seen.killed


def test_who_had_it_killed() -> None:
    """A job that its caller wanted ended was cancelled by them, every other one by the facility."""
    ours = seen_killed(0, 1, job("Killed", "Marked for termination"), asked=True)
    theirs = seen_killed(0, 1, job("Deleted"), asked=False)
    assert (State.CANCELLED, Reason("cancelled-by-user")) == (ours.state, ours.reason)
    assert (State.CANCELLED, Reason("cancelled-by-facility", "Deleted")) == (theirs.state, theirs.reason)
