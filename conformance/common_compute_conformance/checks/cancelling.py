"""Check that a job can be cancelled, once and again, and what is left of it then."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

from common_compute_conformance.checks.stopping import stopped
from common_compute_conformance.contract import instant
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.specimen import Specimen
from common_compute_conformance.specimens.lasting import LONG_FIRST, LONG_PARTIAL, lasting_seconds
from common_compute_conformance.trial import Trial

_AT_ONCE = 4


@check("CC-JOB-036", specimens=("plain", "exit-nonzero"))
def a_terminal_job_stays_as_it_is(trial: Trial) -> None:
    """CC-JOB-036: cancel_job of a terminal job is 200, with the job unchanged."""
    for name in ("plain", "exit-nonzero"):
        before = trial.workbench.final(name)
        for _ in range(2):
            exchange = trial.client.call("cancel_job", job_id=str(before["id"]))
            trial.equal(200, exchange.status, "the status of cancelling a terminal job")
            trial.equal(before, exchange.document(), "the job in the answer")
        after = trial.client.call("get_job", job_id=str(before["id"])).expect(200).document()
        trial.equal(before, after, "the job after it was cancelled in vain")
        trial.witness(f"{before['id']} was {before['state']} and still is")


@check("CC-JOB-037")
def a_running_job_is_stopped(trial: Trial) -> None:
    """CC-JOB-037: a long job that is cancelled ends before its command would."""
    stop = stopped(trial)
    if not any(look.document()["state"] == "running" for look in stop.specimen.looks):
        trial.not_applicable(f"the job {stop.specimen.id} was never seen running")
    trial.client.recall(stop.cancelled)
    trial.equal(202, stop.cancelled.status, "the status of cancelling a running job")
    job = stop.job
    trial.require(
        job is not None, f"{stop.specimen.id} did not end within {stop.patience:.0f} s of its cancelling"
    )
    assert job is not None
    if job["state"] == "cancelled":
        trial.equal("cancelled-by-user", job["reason"]["code"], "the reason of the cancelled job")
    trial.require(job["state"] != "succeeded", f"{job['id']}, cancelled while it slept, succeeded")
    trial.require("cancel_requested_at" in job, f"{job['id']} does not tell when it was asked to end")
    asleep = f"{job['id']}, asleep for {lasting_seconds(trial.occasion)} s"
    trial.witness(f"{asleep}, was {job['state']} {stop.seconds:.1f} s after cancel_job")


@check("CC-JOB-047")
def a_cancel_changes_the_etag(trial: Trial) -> None:
    """CC-JOB-047: a request to cancel changes the job, and so its ETag and `updated_at`."""
    stop = stopped(trial)
    told = stop.cancelled.expect(202).document()
    trial.client.recall(stop.cancelled)
    was, became = stop.before["updated_at"], told["updated_at"]
    trial.require(
        instant(was) < instant(became),
        f"updated_at was {was} before the cancel, and is {became} in its answer",
    )
    now = trial.client.call("get_job", job_id=stop.specimen.id, headers={"If-None-Match": stop.etag})
    trial.equal(200, now.status, "the status of get_job with the ETag from before the cancel")
    trial.require(
        now.headers.get("etag") != stop.etag, f"the ETag is {stop.etag} before and after the cancel"
    )
    trial.witness(f"{stop.specimen.id}: {stop.etag} before the cancel, {now.headers.get('etag')} after it")


@check("CC-LOG-007")
def the_live_log_was_a_prefix(trial: Trial) -> None:
    """CC-LOG-007: what was served of a running job is a prefix of its final log."""
    specimen = stopped(trial).specimen
    trial.workbench.final("long")
    final = trial.workbench.log("long", "stdout")
    trial.require(final.startswith(LONG_FIRST.encode()), f"the final log of {specimen.id} is {final!r}")
    trial.witness(f"the final log of {specimen.id} begins with what was served while it ran")


@check("CC-RES-010")
def a_cancelled_job_has_what_it_wrote(trial: Trial) -> None:
    """CC-RES-010: a job cancelled while it ran has the results that it wrote before."""
    specimen = stopped(trial).specimen
    content = trial.workbench.content("long", "partial.seen")
    trial.equal(LONG_PARTIAL.encode(), content, "the result written before the cancelling")
    trial.witness(f"the cancelled job {specimen.id} kept partial.seen")


@dataclass(frozen=True)
class Abandoned:
    """A job that was asked for everything as soon as it was submitted, then cancelled several times."""

    specimen: Specimen
    early: dict[str, Exchange]
    cancels: list[Exchange]


def _abandoned(trial: Trial) -> Abandoned:
    return trial.workbench.shared("abandoned", lambda: _abandon(trial))


def _abandon(trial: Trial) -> Abandoned:
    stopped(trial)
    specimen = trial.workbench.specimen("silent")
    early = {
        "release_job": trial.client.call("release_job", job_id=specimen.id),
        "list_results": trial.client.call("list_results", job_id=specimen.id),
        "stdout": trial.client.call("get_log", job_id=specimen.id, stream="stdout"),
        "stderr": trial.client.call("get_log", job_id=specimen.id, stream="stderr"),
        "get_job": trial.client.call("get_job", job_id=specimen.id),
    }
    if trial.target.claims("credentials"):
        facility = trial.target.facility_id
        early["delete_credential"] = trial.client.call("delete_credential", facility_id=facility)
    gate = Barrier(_AT_ONCE)

    def cancel(_: int) -> Exchange:
        gate.wait(timeout=10)
        return trial.client.call("cancel_job", job_id=specimen.id)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        together = list(pool.map(cancel, range(_AT_ONCE)))
    return Abandoned(specimen, early, [*together, trial.client.call("cancel_job", job_id=specimen.id)])


@check("CC-JOB-040")
def a_new_job_cannot_be_released(trial: Trial) -> None:
    """CC-JOB-040: release_job of a job that has just been submitted is 409, and the job goes on."""
    found = _abandoned(trial)
    trial.client.recall(found.early["release_job"])
    found.early["release_job"].problem(409, "job-not-terminal")
    trial.client.recall(found.early["get_job"])
    trial.equal(200, found.early["get_job"].status, "the status of get_job after the refused release")
    trial.workbench.final("silent")
    for operation_id in ("get_job", "list_results"):
        exchange = trial.client.call(operation_id, job_id=found.specimen.id)
        trial.equal(200, exchange.status, f"the status of {operation_id} when the job has ended")
    trial.witness(f"{found.specimen.id}: 409 job-not-terminal, and it is there when it has ended")


@check("CC-CRED-005")
def a_new_job_needs_its_credential(trial: Trial) -> None:
    """CC-CRED-005: delete_credential right after a submission is 409 `credential-in-use`."""
    if trial.target.facility["credential"]["delegation"] == "service":
        trial.not_applicable("callers have nothing to set up at this facility")
    found = _abandoned(trial)
    trial.client.recall(found.early["delete_credential"])
    found.early["delete_credential"].problem(409, "credential-in-use")
    trial.witness(f"{found.specimen.id}, just submitted: 409 credential-in-use")


@check("CC-RES-001")
def a_new_job_has_no_results(trial: Trial) -> None:
    """CC-RES-001: list_results right after the submission is 409 `results-not-ready`."""
    found = _abandoned(trial)
    trial.client.recall(found.early["list_results"])
    found.early["list_results"].problem(409, "results-not-ready")
    trial.witness(f"{found.specimen.id}, just submitted: 409 results-not-ready")


@check("CC-LOG-003")
def a_new_job_has_no_logs(trial: Trial) -> None:
    """CC-LOG-003: without live-logs, get_log right after the submission is 409 `results-not-ready`."""
    if trial.target.claims("live-logs"):
        trial.not_applicable("the facility claims live-logs")
    found = _abandoned(trial)
    for stream in ("stdout", "stderr"):
        trial.client.recall(found.early[stream])
        found.early[stream].problem(409, "results-not-ready")
    trial.witness(f"{found.specimen.id}, just submitted: 409 results-not-ready")


@check("CC-LOG-008")
def a_silent_job_has_an_empty_log(trial: Trial) -> None:
    """CC-LOG-008: get_log of a job that can have written nothing yet is 200 without bytes."""
    found = _abandoned(trial)
    for stream in ("stdout", "stderr"):
        exchange = found.early[stream]
        trial.client.recall(exchange)
        trial.equal(
            (200, b""), (exchange.status, exchange.content), f"{stream} of a job that has just been submitted"
        )
    job = found.early["get_job"].expect(200).document()
    trial.witness(f"{found.specimen.id} was {job['state']}, and its logs were empty")


@check("CC-JOB-005")
def the_barest_specification_is_given_back(trial: Trial) -> None:
    """CC-JOB-005: `spec` of a body without any optional member has none either."""
    found = _abandoned(trial)
    body = found.specimen.body
    trial.equal(body, found.specimen.submitted.document()["spec"], "spec in the answer to POST")
    trial.client.recall(found.early["get_job"])
    trial.equal(body, found.early["get_job"].expect(200).document()["spec"], "spec in get_job")
    trial.witness(f"the job {found.specimen.id} shows its {len(body)} members, and no other")


@check("CC-JOB-021")
def a_cancelled_job_has_its_reason(trial: Trial) -> None:
    """CC-JOB-021: a job that was cancelled carries a reason, also in the list."""
    found = _abandoned(trial)
    job = trial.workbench.final("silent")
    trial.require(bool(job["reason"]["code"]), f"{job['id']} is {job['state']} without a reason")
    query = [("state", str(job["state"])), ("facility_id", trial.target.facility_id)]
    listed = trial.workbench.walk("list_jobs", "jobs", query)
    mine = [each for each in listed if each["id"] == found.specimen.id]
    trial.equal([job["reason"]], [each.get("reason") for each in mine], "its reason in the list")
    trial.witness(f"{job['id']}: {job['state']}, {job['reason']}")


@check("CC-JOB-026")
def a_cancelled_job_has_everything(trial: Trial) -> None:
    """CC-JOB-026: from the moment a job is seen cancelled, its results and logs are there."""
    found = _abandoned(trial)
    job = trial.workbench.final("silent")
    for exchange in found.specimen.at_end:
        trial.client.recall(exchange)
        trial.equal(200, exchange.status, f"the status of {exchange} at once after {job['state']}")
    trial.witness(f"{job['id']}: {job['state']}, and at once 200 for its results and logs")


@check("CC-JOB-035")
def cancelling_twice_is_cancelling_once(trial: Trial) -> None:
    """CC-JOB-035: cancelling is 202 with `cancel_requested_at`, which repeats leave as it is."""
    specimen, cancels = _abandoned(trial).specimen, _abandoned(trial).cancels
    for exchange in cancels:
        trial.client.recall(exchange)
        job = exchange.expect(200, 202).document()
        # What was terminal on arrival may have become so between two cancels that came together.
        wanted = 202 if job["state"] not in trial.transitions.terminal else exchange.status
        trial.equal(wanted, exchange.status, f"the status of cancelling a job that is {job['state']}")
    trial.require(
        any(exchange.status == 202 for exchange in cancels), "no cancel of a job that had not ended was 202"
    )
    requested = {str(exchange.document()["cancel_requested_at"]) for exchange in cancels}
    trial.equal(1, len(requested), f"the different cancel_requested_at, {sorted(requested)}")
    job = trial.workbench.final("silent")
    trial.equal(requested, {str(job["cancel_requested_at"])}, "cancel_requested_at at the end")
    trial.witness(f"{specimen.id}: asked {len(cancels)} times, requested at {job['cancel_requested_at']}")


@check("CC-JOB-037")
def a_new_job_is_stopped(trial: Trial) -> None:
    """CC-JOB-037: a job that is cancelled at once ends, too."""
    specimen = _abandoned(trial).specimen
    job = trial.workbench.final("silent")
    trial.require(
        job["state"] in ("cancelled", "failed"), f"a job that only sleeps, cancelled, is {job['state']}"
    )
    if job["state"] == "cancelled":
        trial.equal("cancelled-by-user", job["reason"]["code"], "the reason of the cancelled job")
    trial.witness(f"{specimen.id}, cancelled before it could do anything, is {job['state']}")


def _half_failed(trial: Trial) -> Specimen:
    """Return the array of which the first task fails at once, when it has, while the others sleep."""
    return trial.workbench.shared("half failed", lambda: _wait_for_a_failure(trial))


def _wait_for_a_failure(trial: Trial) -> Specimen:
    specimen = trial.workbench.unfinished("long-array")
    for _ in trial.pace.polls(trial.pace.job_patience):
        job = trial.workbench.look(specimen)
        if int(job["task_counts"]["failed"]) or job["state"] in trial.transitions.terminal:
            break
    return specimen


@check("CC-TASK-009")
def an_array_goes_on_after_a_failure(trial: Trial) -> None:
    """CC-TASK-009: an array of which a task has failed is not terminal while others go on."""
    _abandoned(trial)
    specimen = _half_failed(trial)
    live = [state for state in trial.transitions.states if state not in trial.transitions.terminal]
    half = [
        look
        for look in specimen.looks
        if int(look.document()["task_counts"]["failed"])
        and any(int(look.document()["task_counts"][state]) for state in live)
    ]
    if not half:
        trial.not_applicable(f"no task of {specimen.id} was seen to have failed while others went on")
    job = half[0].document()
    trial.client.recall(half[0])
    trial.require(
        job["state"] not in trial.transitions.terminal,
        f"{specimen.id} is {job['state']} with {job['task_counts']}",
    )
    trial.witness(f"{specimen.id} is {job['state']} with {job['task_counts']}")


@check("CC-TASK-008")
def cancelled_tasks_are_counted(trial: Trial) -> None:
    """CC-TASK-008: `task_counts` of a cancelled array counts its tasks by their states."""
    _abandoned(trial)
    specimen = _half_failed(trial)
    trial.client.call("cancel_job", job_id=specimen.id).expect(200, 202)
    job = trial.workbench.final("long-array")
    tasks = trial.workbench.walk("list_tasks", "tasks", job_id=specimen.id)
    states = Counter(str(task["state"]) for task in tasks)
    wanted = {"total": len(tasks), **{state: states[state] for state in trial.transitions.states}}
    trial.equal(wanted, {name: job["task_counts"][name] for name in wanted}, f"task_counts of {job['id']}")
    trial.witness(f"{job['id']}: {dict(states)}")


@check("CC-TASK-013")
def cancelling_an_array_ends_every_task(trial: Trial) -> None:
    """CC-TASK-013: cancelling an array job brings each of its tasks to a terminal state."""
    _abandoned(trial)
    specimen = _half_failed(trial)
    trial.client.call("cancel_job", job_id=specimen.id).expect(200, 202)
    trial.workbench.final("long-array")
    tasks = trial.workbench.walk("list_tasks", "tasks", job_id=specimen.id)
    states = [str(task["state"]) for task in tasks]
    trial.equal(int(specimen.body["array"]["count"]), len(tasks), "the number of tasks")
    trial.require(set(states) <= trial.transitions.terminal, f"the tasks are {states}")
    trial.require(
        "succeeded" not in states, f"the tasks of {specimen.id}, of which none can succeed, are {states}"
    )
    trial.witness(f"{specimen.id}: its tasks are {', '.join(states)}")


@check("CC-TASK-009")
def failing_comes_before_cancelling(trial: Trial) -> None:
    """CC-TASK-009: a cancelled array of which a task failed is failed, with that task's reason."""
    _abandoned(trial)
    specimen = _half_failed(trial)
    trial.client.call("cancel_job", job_id=specimen.id).expect(200, 202)
    job = trial.workbench.final("long-array")
    tasks = trial.workbench.walk("list_tasks", "tasks", job_id=specimen.id)
    failed = [task for task in tasks if task["state"] == "failed"]
    if failed:
        trial.equal("failed", job["state"], f"the state of {specimen.id}, of which a task failed")
        trial.equal(
            failed[0]["reason"]["code"], job["reason"]["code"], "its reason, the lowest failed task's"
        )
    else:
        trial.equal("cancelled", job["state"], f"the state of {specimen.id}, of which no task failed")
    trial.witness(
        f"{specimen.id}: {job['state']}, {job['reason']}; its tasks {[task['state'] for task in tasks]}"
    )
