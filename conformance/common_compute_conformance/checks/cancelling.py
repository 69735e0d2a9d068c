"""Check that a job can be cancelled, once and again, and what is left of it then."""

from __future__ import annotations

from common_compute_conformance.registry import check
from common_compute_conformance.specimens import LONG_FIRST, LONG_PARTIAL, LONG_SECONDS
from common_compute_conformance.trial import Trial
from common_compute_conformance.workbench import Specimen


def _cancelled(trial: Trial, name: str) -> Specimen:
    """Return a specimen that was running, was cancelled and has ended."""
    specimen = trial.workbench.specimen(name)
    if specimen.final is None:
        trial.workbench.running(name)
        trial.client.call("cancel_job", job_id=specimen.id).expect(202)
        trial.workbench.final(name)
    return specimen


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
    specimen = trial.workbench.running("long")
    started = trial.pace.now()
    exchange = trial.client.call("cancel_job", job_id=specimen.id)
    trial.equal(202, exchange.status, "the status of cancelling a running job")
    grace = int(trial.target.limits.get("cancel_grace_seconds", 0))
    patience = min(trial.pace.cancel_patience + grace, LONG_SECONDS / 2)
    job = trial.workbench.settle(specimen, patience)
    trial.require(job is not None, f"{specimen.id} did not end within {patience:.0f} s of its cancelling")
    assert job is not None
    if job["state"] == "cancelled":
        trial.equal("cancelled-by-user", job["reason"]["code"], "the reason of the cancelled job")
    trial.require(job["state"] != "succeeded", f"{specimen.id}, cancelled while it slept, succeeded")
    trial.require("cancel_requested_at" in job, f"{specimen.id} does not tell when it was asked to end")
    seconds = trial.pace.now() - started
    trial.witness(
        f"{specimen.id}, which sleeps {LONG_SECONDS} s, was {job['state']} {seconds:.1f} s after cancel_job"
    )


@check("CC-LOG-007")
def the_live_log_was_a_prefix(trial: Trial) -> None:
    """CC-LOG-007: what was served of a running job is a prefix of its final log."""
    specimen = _cancelled(trial, "long")
    final = trial.workbench.log("long", "stdout")
    trial.require(final.startswith(LONG_FIRST.encode()), f"the final log of {specimen.id} is {final!r}")
    trial.witness(f"the final log of {specimen.id} begins with what was served while it ran")


@check("CC-RES-010")
def a_cancelled_job_has_what_it_wrote(trial: Trial) -> None:
    """CC-RES-010: a job cancelled while it ran has the results that it wrote before."""
    specimen = _cancelled(trial, "long")
    content = trial.workbench.content("long", "partial.seen")
    trial.equal(LONG_PARTIAL.encode(), content, "the result written before the cancelling")
    trial.witness(f"the cancelled job {specimen.id} kept partial.seen")


@check("CC-LOG-008")
def a_silent_job_has_an_empty_log(trial: Trial) -> None:
    """CC-LOG-008: get_log of a job that can have written nothing yet is 200 without bytes."""
    _cancelled(trial, "long")
    specimen = trial.workbench.specimen("silent")
    for stream in ("stdout", "stderr"):
        exchange = trial.client.call("get_log", job_id=specimen.id, stream=stream)
        trial.equal(
            (200, b""), (exchange.status, exchange.content), f"{stream} of a job that has just been submitted"
        )
    job = trial.workbench.look(specimen)
    trial.require(job["state"] not in trial.transitions.terminal, f"{specimen.id} has ended meanwhile")
    trial.witness(f"{specimen.id} is {job['state']}, and its logs are empty")


@check("CC-JOB-035")
def cancelling_twice_is_cancelling_once(trial: Trial) -> None:
    """CC-JOB-035: cancelling is 202 with `cancel_requested_at`, which repeats leave as it is."""
    _cancelled(trial, "long")
    specimen = trial.workbench.specimen("silent")
    first = trial.client.call("cancel_job", job_id=specimen.id)
    trial.equal(202, first.status, "the status of cancelling a job that is not terminal")
    requested = first.document()["cancel_requested_at"]
    for _ in range(3):
        again = trial.client.call("cancel_job", job_id=specimen.id).expect(200, 202)
        trial.equal(
            requested, again.document()["cancel_requested_at"], "cancel_requested_at after another cancel"
        )
    job = trial.workbench.final("silent")
    trial.equal(requested, job["cancel_requested_at"], "cancel_requested_at at the end")
    trial.equal("cancelled", job["state"], "the state of a job that only sleeps")
    trial.equal("cancelled-by-user", job["reason"]["code"], "its reason")
    trial.witness(f"{specimen.id}: asked to end at {requested}, whatever came after; {job['state']}")


@check("CC-JOB-037")
def a_new_job_is_stopped(trial: Trial) -> None:
    """CC-JOB-037: a job that is cancelled at once ends, too."""
    body = {**trial.workbench.trivial(), "command": ["sleep", str(LONG_SECONDS)]}
    specimen = trial.workbench.once(body)
    trial.client.call("cancel_job", job_id=specimen.id).expect(202)
    job = trial.workbench.ended(specimen)
    trial.equal(("cancelled", "cancelled-by-user"), (job["state"], job["reason"]["code"]), "state and reason")
    trial.witness(f"{specimen.id}, cancelled before it could run, is {job['state']}")


@check("CC-TASK-013")
def cancelling_an_array_ends_every_task(trial: Trial) -> None:
    """CC-TASK-013: cancelling an array job brings each of its tasks to a terminal state."""
    _cancelled(trial, "long")
    specimen = _cancelled(trial, "long-array")
    job = trial.workbench.final("long-array")
    tasks = trial.workbench.walk("list_tasks", "tasks", job_id=specimen.id)
    states = [str(task["state"]) for task in tasks]
    trial.equal(int(specimen.body["array"]["count"]), len(tasks), "the number of tasks")
    trial.require(set(states) <= trial.transitions.terminal, f"the tasks are {states}")
    trial.equal("cancelled", job["state"], "the state of the cancelled array job")
    trial.witness(f"{specimen.id}: its tasks are {', '.join(states)}")
