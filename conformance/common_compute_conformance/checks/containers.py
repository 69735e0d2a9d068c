"""Check that the container image that runs is the one that was asked for."""

from __future__ import annotations

from common_compute_conformance.registry import check
from common_compute_conformance.specimens.containers import UNKNOWN_DIGEST, at_digest
from common_compute_conformance.trial import Trial


@check("CC-JOB-052", specimens=("unknown-digest",))
def an_unknown_digest_runs_nothing(trial: Trial) -> None:
    """CC-JOB-052: a job whose image carries a digest that no image has does not run."""
    job = trial.workbench.final("unknown-digest")
    trial.equal("failed", job["state"], f"the state of a job in an image of the digest {UNKNOWN_DIGEST}")
    trial.require("exit_code" not in job, f"{job['id']}, whose image does not exist, has an exit code")
    if trial.target.has_reason("image-unavailable"):
        trial.equal("image-unavailable", job["reason"]["code"], f"the reason of {job['id']}")
    trial.witness(f"{job['id']} failed, since no image has the digest: {job['reason']}")


@check("CC-JOB-052", specimens=("tour", "tour-other"))
def a_known_digest_runs(trial: Trial) -> None:
    """CC-JOB-052: a job whose image carries a digest runs, and is said to have run, that digest."""
    name = "tour" if trial.target.software["kind"] == "container" else "tour-other"
    tour = trial.workbench.succeeded(name)
    image = str(trial.target.probes["container"].get("image", ""))
    digest = tour.get("resolved", {}).get("image_digest") or image.partition("@")[2]
    if not image or not digest:
        trial.not_applicable("neither the probe nor `resolved` of a job tells the digest of an image")
    body = trial.workbench.trivial(labels={"run": trial.workbench.run_name})
    body["software"] = {"kind": "container", "image": at_digest(image, digest)}
    specimen = trial.workbench.shared("pinned", lambda: trial.workbench.begin("pinned", body, {}))
    job = trial.workbench.ended(specimen)
    trial.equal("succeeded", job["state"], f"the state of a job in {body['software']['image']}")
    told = job.get("resolved", {}).get("image_digest", digest)
    trial.equal(digest, told, "the digest of the image that ran")
    trial.witness(f"{job['id']} ran in {body['software']['image']}")
