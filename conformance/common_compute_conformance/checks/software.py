"""Check that installed software is what the catalogue says."""

from __future__ import annotations

from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial


def _another_version(trial: Trial, name: str, version: str) -> None:
    """Run in a version that is not the default, and see it named."""
    body = trial.workbench.trivial(labels={"run": trial.workbench.run_name})
    body["software"] = {"kind": "installed", "name": name, "version": version}
    specimen = trial.workbench.shared("another version", lambda: trial.workbench.begin("version", body, {}))
    job = trial.workbench.ended(specimen)
    told = job.get("resolved", {}).get("software_version", version)
    trial.equal(version, told, f"resolved.software_version of {job['id']}")
    trial.witness(f"{job['id']} ran in {name}, version {told}")


@check("CC-JOB-055", specimens=("default-version",))
def without_a_version_it_is_the_default(trial: Trial) -> None:
    """CC-JOB-055: without a `version` the catalogue's default runs, and is named."""
    name = str(trial.target.probes["installed"]["name"])
    path = {"facility_id": trial.target.facility_id}
    entries = trial.workbench.walk("list_software", "software", [("name", name)], **path)
    defaults = [each["version"] for each in entries if each["default"]]
    trial.equal(1, len(defaults), f"the number of default versions of {name}")
    job = trial.workbench.succeeded("default-version")
    told = job.get("resolved", {}).get("software_version", defaults[0])
    trial.equal(defaults[0], told, f"resolved.software_version of {job['id']}")
    trial.equal(b"any version", trial.workbench.log("default-version", "stdout"), f"what {job['id']} wrote")
    trial.witness(f"{job['id']} ran in {name}, version {told}")
    others = [str(each["version"]) for each in entries if each["version"] not in defaults]
    if others:
        _another_version(trial, name, others[0])
    asked = trial.target.probes["installed"].get("version", defaults[0])
    tour = "tour" if trial.target.software["kind"] == "installed" else "tour-other"
    job = trial.workbench.succeeded(tour)
    told = job.get("resolved", {}).get("software_version", asked)
    trial.equal(asked, told, f"resolved.software_version of {job['id']}")
    trial.witness(f"{job['id']} ran in {name}, version {told}")
