"""The rows about jobs that fail, are refused, cancelled or started again."""

from __future__ import annotations

import re

from common_compute_connector.jobs import State, TaskSeen
from common_compute_mocks.flavours.differences.evidence import Evidence
from common_compute_mocks.flavours.differences.rows import row


def _told(task: TaskSeen) -> tuple[str | None, int | None, int | None]:
    """Give how a task ended, in the contract's members: the reason's code, the exit code, the signal."""
    return (task.reason.code if task.reason else None), task.exit_code, task.signal


@row("FLV-30")
def exit_codes(seen: Evidence) -> None:
    """Slurm has the exit code; DIRAC does not, and it comes home in the output sandbox."""
    assert _told(seen.end("exits with 3")) == ("exit-nonzero", 3, None)
    state, words = seen.last_words("exits with 3")
    assert seen.of(rosetta="FAILED", dirac="Done") == state
    assert seen.of(rosetta=True, dirac=False) == ("ExitCode 3:0" in words)


@row("FLV-31")
def way_of_a_failure(seen: Evidence) -> None:
    """What became of a command is all the same to DIRAC: its words are those of a success, to the last."""
    last = [seen.last_words(experiment) for experiment in ("exits with 3", "succeeds")]
    assert seen.of(rosetta=False, dirac=True) == (last[0] == last[1])


@row("FLV-32")
def signals(seen: Evidence) -> None:
    """Both know the signal by which a command dies; Slurm shows a shell's exit code for it, DIRAC nothing."""
    assert _told(seen.end("killed by 9")) == ("signal", None, 9)
    state, words = seen.last_words("killed by 9")
    assert seen.of(rosetta="FAILED", dirac="Done") == state
    assert seen.of(rosetta=True, dirac=False) == ("ExitCode 137:0" in words)


@row("FLV-33")
def memory(seen: Evidence) -> None:
    """Slurm says OUT_OF_MEMORY; at DIRAC's sites something kills the command, and nobody says why."""
    expected = seen.of(rosetta="out-of-memory", dirac="signal")
    assert expected == _told(seen.end("takes all memory"))[0]
    assert seen.of(rosetta="OUT_OF_MEMORY", dirac="Done") == seen.last_words("takes all memory")[0]


@row("FLV-34")
def wall_time(seen: Evidence) -> None:
    """Slurm ends a job at its wall time; at DIRAC the wrapper does, of which DIRAC knows nothing."""
    assert seen.support("wall_time_seconds") == ["enforced"]
    assert _told(seen.end("takes too long"))[0] == "wall-time-exceeded"
    assert seen.of(rosetta="TIMEOUT", dirac="Done") == seen.last_words("takes too long")[0]


@row("FLV-35")
def nodes_lost(seen: Evidence) -> None:
    """Slurm knows its nodes; DIRAC's job is Stalled until an agent finds that its pilot is gone."""
    assert _told(seen.end("loses its node"))[0] == "node-failure"
    expected = seen.of(rosetta="NODE_FAIL", dirac="Failed")
    state, words = seen.last_words("loses its node")
    assert expected == state
    assert seen.of(rosetta=False, dirac=True) == ("Stalled" in seen.natives("loses its node"))
    assert seen.of(rosetta="NodeDown", dirac="Job stalled: pilot not running") in words


@row("FLV-36")
def started_again(seen: Evidence) -> None:
    """A second attempt waits for its begin time at Slurm, and is Received once more at DIRAC."""
    again = next(sight for sight in seen.lives["started again"] if sight.attempt > 1)
    assert State.QUEUED is again.state
    assert again.native is not None
    expected = seen.of(rosetta=("PENDING", "BeginTime"), dirac=("Received", "Job Rescheduled"))
    assert expected == (again.native.state, again.native.detail)


@row("FLV-37")
def cancelled(seen: Evidence) -> None:
    """Slurm gives the exit code of what was ended; DIRAC says Killed, and that the job is marked for it."""
    assert State.CANCELLED is seen.end("cancelled").state
    state, words = seen.last_words("cancelled")
    assert seen.of(rosetta="CANCELLED", dirac="Killed") == state
    assert re.match(seen.of(rosetta="ExitCode [0-9]+:0", dirac="Marked for termination"), words)


@row("FLV-38")
def cancelled_and_running(seen: Evidence) -> None:
    """DIRAC sets Killed at once, and the payload goes on to its next heartbeat; Slurm ends it first."""
    assert seen.of(rosetta=False, dirac=True) == seen.outlives_cancel
    assert not seen.outlives_cancel or seen.document["limits"]["cancel_grace_seconds"] > 0


@row("FLV-39")
def refusals(seen: Evidence) -> None:
    """Each refuses in its own words."""
    expected = seen.of(rosetta="Batch job submission failed: ", dirac=r"Job submission error \( 1503 : ")
    assert re.match(expected, seen.refusal)
