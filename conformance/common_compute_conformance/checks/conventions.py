"""Check what every operation has in common: HEAD, OPTIONS, unknown ids, needless bodies, parameters."""

from __future__ import annotations

from collections.abc import Iterator

from common_compute_conformance.contract import Operation
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial

# Ids that no service made: one that fits the pattern, and some that do not.
_UNKNOWN_JOBS = ("no-such-job", "NO-SUCH-JOB", "a" * 33, "x_y", "%00", "größe", "a b", "a/b")
_UNKNOWN_IDS = ("no-such-thing", "-begins-with-a-dash", "a" * 65, "a b", "größe", "a/b", "%00")


def _claimed(trial: Trial) -> list[Operation]:
    return [
        each for each in trial.contract.operations.values() if trial.target.claims(each.conformance_class)
    ]


def real_path(trial: Trial, operation: Operation) -> dict[str, str]:
    """Return values for the parameters of an operation's path, all of things that are there."""
    values = {"facility_id": trial.target.facility_id, "stream": "stdout"}
    if "{job_id}" in operation.path:
        values["job_id"] = str(trial.workbench.final("plain")["id"])
    if "{result_id}" in operation.path:
        values["result_id"] = str(trial.workbench.results("plain")[0]["id"])
    return {name: value for name, value in values.items() if f"{{{name}}}" in operation.path}


@check("CC-SVC-006", specimens=("plain",))
def head_works_like_get(trial: Trial) -> None:
    """CC-SVC-006: HEAD answers with the status of GET and without a body."""
    for operation in _claimed(trial):
        if operation.method != "GET":
            continue
        path = operation.at(**real_path(trial, operation))
        got = trial.client.send("GET", path, operation_id=operation.id)
        head = trial.client.send("HEAD", path, operation_id=operation.id)
        trial.equal(got.status, head.status, f"the status of HEAD {path}")
        raw = trial.client.raw("HEAD", path.encode())
        trial.equal((got.status, b""), (raw.status, raw.content), f"status and body of HEAD {path}")
        trial.witness(f"HEAD {path} -> {head.status}, no body")
    for path in ("/no-such-path", "/jobs/no-such-job", "/facilities/no-such-facility", "/jobs?page_size=0"):
        refused = trial.client.send("GET", path)
        trial.require(refused.status >= 400, f"{refused}: expected a refusal")
        head = trial.client.send("HEAD", path)
        trial.equal((refused.status, b""), (head.status, head.content), f"status and body of HEAD {path}")
        trial.witness(f"HEAD {path} -> {head.status}, no body")


@check("CC-SVC-007", specimens=("plain",))
def options_need_no_token(trial: Trial) -> None:
    """CC-SVC-007: OPTIONS is answered below 300 without a token."""
    anonymous = trial.client.as_caller(None)
    for path in dict.fromkeys(each.at(**real_path(trial, each)) for each in _claimed(trial)):
        exchange = anonymous.send("OPTIONS", path)
        trial.require(exchange.status < 300, f"{exchange}: expected a status below 300")
        trial.witness(f"OPTIONS {path} -> {exchange.status}")


def _unknown(trial: Trial) -> Iterator[Exchange]:
    client = trial.client
    operations = [each for each in _claimed(trial) if "{" in each.path and not each.takes_body]
    for operation in operations:
        real = real_path(trial, operation)
        names = [name for name in real if name != "stream"]
        # The job of a result that is asked for by an unknown id is a real one, of course.
        name = names[-1]
        # Nearly an id that is there: in capitals, and before a line feed, which a pattern's `$` lets pass.
        near = [real[name] + "\n", *([real[name].upper()] if real[name].upper() != real[name] else [])]
        for unknown in (*(_UNKNOWN_JOBS if name == "job_id" else _UNKNOWN_IDS), *near):
            path = operation.at(**{**real, name: unknown})
            yield client.send(operation.method, path, operation_id=operation.id)


@check("CC-SVC-012", specimens=("plain",))
def unknown_ids_are_not_found(trial: Trial) -> None:
    """CC-SVC-012: an id that is unknown or fits no pattern is 404 `not-found`."""
    count = 0
    for exchange in _unknown(trial):
        exchange.problem(404, "not-found")
        count += 1
    trial.witness(f"{count} requests for unknown ids were answered 404 not-found")
    job_id = str(trial.workbench.final("plain")["id"])
    trial.client.call("get_job", job_id=job_id).expect(200)
    trial.witness(f"and the job {job_id}, which exists, 200")


