"""The life of a job, as pure functions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_compute_connector import contract
from common_compute_connector.jobs import (
    Ending,
    Native,
    Reason,
    State,
    Task,
    advance,
    conclude,
    give_up,
    put_off,
    summarise,
)
from common_compute_connector.protocol import TaskSeen

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
NOW = CREATED + timedelta(hours=1)


def test_the_states_are_those_of_the_contract():
    """The code's states are the contract's, in the same order."""
    assert contract.document()["components"]["schemas"]["JobState"]["enum"] == [str(s) for s in State]


observations = st.builds(
    TaskSeen,
    index=st.just(0),
    state=st.none() | st.sampled_from(State),
    attempt=st.integers(1, 3),
    started_at=st.none() | st.datetimes(timezones=st.just(UTC), min_value=datetime(2020, 1, 1)),
    finished_at=st.none() | st.datetimes(timezones=st.just(UTC), min_value=datetime(2020, 1, 1)),
    exit_code=st.none() | st.integers(0, 255),
    native=st.none() | st.builds(Native, state=st.text(max_size=3)),
)


@given(st.lists(observations, max_size=12))
def test_whatever_a_facility_says_the_history_takes_only_legal_steps(seen):
    """Every change of (state, attempt) is a step of transitions.yaml, and the times are in order."""
    task = Task(0)
    for minute, one in enumerate(seen):
        now = CREATED + timedelta(minutes=minute)
        before, task = task, advance(task, one, now, CREATED)
        if task.ending is not None:
            ended = conclude(task, [], [])
            assert (before.state, ended.state) in contract.legal_steps(
                attempt_raised=task.attempt > before.attempt
            )
            assert ended == advance(ended, one, now, CREATED)
        assert task.attempt >= before.attempt
        if (task.state, task.attempt) != (before.state, before.attempt):
            steps = contract.legal_steps(attempt_raised=task.attempt > before.attempt)
            assert (before.state, task.state) in steps
        assert CREATED <= (task.started_at or CREATED) <= (task.finished_at or now) <= now


def test_a_state_that_is_not_known_keeps_the_last_and_shows_natively():
    """An unknown native state changes nothing but `native`."""
    running = Task(0, State.RUNNING)
    seen = advance(running, TaskSeen(0, None, native=Native(state="Odd")), NOW, CREATED)
    assert (State.RUNNING, "Odd") == (seen.state, seen.native.state)


def test_why_a_task_was_put_off_is_forgotten_when_the_facility_has_it():
    """What a pending task shows is over with the first word of the facility, or with its end here."""
    waiting = put_off(Task(0), "its image is on its way")
    assert Native(detail="its image is on its way") == waiting.native
    assert advance(waiting, TaskSeen(0, State.QUEUED), NOW, CREATED).native is None
    assert give_up(waiting, State.CANCELLED, Reason("cancelled-by-user"), NOW, complete=True).native is None
    live = Task(0, State.QUEUED, native=Native("7", "PENDING"))
    assert live.native == advance(live, TaskSeen(0, State.QUEUED), NOW, CREATED).native


def test_a_fallback_without_a_raised_attempt_is_not_taken():
    """Running stays running when the facility says queued in the same attempt."""
    running = Task(0, State.RUNNING)
    assert State.RUNNING == advance(running, TaskSeen(0, State.QUEUED), NOW, CREATED).state
    assert State.QUEUED == advance(running, TaskSeen(0, State.QUEUED, attempt=2), NOW, CREATED).state


def test_an_end_is_kept_back_and_withdrawn_by_a_new_attempt():
    """Until it is published an end is only seen natively, and a requeue takes it back."""
    ended = advance(Task(0, State.RUNNING), TaskSeen(0, State.FAILED, exit_code=1), NOW, CREATED)
    assert State.RUNNING == ended.state
    assert not ended.live
    again = advance(ended, TaskSeen(0, State.QUEUED, attempt=2), NOW, CREATED)
    assert (State.QUEUED, 2, None, None) == (again.state, again.attempt, again.ending, again.finished_at)
    assert again.live


@pytest.mark.parametrize(
    ("ending", "missing", "lost", "expected"),
    [
        (Ending(State.SUCCEEDED, 0), [], [], (State.SUCCEEDED, None, True)),
        (Ending(State.SUCCEEDED, 0), ["a*"], [], (State.FAILED, "output-missing", False)),
        (Ending(State.SUCCEEDED, 0), ["a"], ["disk gone"], (State.FAILED, "results-lost", False)),
        (Ending(State.FAILED, 3, None, Reason("exit-nonzero")), ["a"], [], (State.FAILED, "exit-nonzero", False)),
        (Ending(State.FAILED, 0, None, Reason("out-of-memory")), [], [], (State.FAILED, "out-of-memory", True)),
        (Ending(State.CANCELLED), [], [], (State.CANCELLED, "unknown", True)),
    ],
)  # fmt: skip
def test_what_is_published_follows_from_the_end_and_what_came_home(ending, missing, lost, expected):
    """A verdict of the facility wins; exit code 0 without a required output is a failure of its own."""
    task = conclude(Task(0, State.RUNNING, ending=ending), missing, lost)
    assert expected == (task.state, task.reason.code if task.reason else None, task.complete)


STATES = list(State)


@pytest.mark.parametrize("states", list(product(STATES, repeat=3)), ids="-".join)
def test_an_array_is_what_its_tasks_make_of_it(states):
    """The aggregate of any three tasks is the first line of transitions.yaml's rule that holds."""
    tasks = [
        Task(index, state, reason=Reason(f"r{index}") if state.terminal else None)
        for index, state in enumerate(states)
    ]
    summary = summarise(tasks, is_array=True)
    if all(state.terminal for state in states):
        expected = min(states, key=[State.FAILED, State.CANCELLED, State.SUCCEEDED].index)
    elif any(state is State.RUNNING or state.terminal for state in states):
        expected = State.RUNNING
    else:
        expected = max(states, key=STATES.index)
    assert expected == summary.state
    assert {"total": 3, **{str(s): states.count(s) for s in STATES}} == summary.task_counts
    if expected in (State.FAILED, State.CANCELLED):
        assert f"r{states.index(expected)}" == summary.reason.code


def test_an_array_never_falls_back():
    """An array that was running stays running while all its tasks wait for a second attempt."""
    tasks = [Task(0, State.QUEUED, attempt=2), Task(1, State.QUEUED)]
    assert State.RUNNING == summarise(tasks, is_array=True, before=State.RUNNING).state
    assert 1 == summarise(tasks, is_array=True, before=State.RUNNING).attempt


def test_an_array_tells_only_what_its_tasks_agree_on():
    """Times are the earliest and the latest, the observation the oldest, `native` only if it is the same."""
    early, late = CREATED + timedelta(minutes=1), CREATED + timedelta(minutes=9)
    done = Task(0, State.SUCCEEDED, started_at=late, finished_at=late, observed_at=early, native=Native("1"))
    other = replace(done, index=1, started_at=early, finished_at=early, observed_at=late, native=Native("2"))
    summary = summarise([done, other], is_array=True)
    assert (early, late, None) == (summary.started_at, summary.finished_at, summary.native)
    assert early == summary.observed_at


def test_a_task_given_up_is_complete_only_if_nothing_was_required():
    """What never ran lacks its required outputs."""
    task = give_up(Task(0), State.FAILED, Reason("lost"), NOW, complete=False)
    assert (State.FAILED, False, NOW) == (task.state, task.complete, task.finished_at)
