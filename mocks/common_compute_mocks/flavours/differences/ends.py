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
    """Slurm has the exit code in a field, DIRAC in the text of the application's status."""
    assert _told(seen.end("exits with 3")) == ("exit-nonzero", 3, None)
    state, words = seen.last_words("exits with 3")
    assert seen.of(rosetta="FAILED", dirac="Failed") == state
    assert re.search(seen.of(rosetta="ExitCode 3:0", dirac="Exited With Status 3$"), words)


@row("FLV-31")
def way_of_a_failure(seen: Evidence) -> None:
    """DIRAC's job is Completing with errors before it is Failed; Slurm's ends as a good one does."""
    word = "Application Finished With Errors"
    completing = seen.of(rosetta="COMPLETING", dirac="Completing")
    assert completing in seen.natives("exits with 3")
    assert seen.of(rosetta=False, dirac=True) == (word in seen.words("exits with 3", completing))


@row("FLV-32")
def signals(seen: Evidence) -> None:
    """Slurm tells the signal; of DIRAC comes home an exit code of 128 more."""
    expected = seen.of(rosetta=("signal", None, 9), dirac=("exit-nonzero", 137, None))
    assert expected == _told(seen.end("killed by 9"))


@row("FLV-33")
def memory(seen: Evidence) -> None:
    """Slurm says OUT_OF_MEMORY; at DIRAC's sites something kills the payload, and nobody says why."""
    expected = seen.of(rosetta=("out-of-memory", None, None), dirac=("exit-nonzero", 137, None))
    assert expected == _told(seen.end("takes all memory"))
    assert seen.of(rosetta="OUT_OF_MEMORY", dirac="Failed") == seen.last_words("takes all memory")[0]


@row("FLV-34")
def wall_time(seen: Evidence) -> None:
    """Slurm ends a job at its wall time; to DIRAC that is what an estimate of CPU time is made of."""
    assert seen.of(rosetta=["enforced"], dirac=["advisory"]) == seen.support("wall_time_seconds")
    end = seen.end("takes too long")
    expected = seen.of(rosetta=("wall-time-exceeded", "TIMEOUT"), dirac=(None, "Done"))
    assert expected == (_told(end)[0], seen.last_words("takes too long")[0])


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
    """Slurm names the one who cancelled, by uid; DIRAC says Killed."""
    assert State.CANCELLED is seen.end("cancelled").state
    state, words = seen.last_words("cancelled")
    assert re.fullmatch(seen.of(rosetta="CANCELLED by [0-9]+", dirac="Killed"), state)
    assert seen.of(rosetta="ExitCode 0:15", dirac="Marked for termination") == words


@row("FLV-38")
def cancelled_and_running(seen: Evidence) -> None:
    """DIRAC sets Killed at once, and the payload goes on to its next heartbeat; Slurm ends it first."""
    assert seen.of(rosetta=False, dirac=True) == seen.outlives_cancel
    assert not seen.outlives_cancel or seen.document["limits"]["cancel_grace_seconds"] > 0


@row("FLV-39")
def refusals(seen: Evidence) -> None:
    """Each refuses in its own words."""
    expected = seen.of(
        rosetta="sbatch: error: Batch job submission failed: ", dirac=r"Job submission error \( 1503 : "
    )
    assert re.match(expected, seen.refusal)
