"""The dated record of a run, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from batches import ARRAY_TASKS
from outcomes import Outcome, fill
from points import Point
from way import SINGLE_JOBS

_ABOUT = """\
# Submissions to Slurm that were cut, {date}

{cuts} submissions of {jobs} jobs each ({singles} single ones and an array of {elements}) to a real Slurm over SSH were cut: {kinds}.
Lost: {lost}. Twice: {twice}.

A proxy between the service and sshd, and one between the client and the service, count bytes and cut after a chosen one:
before each piece that an uncut submission sends, and within it. `reset`: both sides are reset; `silence`: for five seconds
nothing passes either way, then both sides are reset, or never, and the service itself has to notice; `kill -9`: both ways
are held there and the server's process is killed, or the process kills itself right before or after a transaction of its
store, or at a random moment; it is started again on the same store. One kill of a server cuts one submission of each of its
facilities, each at a point of its own. Clients repeat a POST whose answer they did not get, with the same `Idempotency-Key`.

Afterwards the jobs are counted: by the API, where each has to be `succeeded`; by `sacct`, which has to know the name of each
once and no other name of the service; and by a file to which each task appends its job's id and its index. `lost` and
`twice` count what is missing and what is there more than once, in any of them. Recovery: seconds from the cut until the
service knew that Slurm has all jobs; it includes the restart of the server, and where a submission may still have been on
its way, the 30 seconds within which it could appear.

Run again: `common-compute facility status slurm --json | python reference_impl/rosetta/tests/slurm/cuts --all --record FILE`;
one point: `--only ID`.

{versions}

| how | {head} |
|---|{rule}|
{summary}

## Every point

| id | where | how | {head} |
|---|---|---|{rule}|
{rows}
"""


def record(outcomes: Sequence[Outcome[Point]], points: Sequence[Point], versions: Mapping[str, str]) -> str:
    """Write the record, with a line for each point, in their order."""
    shown = {
        "paramiko": version("paramiko"),
        "slurm": versions["slurmctld"],
        "openssh-server": versions["openssh-server"],
    }
    size = {"jobs": SINGLE_JOBS + 1, "singles": SINGLE_JOBS, "elements": ARRAY_TASKS}
    return fill(_ABOUT, outcomes, points, shown, size)
