"""The rows about the way of a job that nothing happens to."""

from __future__ import annotations

import re

from common_compute_connector.jobs import State
from common_compute_mocks.flavours.differences.evidence import Evidence
from common_compute_mocks.flavours.differences.rows import row

_SLURM = ["PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "COMPLETED"]
_DIRAC = ["Received", "Checking", "Waiting", "Matched", "Running", "Completing", "Completed", "Done"]


@row("FLV-20")
def native_states(seen: Evidence) -> None:
    """Each facility has its own states, in its own order; one that is over between two looks is not seen."""
    order = seen.of(rosetta=_SLURM, dirac=_DIRAC)
    states = seen.natives("succeeds")
    assert [state for state in order if state in states] == states
    assert order[-1] == states[-1]


@row("FLV-21")
def steps_before_the_start(seen: Evidence) -> None:
    """A grid's job goes through many more hands before it runs than a cluster's."""
    waiting = {
        native.state
        for sight in seen.lives["succeeds"]
        if sight.state is State.QUEUED and (native := sight.native)
    }
    assert seen.of(rosetta={"PENDING", "CONFIGURING"}, dirac={*_DIRAC[:4]}) >= waiting
    assert seen.of(rosetta="PENDING", dirac="Waiting") in waiting


@row("FLV-22")
def words_while_waiting(seen: Evidence) -> None:
    """Slurm gives a reason for waiting, DIRAC the step at which the job is."""
    state, words = seen.of(rosetta=("PENDING", "Priority"), dirac=("Waiting", "Pilot Agent Submission"))
    assert words in seen.words("succeeds", state)


@row("FLV-23")
def completed(seen: Evidence) -> None:
    """Slurm's COMPLETED is the end; DIRAC's Completed, where a job passes through it, is not."""
    ours = {
        native.state: sight.state
        for sight in seen.lives["succeeds"]
        if (native := sight.native) and native.state in ("COMPLETED", "Completed", "Done")
    }
    end = seen.of(rosetta="COMPLETED", dirac="Done")
    assert State.SUCCEEDED is ours.pop(end, None)
    assert {"Completed": State.RUNNING}.items() >= ours.items()


@row("FLV-24")
def last_words_of_success(seen: Evidence) -> None:
    """Slurm ends with the pair of exit code and signal, DIRAC with what its requests came to."""
    words = seen.last_words("succeeds")[1]
    assert re.search(seen.of(rosetta="ExitCode 0:0$", dirac="^(Execution Complete|Requests done)"), words)


@row("FLV-25")
def native_ids(seen: Evidence) -> None:
    """Slurm calls the tasks of an array by one number and their index, DIRAC each by a number of its own."""
    first, second = seen.array_ids
    job, _, index = second.partition("_")
    assert seen.of(rosetta=(f"{job}_0", "1"), dirac=(str(int(job) - 1), "")) == (first, index)


@row("FLV-26")
def places_told(seen: Evidence) -> None:
    """Of where and what ran a cluster tells node and image, a grid also the site, and the version."""
    resolved = seen.end("succeeds").resolved
    assert resolved is not None
    told = {name for name in ("image_digest", "software_version", "site") if getattr(resolved, name)}
    assert seen.of(rosetta={"image_digest"}, dirac={"software_version", "site"}) == told
