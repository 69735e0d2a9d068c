"""What Slurm's rows and a task's records mean together: outputs of a real Slurm 22.05, and states of its manual."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from common_compute_connector.jobs import State
from common_compute_rosetta.records import Garbled, read_end
from common_compute_rosetta.slurm_queue import Record, Row, Sighting, read_sighting
from common_compute_rosetta.slurm_states import ENDED, GOING_ON, Task, View, is_missing, task_seen

RECORDED = Path(__file__).parent / "recorded"
NOW = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)
TASK = Task(3, "4711", None, "cc-job")
BEGAN = NOW - timedelta(minutes=5)


def recorded(name: str) -> Sighting:
    return read_sighting((RECORDED / f"{name}.txt").read_bytes())


def look(sighting: Sighting, element: int | None = None, **view):
    """Give what is seen of the one task, or the one element, of a recorded answer."""
    rows = [row for row in sighting.queue if row.element == element]
    books = [row for row in sighting.books if row.name != "allocation"]
    (records,) = sighting.records.values()
    first = [*sighting.queue, *sighting.books][0]
    index = element or 0
    task = Task(index, first.job, element, first.name)
    has_books = view.pop("has_books", True)
    now = view.pop("now", sighting.now)
    told = View(now=now, uid=22601, has_books=has_books, **view)
    return task_seen(task, rows, books, records.get(index, Record()), told)


@pytest.mark.parametrize(
    ("name", "state", "attempt", "detail"),
    [
        ("pending", State.QUEUED, 1, None),
        ("pending-begin-time", State.QUEUED, 1, "BeginTime"),
        ("pending-held", State.QUEUED, 1, "JobHeldUser"),
        ("pending-for-ever", State.QUEUED, 1, "PartitionConfig"),
        ("running", State.RUNNING, 1, None),
        ("running-record-is-ahead", State.RUNNING, 1, None),
        ("suspended", State.RUNNING, 1, None),
        ("cancelled-completing", State.RUNNING, 1, None),
        ("timeout-completing", State.RUNNING, 1, "TimeLimit"),
        ("requeued-completing", State.QUEUED, 2, None),
        ("requeued-pending", State.QUEUED, 2, "BeginTime"),
        ("requeued-held", State.QUEUED, 2, "job requeued in held state"),
        ("running-again", State.RUNNING, 2, None),
        ("node-fail-requeued", State.QUEUED, 2, "BeginTime"),
    ],
)
def test_what_goes_on(name, state, attempt, detail):
    """As long as Slurm has something to do a task is queued or running, whatever its record says; its words are shown."""
    sighting = recorded(name)
    seen = look(sighting)
    assert (state, attempt, detail) == (seen.state, seen.attempt, seen.native.detail)
    assert sighting.queue[0].state == seen.native.state
    assert (state is State.RUNNING) == (seen.started_at is not None)
    assert (None, None, None) == (seen.exit_code, seen.signal, seen.reason)


@pytest.mark.parametrize(
    ("name", "state", "attempt", "exit_code", "signal", "code"),
    [
        ("completed", State.SUCCEEDED, 1, 0, None, None),
        ("exit-3", State.FAILED, 1, 3, None, "exit-nonzero"),
        ("signal-11", State.FAILED, 1, None, 11, "signal"),
        ("out-of-memory", State.FAILED, 1, 0, None, "out-of-memory"),
        ("timeout", State.FAILED, 1, None, 15, "wall-time-exceeded"),
        ("timeout-in-books", State.FAILED, 1, None, 15, "wall-time-exceeded"),
        ("cancelled-by-us", State.CANCELLED, 1, None, 15, "cancelled-by-user"),
        ("cancelled-by-root", State.CANCELLED, 1, None, 15, "cancelled-by-facility"),
        ("cancelled-in-queue", State.CANCELLED, 1, None, None, "cancelled-by-user"),
        ("requeued-completed", State.SUCCEEDED, 2, 0, None, None),
        ("node-fail", State.FAILED, 1, None, None, "node-failure"),
        ("node-fail-in-books", State.FAILED, 1, None, None, "node-failure"),
        ("launch-failure", State.FAILED, 1, None, None, "node-failure"),
    ],
)
def test_how_it_ended(name, state, attempt, exit_code, signal, code):
    """The record tells how the command ended; Slurm's word for the job's end wins where it is a reason."""
    seen = look(recorded(name))
    assert (state, attempt, exit_code, signal) == (seen.state, seen.attempt, seen.exit_code, seen.signal)
    assert code == (seen.reason.code if seen.reason else None)
    assert seen.finished_at is not None
    assert (name not in ("cancelled-in-queue", "launch-failure")) == (seen.started_at is not None)
    assert seen.native.detail.startswith("ExitCode ")


def test_the_words_of_the_facility_are_told():
    """Reasons that are Slurm's carry its words, and who cancelled a job; the callers' own need none."""
    assert "Slurm says TIMEOUT (TimeLimit)" == look(recorded("timeout")).reason.detail
    assert "Slurm says NODE_FAIL (NodeDown)" == look(recorded("node-fail")).reason.detail
    assert "Slurm says CANCELLED by user 0" == look(recorded("cancelled-by-root")).reason.detail
    assert look(recorded("cancelled-by-us")).reason.detail is None
    assert "could not be started" in look(recorded("launch-failure")).reason.detail


def test_the_elements_of_an_array():
    """Each element is told by its own row."""
    sighting = recorded("array")
    states = {row.element: look(sighting, row.element).state for row in sighting.queue}
    natives = {row.element: look(sighting, row.element).native.id for row in sighting.queue}
    assert (State.RUNNING, State.SUCCEEDED, State.QUEUED) == (states[0], states[10], states[16])
    assert (20, "4526_7") == (len(states), natives[7])


def test_books_that_are_behind():
    """Who cancelled a job is waited for, but not for ever; without books it is not asked."""
    sighting = recorded("cancelled-books-are-behind")
    assert look(sighting) is None
    late = look(sighting, now=sighting.now + timedelta(seconds=30))
    assert ("cancelled-by-facility", "Slurm says CANCELLED") == (late.reason.code, late.reason.detail)
    assert "cancelled-by-facility" == look(sighting, has_books=False).reason.code


def test_a_stub_in_the_books_is_no_row():
    """What sacct shows of a job before it knows its name is nothing, though it may call it COMPLETED."""
    sighting = recorded("books-stub")
    assert ["allocation", "allocation"] == [row.name for row in sighting.books]
    (records,) = sighting.records.values()
    assert is_missing([], [], records[0])
    assert look(sighting) is None


def row(state: str, **told) -> Row:
    ended = {"started_at": BEGAN, "finished_at": NOW - timedelta(seconds=1)}
    return Row("4711", None, "cc-job", state, **{"restarts": 0, **ended, **told})


def seen_of(queued=(), booked=(), record=None, **view):
    told = View(**{"now": NOW, "uid": 1000, "has_books": True, **view})
    return task_seen(TASK, queued, booked, record or Record(), told)


def ended_record(text: str, attempt: int = 1, ending: str = "") -> Record:
    return Record(attempt, ending, BEGAN, read_end(text))


@pytest.mark.parametrize(("state", "ours"), GOING_ON.items())
def test_every_state_that_goes_on(state, ours):
    """Each state of the manual in which Slurm has something to do is queued or running."""
    record = Record(1, "", BEGAN)
    assert ours == seen_of([row(state)], record=record).state
    assert ours in (State.QUEUED, State.RUNNING)


@pytest.mark.parametrize(("state", "code"), [(state, code) for state, code in ENDED.items() if code])
def test_every_state_that_is_a_reason(state, code):
    """Each state that is itself a reason wins over what the command says, and over its exit code 0."""
    seen = seen_of([row(state)], [row(state)], ended_record("exit 0 1 command - "))
    assert (code, 0) == (seen.reason.code, seen.exit_code)
    assert (State.CANCELLED if state == "CANCELLED" else State.FAILED) == seen.state


def test_a_state_that_nobody_knows():
    """A new word of Slurm's changes nothing and is shown."""
    seen = seen_of([row("DREAMING", words="Sleepy")])
    assert (None, "DREAMING", "Sleepy") == (seen.state, seen.native.state, seen.native.detail)


