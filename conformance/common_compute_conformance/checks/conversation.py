"""Hold at least one conversation of each kind with the target, for checks that look back on all of them."""

from __future__ import annotations

from collections.abc import Iterator

from common_compute_conformance.checks.stopping import stopped
from common_compute_conformance.errors import Finding
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.trial import Trial

SPECIMENS = ("tour", "parameters", "same-1")
"""The jobs that are spoken of, but for the one that lasts."""

_JSON = {"Content-Type": "application/json"}


def conversation(trial: Trial) -> list[Exchange]:
    """Return all exchanges so far, with at least one of each operation and kind of error among them."""
    trial.workbench.shared("conversation", lambda: _hold(trial))
    return list(trial.journal.exchanges)


def _hold(trial: Trial) -> int:
    """Speak of everything once, and return how many exchanges there were."""
    before = len(trial.journal.exchanges)
    for part in (_of_the_service, _of_a_job, _of_an_array, _of_a_running_job, _of_software, _of_faults):
        try:
            for _ in part(trial):
                pass
        except Finding:
            continue  # what keeps a job from its end is told by the checks that are about it
    return len(trial.journal.exchanges) - before


def _of_the_service(trial: Trial) -> Iterator[Exchange]:
    client = trial.client
    yield client.call("get_service_info")
    yield client.call("get_health")
    yield client.call("list_facilities")
    yield client.call("get_facility", facility_id=trial.target.facility_id)
    yield client.send("OPTIONS", "/jobs")
    yield client.send("OPTIONS", "/jobs/no-such-job/cancel")
    yield client.send("HEAD", "/service-info", operation_id="get_service_info")


def _of_a_job(trial: Trial) -> Iterator[Exchange]:
    client = trial.client
    keyed = trial.workbench.specimen("tour")
    yield client.call("submit_job", body=keyed.body, headers=keyed.headers)
    yield client.call("submit_job", body={**keyed.body, "name": "A y"}, headers=keyed.headers)
    trial.workbench.final("tour")
    yield client.call("list_jobs", query=[("label", f"run={trial.workbench.run_name}")])
    yield client.call("list_jobs", query=[("label", "no-such=label")])
    yield client.call("cancel_job", job_id=keyed.id)
    seen = client.call("get_job", job_id=keyed.id)
    yield seen
    known = {"If-None-Match": seen.headers.get("etag", "")}
    yield client.call("get_job", job_id=keyed.id, headers=known)
    yield client.call("get_log", job_id=keyed.id, stream="stdout")
    yield client.call("get_log", job_id=keyed.id, stream="stderr")
    listed = client.call("list_results", job_id=keyed.id)
    yield listed
    for result in listed.document()["results"][:1]:
        for headers in ({}, {"Range": "bytes=0-1"}, {"Range": "bytes=1000000000-"}):
            yield trial.workbench.fetch(keyed, result, headers)
    yield client.call("get_result", job_id=keyed.id, result_id="no-such-result")
    if trial.target.claims("validation"):
        yield client.call("validate_job", body=keyed.body)
        yield client.call("validate_job", body={"command": 1})


def _of_an_array(trial: Trial) -> Iterator[Exchange]:
    client = trial.client
    yield client.call("list_tasks", job_id=trial.workbench.specimen("tour").id)
    if trial.target.claims("arrays"):
        job_id = str(trial.workbench.final("parameters")["id"])
        yield client.call("get_job", job_id=job_id)
        yield client.call("list_tasks", job_id=job_id)
        yield client.call("list_results", job_id=job_id)
        yield client.call("get_log", job_id=job_id, stream="stdout")


def _of_a_running_job(trial: Trial) -> Iterator[Exchange]:
    client = trial.client
    specimen = trial.workbench.specimen("long")
    if specimen.final is None:
        trial.workbench.running("long")
        yield client.call("list_jobs", query=[("label", f"run={trial.workbench.run_name}")])
        yield client.call("release_job", job_id=specimen.id)
        yield client.call("list_results", job_id=specimen.id)
        yield client.call("get_log", job_id=specimen.id, stream="stdout")
        stopped(trial)
    same = trial.workbench.specimen("same-1")
    trial.workbench.ended(same)
    yield client.call("release_job", job_id=same.id)
    yield client.call("release_job", job_id=same.id)


def _of_software(trial: Trial) -> Iterator[Exchange]:
    yield trial.client.call("list_software", facility_id=trial.target.facility_id)
    yield trial.client.call("get_credential", facility_id=trial.target.facility_id)


def _of_faults(trial: Trial) -> Iterator[Exchange]:
    client = trial.client
    yield client.call("get_job", job_id="no-such-job")
    yield client.call("get_facility", facility_id="no-such-facility")
    yield client.call("list_jobs", query=[("page_size", "0")])
    yield client.call("submit_job", body={})
    trivial = trial.workbench.trivial
    yield client.call("submit_job", body={**trivial(), "facility_id": "no-such-facility"})
    yield client.call("submit_job", body=trivial(resources={"architecture": "no-such-architecture"}))
    if trial.target.claims("software"):
        software = {"kind": "installed", "name": "no-such-software"}
        yield client.call("submit_job", body={**trivial(), "software": software})
    if trial.target.claims("arrays"):
        tasks = int(trial.target.limits["max_array_tasks"]) + 1
        yield client.call("submit_job", body=trivial(array={"count": tasks}))
    yield client.send("GET", "/no-such-path")
    yield client.send("PATCH", "/jobs")
    yield client.send("GET", "/jobs", operation_id="list_jobs", headers={"Accept": "text/html"})
    yield client.send("POST", "/jobs", operation_id="submit_job", content=b"{", headers=_JSON)
    plain = {"Content-Type": "text/plain"}
    yield client.send("POST", "/jobs", operation_id="submit_job", content=b"{}", headers=plain)
    limit = int(trial.target.service_info["limits"]["max_request_bytes"])
    if limit <= 16 * 2**20:
        yield client.send(
            "POST", "/jobs", operation_id="submit_job", content=b" " * (limit + 1), headers=_JSON
        )
    if trial.target.access == "bearer":
        yield client.as_caller(None).call("list_jobs")
