"""The dated record of a run, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batches import ARRAY_TASKS
from grid_points import GridPoint
from grid_way import SINGLE_JOBS
from outcomes import Outcome, fill

_ABOUT = """\
# Submissions to DIRAC that were cut, {date}

{cuts} submissions of {jobs} jobs each (a single one and an array of {elements}) to a real DIRAC were cut: {kinds}.
Lost: {lost}. Twice: {twice}.

Proxies between DIRAC's client and the services that a submission goes to, and one between our client and the service, count
bytes and cut after a chosen one: before each piece that an uncut submission sends, and within it. `reset`: both sides are
reset; `silence`: for five seconds nothing passes either way, then both sides are reset. `kill -9`: the way is held there, and the
server is killed, and started again on the same store, or only the process that talks to DIRAC. Clients repeat a POST
whose answer they did not get, with the same `Idempotency-Key`.

Afterwards the jobs are counted: by the API, where each has to be `succeeded`; in DIRAC's database, which has to have each task's
name once, but for jobs that were taken back before they ran; and by a file to which each task appends its job's id and its
index. `lost` and `twice` count what is missing and what is there more than once, in any of them. Recovery: seconds from
the cut until the service knew that DIRAC has all jobs.

Run again: `common-compute facility status dirac --json | python reference_impl/dirac/tests/cuts --all --record FILE`; one point:
`--only ID`.

{versions}

| how | {head} |
|---|{rule}|
{summary}

## Every point

| id | where | how | {head} |
|---|---|---|{rule}|
{rows}
"""


def record(
    outcomes: Sequence[Outcome[GridPoint]], points: Sequence[GridPoint], versions: Mapping[str, str]
) -> str:
    """Write the record, with a line for each point, in their order."""
    size = {"jobs": SINGLE_JOBS + 1, "elements": ARRAY_TASKS}
    return fill(_ABOUT, outcomes, points, {"dirac": versions["dirac"]}, size)