def test_a_launch_that_failed_and_was_held():
    """A job that Slurm keeps after a launch that failed waits as its next attempt, with Slurm's words."""
    words = "launch failed requeued held"
    seen = seen_of([row("PENDING", restarts=1, words=words)], record=Record(1, "", BEGAN))
    assert (State.QUEUED, 2, words) == (seen.state, seen.attempt, seen.native.detail)


def test_a_job_that_slurm_gave_up():
    """A job that was accepted and then found to be impossible is a rejected submission."""
    seen = seen_of([row("FAILED", words="BadConstraints")])
    assert (State.FAILED, "submission-rejected", None) == (seen.state, seen.reason.code, seen.started_at)


def test_a_record_of_another_attempt_tells_nothing():
    """How an earlier attempt ended is not how the last one did, in squeue and in the books."""
    first = ended_record("exit 7 1 command slurm ", attempt=1)
    seen = seen_of([row("FAILED", restarts=1, code=9)], record=first)
    assert (None, 2) == (seen.state, seen.attempt)
    books = [row("REQUEUED", restarts=None), row("NODE_FAIL", restarts=None)]
    seen = seen_of(booked=books, record=first)
    assert (2, None, "node-failure") == (seen.attempt, seen.exit_code, seen.reason.code)


def test_a_record_that_is_on_its_way():
    """Slurm says that a task ended before its record is seen: nothing changes for a while, then Slurm's word counts."""
    begun = Record(1, "", BEGAN)
    for state in ("COMPLETED", "FAILED", "TIMEOUT"):
        assert seen_of([row(state)], record=begun).state is None
    later = {"now": NOW + timedelta(seconds=60)}
    told = seen_of([row("FAILED", code=4)], record=begun, **later)
    assert (State.FAILED, 4, None, "exit-nonzero") == (
        told.state,
        told.exit_code,
        told.signal,
        told.reason.code,
    )
    told = seen_of([row("FAILED", signal=9)], record=begun, **later)
    assert (None, 9, "signal") == (told.exit_code, told.signal, told.reason.code)
    assert State.SUCCEEDED == seen_of([row("COMPLETED")], record=begun, **later).state
    # Slurm calls it a launch failure, too, when a script that ran was killed.
    told = seen_of([row("FAILED", signal=9, words="JobLaunchFailure")], record=begun, **later)
    assert (None, 9, "signal") == (told.exit_code, told.signal, told.reason.code)
    never = seen_of([row("FAILED", code=1)], **later)
    assert ("node-failure", None) == (never.reason.code, never.exit_code)
    assert "directory" in never.reason.detail


