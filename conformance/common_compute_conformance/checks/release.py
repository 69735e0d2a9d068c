"""Check that a released job is gone, at once and everywhere."""

from __future__ import annotations

from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial


@check("CC-JOB-039")
def a_released_job_is_gone(trial: Trial) -> None:
    """CC-JOB-039: release_job is 204, and at once the job is in no list and answers 404."""
    mark = trial.pace.draw_name("released")
    body = {**trial.workbench.specimen("plain").body, "labels": {"released": mark}}
    specimen = trial.workbench.once(body)
    trial.workbench.ended(specimen)
    listed = trial.client.call("list_results", job_id=specimen.id).expect(200).document()
    result_id = str(listed["results"][0]["id"])
    query = [("label", f"released={mark}")]
    trial.equal(
        1, len(trial.workbench.walk("list_jobs", "jobs", query)), "the job in the list before its release"
    )
    trial.equal(204, trial.client.call("release_job", job_id=specimen.id).status, "the status of release_job")
    for exchange in (
        trial.client.call("get_job", job_id=specimen.id),
        trial.client.call("cancel_job", job_id=specimen.id),
        trial.client.call("release_job", job_id=specimen.id),
        trial.client.call("list_results", job_id=specimen.id),
        trial.client.call("get_result", job_id=specimen.id, result_id=result_id),
        trial.client.call("get_log", job_id=specimen.id, stream="stdout"),
        trial.client.call("get_log", job_id=specimen.id, stream="stderr"),
    ):
        trial.require(exchange.status == 404, f"after the release: {exchange}, not 404")
        exchange.problem(404, "not-found")
    trial.equal([], trial.workbench.walk("list_jobs", "jobs", query), "the job in the list after its release")
    trial.pace.sleep(trial.pace.settling)
    trial.client.call("get_job", job_id=specimen.id).problem(404, "not-found")
    trial.equal([], trial.workbench.walk("list_jobs", "jobs", query), "the job in the list somewhat later")
    trial.witness(f"{specimen.id} was there, was released with 204, and is nowhere")
