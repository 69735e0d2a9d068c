"""Check that a job can be cancelled, once and again, and what is left of it then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from common_compute_conformance.checks.stopping import stopped
from common_compute_conformance.client import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.specimens.lasting import LONG_FIRST, LONG_PARTIAL, LONG_SECONDS
from common_compute_conformance.trial import Trial
from common_compute_conformance.workbench import Specimen

_AT_ONCE = 4


@check("CC-JOB-036", specimens=("plain",))
def a_terminal_job_stays_as_it_is(trial: Trial) -> None:
    """CC-JOB-036: cancel_job of a terminal job is 200, with the job unchanged."""
    before = trial.workbench.final("plain")
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
    trial.witness(
        f"{job['id']}, asleep for {LONG_SECONDS} s, was {job['state']} {stop.seconds:.1f} s after cancel_job"
    )


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


@check("CC-LOG-008")
def a_silent_job_has_an_empty_log(trial: Trial) -> None:
    """CC-LOG-008: get_log of a job that can have written nothing yet is 200 without bytes."""
    stopped(trial)
    specimen = trial.workbench.specimen("silent")
    if specimen.final is not None:
        trial.not_assessed(f"the job {specimen.id} has ended already")
    for stream in ("stdout", "stderr"):
        exchange = trial.client.call("get_log", job_id=specimen.id, stream=stream)
        trial.equal(
            (200, b""), (exchange.status, exchange.content), f"{stream} of a job that has just been submitted"
        )
    job = trial.workbench.look(specimen)
    trial.require(job["state"] not in trial.transitions.terminal, f"{specimen.id} has ended meanwhile")
    trial.witness(f"{specimen.id} is {job['state']}, and its logs are empty")


@check("CC-JOB-005")
def the_barest_specification_is_given_back(trial: Trial) -> None:
    """CC-JOB-005: `spec` of a body without any optional member has none either."""
    stopped(trial)
    specimen = trial.workbench.specimen("silent")
    trial.equal(specimen.body, specimen.submitted.document()["spec"], "spec in the answer to POST")
    found = trial.client.call("get_job", job_id=specimen.id).expect(200).document()
    trial.equal(specimen.body, found["spec"], "spec in get_job")
    trial.witness(f"the job {specimen.id} shows its {len(specimen.body)} members, and no other")


def _abandoned(trial: Trial) -> tuple[Specimen, list[Exchange]]:
    """Cancel a job as soon as it is submitted, by several callers at once and once more."""
    stopped(trial)
    specimen = trial.workbench.specimen("silent")
    gate = Barrier(_AT_ONCE)

    def cancel(_: int) -> Exchange:
        gate.wait(timeout=10)
        return trial.client.call("cancel_job", job_id=specimen.id)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        together = list(pool.map(cancel, range(_AT_ONCE)))
    return specimen, [*together, trial.client.call("cancel_job", job_id=specimen.id)]


@check("CC-JOB-035")
def cancelling_twice_is_cancelling_once(trial: Trial) -> None:
    """CC-JOB-035: cancelling is 202 with `cancel_requested_at`, which repeats leave as it is."""
    specimen, cancels = trial.workbench.shared("abandoned", lambda: _abandoned(trial))
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
    specimen, _ = trial.workbench.shared("abandoned", lambda: _abandoned(trial))
    job = trial.workbench.final("silent")
    trial.require(
        job["state"] in ("cancelled", "failed"), f"a job that only sleeps, cancelled, is {job['state']}"
    )
    if job["state"] == "cancelled":
        trial.equal("cancelled-by-user", job["reason"]["code"], "the reason of the cancelled job")
    trial.witness(f"{specimen.id}, cancelled before it could do anything, is {job['state']}")


@check("CC-TASK-013")
def cancelling_an_array_ends_every_task(trial: Trial) -> None:
    """CC-TASK-013: cancelling an array job brings each of its tasks to a terminal state."""
    trial.workbench.shared("abandoned", lambda: _abandoned(trial))
    specimen = trial.workbench.unfinished("long-array")
    trial.client.call("cancel_job", job_id=specimen.id).expect(202)
    job = trial.workbench.final("long-array")
    tasks = trial.workbench.walk("list_tasks", "tasks", job_id=specimen.id)
    states = [str(task["state"]) for task in tasks]
    trial.equal(int(specimen.body["array"]["count"]), len(tasks), "the number of tasks")
    trial.require(set(states) <= trial.transitions.terminal, f"the tasks are {states}")
    wanted = "failed" if "failed" in states else "cancelled" if "cancelled" in states else "succeeded"
    trial.equal(wanted, job["state"], f"the state of the cancelled array job, whose tasks are {states}")
    trial.require(wanted != "succeeded", f"the tasks of {specimen.id}, which only sleep, all succeeded")
    trial.witness(f"{specimen.id}: its tasks are {', '.join(states)}")
