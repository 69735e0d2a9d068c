"""Check that a released job is gone, at once and everywhere, and what is left of its key."""

from __future__ import annotations

from common_compute_conformance.checks.idempotency import twins
from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial


@check("CC-JOB-039", specimens=("same-1", "same-2"))
def a_released_job_is_gone(trial: Trial) -> None:
    """CC-JOB-039: release_job is 204, and at once the job is in no list and answers 404."""
    specimen = trial.workbench.specimen("same-1")
    stays = trial.workbench.succeeded("same-2")
    trial.workbench.succeeded("same-1")
    result_id = str(trial.workbench.results("same-1")[0]["id"])
    query = [("label", f"run={trial.workbench.run_name}"), ("label", "shelf=one")]

    def listed() -> set[str]:
        return {str(each["id"]) for each in trial.workbench.walk("list_jobs", "jobs", query)}

    def in_any_list() -> list[str]:
        filters: tuple[list[tuple[str, str]], ...] = (
            [],
            [("state", "succeeded")],
            [("facility_id", trial.target.facility_id)],
        )
        return [
            f"list_jobs with {each or 'no filter'}"
            for each in filters
            if specimen.id in {str(job["id"]) for job in trial.workbench.walk("list_jobs", "jobs", each)}
        ]

    before = listed()
    trial.require(specimen.id in before, f"the job {specimen.id} is not in the list before its release")
    trial.equal(204, trial.client.call("release_job", job_id=specimen.id).status, "the status of release_job")
    for exchange in (
        trial.client.call("get_job", job_id=specimen.id),
        trial.client.call("cancel_job", job_id=specimen.id),
        trial.client.call("release_job", job_id=specimen.id),
        trial.client.call("list_results", job_id=specimen.id),
        trial.client.call("get_result", job_id=specimen.id, result_id=result_id),
        trial.client.call("get_log", job_id=specimen.id, stream="stdout"),
        trial.client.call("get_log", job_id=specimen.id, stream="stderr"),
        *([trial.client.call("list_tasks", job_id=specimen.id)] if trial.target.claims("arrays") else []),
    ):
        trial.require(exchange.status == 404, f"after the release: {exchange}, not 404")
        exchange.problem(404, "not-found")
    trial.equal(before - {specimen.id}, listed(), "the jobs in the list after the release")
    trial.equal([], in_any_list(), "the lists that still show the job after the release")
    trial.pace.sleep(trial.pace.settling)
    trial.client.call("get_job", job_id=specimen.id).problem(404, "not-found")
    trial.equal(before - {specimen.id}, listed(), "the jobs in the list somewhat later")
    kept = trial.client.call("get_job", job_id=str(stays["id"])).expect(200).document()
    trial.equal(stays, kept, "the job of the same body that was not released")
    trial.witness(f"{specimen.id} was there, was released with 204, and is nowhere")


@check("CC-IDEM-008")
def a_key_outlives_its_job(trial: Trial) -> None:
    """CC-IDEM-008: after the release a key is 409 `job-released`, and 422 with another body."""
    specimen = twins(trial).specimen
    trial.workbench.ended(specimen)
    trial.client.call("release_job", job_id=specimen.id).expect(204, 404)
    again = trial.client.call("submit_job", body=specimen.body, headers=specimen.headers)
    trial.require(again.status != 201, "the key of a released job made a second job")
    again.problem(409, "job-released")
    other = trial.client.call("submit_job", body={**specimen.body, "name": "A y"}, headers=specimen.headers)
    other.problem(422, "idempotency-key-reused")
    trial.witness(f"the key of the released job {specimen.id}: 409 with its body, 422 with another")
