"""Check what may be asked of a job that has not ended."""

from __future__ import annotations

from common_compute_conformance.registry import check
from common_compute_conformance.specimens.lasting import LONG_FIRST
from common_compute_conformance.trial import Trial


@check("CC-JOB-040")
def a_running_job_cannot_be_released(trial: Trial) -> None:
    """CC-JOB-040: release_job of a job that is not terminal is 409, and the job goes on."""
    specimen = trial.workbench.unfinished("long")
    before = trial.workbench.look(specimen)["state"]
    trial.client.call("release_job", job_id=specimen.id).problem(409, "job-not-terminal")
    job = trial.workbench.look(specimen)
    trial.equal(before, job["state"], "the state after the refused release")
    trial.require("cancel_requested_at" not in job, "the refused release has cancelled the job")
    trial.witness(f"{specimen.id}: 409 job-not-terminal, and it is still {before}")


@check("CC-JOB-047")
def observing_changes_no_etag(trial: Trial) -> None:
    """CC-JOB-047: while nothing but `observed_at` of a job changes, its ETag and `updated_at` stay."""
    specimen = trial.workbench.unfinished("long")
    before = trial.client.call("get_job", job_id=specimen.id).expect(200)
    for _ in trial.pace.polls(min(3.0, trial.pace.job_patience)):
        after = trial.client.call("get_job", job_id=specimen.id).expect(200)
        if after.document().get("observed_at") != before.document().get("observed_at"):
            break
    old, new = (
        {name: value for name, value in each.document().items() if name not in ("observed_at", "updated_at")}
        for each in (before, after)
    )
    if old != new:
        trial.not_applicable(f"the job {specimen.id} changed in more than observed_at meanwhile")
    trial.equal(before.headers.get("etag"), after.headers.get("etag"), f"the ETag of {specimen.id}")
    trial.equal(before.document()["updated_at"], after.document()["updated_at"], "updated_at")
    trial.witness(f"{specimen.id}, observed again: {after.headers.get('etag')} as before")


@check("CC-ACC-004")
def the_running_jobs_of_others_are_not_there(trial: Trial) -> None:
    """CC-ACC-004: another's job that has not ended can neither be cancelled nor released, and goes on."""
    specimen = trial.workbench.unfinished("long")
    for operation_id in ("cancel_job", "release_job", "get_job", "list_results"):
        trial.other_caller().call(operation_id, job_id=specimen.id).problem(404, "not-found")
    job = trial.workbench.look(specimen)
    trial.require("cancel_requested_at" not in job, f"{specimen.id} was cancelled by another caller")
    trial.require(job["state"] not in trial.transitions.terminal, f"{specimen.id} is {job['state']}")
    trial.witness(f"{specimen.id} is {job['state']} after another caller tried to end it")


@check("CC-RES-001")
def a_running_job_has_no_results(trial: Trial) -> None:
    """CC-RES-001: list_results and get_result before the end are 409 `results-not-ready`."""
    specimen = trial.workbench.unfinished("long")
    trial.client.call("list_results", job_id=specimen.id).problem(409, "results-not-ready")
    exchange = trial.client.call("get_result", job_id=specimen.id, result_id="any-result")
    exchange.problem(409, "results-not-ready")
    trial.witness(f"{specimen.id} has not ended: 409 results-not-ready from both")


@check("CC-LOG-003")
def a_running_job_has_no_logs(trial: Trial) -> None:
    """CC-LOG-003: without live-logs, get_log before the end is 409 `results-not-ready`."""
    if trial.target.claims("live-logs"):
        trial.not_applicable("the facility claims live-logs")
    specimen = trial.workbench.unfinished("long")
    for stream in ("stdout", "stderr"):
        trial.client.call("get_log", job_id=specimen.id, stream=stream).problem(409, "results-not-ready")
    trial.witness(f"{specimen.id} has not ended: 409 results-not-ready for both logs")


@check("CC-LOG-007")
def a_running_job_shows_its_log(trial: Trial) -> None:
    """CC-LOG-007: get_log of a running job gives what was written so far."""
    specimen = trial.workbench.running("long")
    seen = b""
    for _ in trial.pace.polls(trial.pace.job_patience):
        now = trial.workbench.log("long", "stdout")
        trial.require(now.startswith(seen), f"the log was {seen!r} and is now {now!r}")
        seen = now
        if seen:
            break
    trial.equal(LONG_FIRST.encode(), seen, "the log of a job that wrote one line and sleeps")
    trial.equal("running", trial.workbench.look(specimen)["state"], "the state when the log was read")
    trial.equal(b"", trial.workbench.log("long", "stderr"), "stderr of a job that wrote nothing there")
    trial.witness(f"{specimen.id} is running, and its log is {seen!r}")


@check("CC-LOG-009")
def parts_of_live_logs_are_exact(trial: Trial) -> None:
    """CC-LOG-009: a range of a live log from its present end on is 416 with the length."""
    if not trial.target.claims("live-logs"):
        trial.not_applicable("the facility does not claim live-logs")
    specimen = trial.workbench.running("long")
    for _ in trial.pace.polls(trial.pace.job_patience):
        if trial.workbench.log("long", "stdout") == LONG_FIRST.encode():
            break
    size = len(LONG_FIRST)
    headers = {"Range": f"bytes={size}-"}
    exchange = trial.client.call("get_log", job_id=specimen.id, stream="stdout", headers=headers)
    exchange.problem(416, "range-not-satisfiable")
    trial.equal(f"bytes */{size}", exchange.headers.get("content-range"), "Content-Range of the 416")
    part = trial.client.call("get_log", job_id=specimen.id, stream="stdout", headers={"Range": "bytes=4-"})
    trial.equal((206, LONG_FIRST[4:].encode()), (part.status, part.content), "a range of a live log")
    trial.witness(f"{specimen.id} is running: {part}, {exchange}")


@check("CC-ERR-014")
def parameters_are_looked_at_before_the_state(trial: Trial) -> None:
    """CC-ERR-014: 422 comes before 409, and 409 before the 404 of a result."""
    running = trial.workbench.specimen("long").id
    query = [("surprise", "1")]
    for exchange, status in (
        (trial.client.call("list_results", job_id=running, query=query), 422),
        (trial.client.call("release_job", job_id=running, query=query), 422),
        (trial.client.call("get_result", job_id=running, result_id="no-such-result"), 409),
    ):
        trial.require(exchange.status == status, f"expected {status}, got {exchange}")
        trial.witness(str(exchange))
