"""The ready histories: what their files say becomes jobs that could have been at this facility."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common_compute_connector.admission import Offer, judge, schema_faults
from common_compute_connector.jobs import Resolved, State, Task, advance, conclude
from common_compute_mocks import flavours, histories
from common_compute_mocks.server.past_jobs import PastJob

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def jobs_of(name: str, flavour: str) -> list[PastJob]:
    return histories.past_jobs(name, flavours.load(flavour), flavour, "anna", NOW)


ALL = [
    (name, flavour) for name in histories.names() for flavour in flavours.names() if jobs_of(name, flavour)
]


def replayed(job: PastJob) -> list[Task]:
    """Take in what was seen of a job, as the ground does."""
    task, tasks = Task(0), [Task(0)]
    for at, seen in job.seen:
        task = advance(task, seen, at, job.created_at)
        task = conclude(task, (), ()) if task.ending is not None else task
        tasks.append(task)
    return tasks


def test_concordia_is_there() -> None:
    """ESAP's canned answer is offered, at DIRAC."""
    assert ("concordia", "dirac") in ALL


@pytest.mark.parametrize(("name", "flavour"), ALL)
def test_a_past_job_went_a_legal_way_to_an_end(name: str, flavour: str) -> None:
    """Every sight of a past job is a step that the contract allows, and the last is an end within the retention."""
    retention = timedelta(seconds=flavours.load(flavour).facility["limits"]["result_retention_seconds"])
    for job in jobs_of(name, flavour):
        tasks = replayed(job)
        assert [seen.state for _, seen in job.seen] == [task.state for task in tasks[1:]]
        end = tasks[-1]
        assert end.state.terminal
        assert job.created_at < end.started_at <= end.finished_at < NOW
        assert NOW - end.finished_at < retention
        assert "anna" == job.owner


@pytest.mark.parametrize(("name", "flavour"), ALL)
def test_a_past_job_could_be_submitted_here(name: str, flavour: str) -> None:
    """The specification of a past job is one that the facility takes."""
    data = flavours.load(flavour)
    offer = Offer(data.facility, data.software)
    for job in jobs_of(name, flavour):
        assert flavour == job.spec["facility_id"]
        found = judge(job.spec, schema_faults(job.spec), {flavour: offer}.get)
        assert [] == list(found)


@pytest.mark.parametrize(("name", "flavour"), ALL)
def test_a_past_job_submitted_again_leaves_the_same(
    name: str, flavour: str, request: pytest.FixtureRequest
) -> None:
    """Whoever submits a past job's specification again gets its end, its logs and its results once more."""
    bench: Any = request.getfixturevalue(flavour)
    for number, job in enumerate(jobs_of(name, flavour)):
        part = bench.submit(dict(job.spec), f"again-{number}")
        end, last = bench.end(part), job.seen[-1][1]
        assert (last.state, last.exit_code) == (end.state, end.exit_code)
        home = bench.home(part, job.spec)
        assert {path: body for path, (_, body) in job.results.items()} == home.files
        assert job.logs == home.logs


def test_concordia_says_what_esap_was_told() -> None:
    """The job has the number, the site and both pairs of states of ESAP's canned answer."""
    (job,) = jobs_of("concordia", "dirac")
    natives = [seen.native for _, seen in job.seen]
    assert ["18544353", "18544353"] == [native.id for native in natives]
    assert [("Running", "Job Initialization"), ("Done", "Execution Complete; echo successful")] == [
        (native.state, native.detail) for native in natives
    ]
    assert [State.PENDING, State.RUNNING, State.SUCCEEDED] == [task.state for task in replayed(job)]
    assert Resolved(software_version="v0.19.2", site="LCG.IN2P3-CC.fr") == job.seen[-1][1].resolved
    assert ("Hello World", 500) == (job.spec["name"], job.spec["metadata"]["CPUTime"])
    assert [] == jobs_of("concordia", "rosetta")