def test_a_node_that_takes_long_to_be_cleared_up():
    """Once the books and the record have the end, nobody waits for a node that completes for ever."""
    record = ended_record("exit 0 1 command - ")
    assert State.RUNNING == seen_of([row("COMPLETING")], record=record).state
    assert State.SUCCEEDED == seen_of([row("COMPLETING")], [row("COMPLETED")], record).state
    assert State.RUNNING == seen_of([row("COMPLETING")], [row("COMPLETED")], Record(1, "", BEGAN)).state


def test_a_job_that_slurm_has_forgotten():
    """Without a row the record decides; without a record the task is lost, after it was missed for a while."""
    long = {"missing": timedelta(seconds=40), "has_books": False}
    seen = seen_of(record=ended_record("exit 5 1 command - ", attempt=2), has_books=False)
    assert (State.FAILED, 5, 2) == (seen.state, seen.exit_code, seen.attempt)
    assert "wall-time-exceeded" == seen_of(record=ended_record("signal 9 1 command wall-time ")).reason.code
    assert "cancelled-by-user" == seen_of(record=ended_record("signal 9 1 command cancel ")).reason.code
    seen = seen_of(record=ended_record("signal 9 1 command slurm "))
    assert (State.CANCELLED, "cancelled-by-facility") == (seen.state, seen.reason.code)
    assert seen_of(record=Record(1, "", BEGAN), missing=timedelta(seconds=5)) is None
    assert "lost" == seen_of(record=Record(1, "", BEGAN), **long).reason.code
    # While the books cannot be asked, nobody knows that they do not know.
    assert seen_of(record=Record(1, "", BEGAN), books_are_closed=True, **long) is None
    assert seen_of(record=ended_record("exit 5 1 command - "), books_are_closed=True) is None


def test_broken_answers_tell_nothing():
    """An answer that breaks off, lacks the time or has a word that nobody knows is none."""
    whole = (RECORDED / "exit-3.txt").read_bytes()
    for cut in range(0, len(whole) - 2, 7):
        with pytest.raises(Garbled):
            read_sighting(whole[:cut])
    for broken in (
        whole.replace(b"now\t", b"then\t"),
        whole.replace(b"q\t", b"?\t"),
        whole.replace(b"\tFAILED", b""),
        whole.replace(b"t\t0", b"t\tzero"),
    ):
        with pytest.raises(Garbled):
            read_sighting(broken)