@check("CC-SVC-013", specimens=("plain",))
def operations_of_unclaimed_classes_are_not_found(trial: Trial) -> None:
    """CC-SVC-013: an operation of a class that is not claimed is 404 `not-found`."""
    unclaimed = [
        each for each in trial.contract.operations.values() if not trial.target.claims(each.conformance_class)
    ]
    if not unclaimed:
        trial.not_applicable("the target claims every class that has an operation")
    for operation in unclaimed:
        path = operation.at(**real_path(trial, operation))
        if operation.id == "validate_job":
            exchange = trial.client.call(operation.id, body=trial.workbench.trivial())
        elif operation.takes_body:
            exchange = trial.client.call(operation.id, body={}, facility_id=trial.target.facility_id)
        else:
            exchange = trial.client.send(operation.method, path, operation_id=operation.id)
        exchange.problem(404, "not-found")
        trial.witness(f"{operation.id}, of {operation.conformance_class}: 404 not-found")


@check("CC-SVC-014", specimens=("plain",))
def needless_bodies_are_ignored(trial: Trial) -> None:
    """CC-SVC-014: a body sent to an operation that takes none is ignored."""
    body, headers = b'{"no": "JSON', {"Content-Type": "text/x-needless"}
    job_id = str(trial.workbench.final("plain")["id"])
    running = trial.workbench.specimen("long").id
    for operation_id, path, status in (
        ("get_service_info", "/service-info", 200),
        ("list_facilities", "/facilities", 200),
        ("get_facility", f"/facilities/{trial.target.facility_id}", 200),
        ("list_jobs", "/jobs", 200),
        ("get_job", f"/jobs/{job_id}", 200),
        ("cancel_job", f"/jobs/{job_id}/cancel", 200),
        ("release_job", f"/jobs/{running}", 409),
    ):
        method = trial.contract.operations[operation_id].method
        sent = trial.client.send(method, path, operation_id=operation_id, content=body, headers=headers)
        trial.equal(status, sent.status, f"the status of {sent} with a needless body")
        trial.witness(f"{operation_id} with a body that is no JSON -> {status}")


@check("CC-SVC-015", specimens=("plain",))
def unknown_parameters_are_refused(trial: Trial) -> None:
    """CC-SVC-015: an unknown query parameter is 422 and named, on every operation."""
    running = trial.workbench.specimen("long").id
    for operation in _claimed(trial):
        if operation.conformance_class == "credentials":
            continue
        real = real_path(trial, operation)
        if operation.id == "release_job":
            real["job_id"] = (
                running  # were the parameter ignored, a terminal job would be lost for other checks
            )
        query = [("no_such_parameter", "1")]
        if operation.takes_body:
            exchange = trial.client.call(operation.id, body=trial.workbench.trivial(), query=query)
        else:
            exchange = trial.client.send(
                operation.method, operation.at(**real), operation_id=operation.id, query=query
            )
        _names(trial, exchange, "no_such_parameter")


@check("CC-SVC-015", specimens=("plain",))
def repeated_parameters_are_refused(trial: Trial) -> None:
    """CC-SVC-015: a query parameter that may not repeat and does is 422 and named."""
    job_id = str(trial.workbench.final("plain")["id"])
    for name, value in (
        ("page_size", "10"),
        ("facility_id", trial.target.facility_id),
        ("created_after", "2026-01-01T00:00:00Z"),
        ("updated_after", "2026-01-01T00:00:00Z"),
    ):
        _names(trial, trial.client.call("list_jobs", query=[(name, value), (name, value)]), name)
    query = [("task_index", "0"), ("task_index", "0")]
    _names(trial, trial.client.call("list_results", job_id=job_id, query=query), "task_index")
    _names(trial, trial.client.call("get_log", job_id=job_id, stream="stdout", query=query), "task_index")
    if trial.target.claims("watch"):
        query = [("wait_seconds", "1"), ("wait_seconds", "1")]
        _names(trial, trial.client.call("get_job", job_id=job_id, query=query), "wait_seconds")


def _names(trial: Trial, exchange: Exchange, parameter: str) -> None:
    named = [error.get("parameter") for error in exchange.problem(422).get("errors", [])]
    trial.require(parameter in named, f"{exchange}: errors name {named}, not {parameter}")
    trial.witness(f"{exchange}, which names {parameter}")
