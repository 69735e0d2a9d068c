"""Check how errors look: the framework's own, negotiation, and how faults are pointed out."""

from __future__ import annotations

from typing import Any

from common_compute_conformance.checks.conventions import real_path
from common_compute_conformance.checks.refusals import Near, encloses, refused
from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial

_EXCLUDING_JSON = ("text/html", "image/png, text/*;q=0.9", "application/json;q=0, text/html")
_INCLUDING_JSON = ("*/*", "application/*", "text/html, application/json;q=0.1", "text/html;q=0.5, */*;q=0.1")


@check("CC-ERR-004", specimens=("plain",))
def unknown_paths_are_not_found(trial: Trial) -> None:
    """CC-ERR-004: a path that is no operation's is 404 `not-found`."""
    job_id = str(trial.workbench.final("plain")["id"])
    for path in (
        "/no-such-path",
        "/jobs/",
        "/facilities/",
        "/service-info/",
        "/health/x",
        "/jobs/x/y/z",
        "/JOBS",
        "//jobs",
        f"/jobs//{job_id}",
        f"/jobs/{job_id}/",
        f"/jobs/{job_id}/no-such-path",
        f"/jobs/{job_id}/results/x/y",
        f"/jobs/{job_id}/logs",
        f"/facilities/{trial.target.facility_id}/no-such-path",
    ):
        trial.client.send("GET", path).problem(404, "not-found")
        trial.witness(f"GET {path} -> 404 not-found")


@check("CC-ERR-004", specimens=("plain",))
def other_methods_are_not_allowed(trial: Trial) -> None:
    """CC-ERR-004: a method that a path does not have is 405 `method-not-allowed`, with `Allow`."""
    operations = trial.contract.operations
    claimed = {each.path: each for each in operations.values() if trial.target.claims(each.conformance_class)}
    for operation_id in sorted(each.id for each in claimed.values()):
        parameters = real_path(trial, operations[operation_id])
        path = operations[operation_id].path
        allowed = {each.method for each in operations.values() if each.path == path}
        for method in sorted({"GET", "POST", "PUT", "DELETE", "PATCH"} - allowed):
            exchange = trial.client.send(method, operations[operation_id].at(**parameters))
            exchange.problem(405, "method-not-allowed")
            told = {each.strip().upper() for each in exchange.headers.get("allow", "").split(",")} - {""}
            trial.require(
                allowed <= told, f"{exchange}: Allow is {sorted(told)}, without {sorted(allowed - told)}"
            )
            trial.require(method not in told, f"{exchange}: Allow names {method}")
        trial.witness(f"{path} has {', '.join(sorted(allowed))} and says so")


@check("CC-ERR-005", specimens=("plain",))
def accept_must_allow_json(trial: Trial) -> None:
    """CC-ERR-005: an `Accept` that excludes JSON is 406 where the answer is JSON."""
    for operation in trial.contract.operations.values():
        in_json = operation.method == "GET" and operation.id not in ("get_result", "get_log")
        if not in_json or not trial.target.claims(operation.conformance_class):
            continue
        operation_id, path = operation.id, operation.at(**real_path(trial, operation))
        for accept in _EXCLUDING_JSON:
            exchange = trial.client.send("GET", path, operation_id=operation_id, headers={"Accept": accept})
            exchange.problem(406, "not-acceptable")
        for accept in _INCLUDING_JSON:
            trial.client.send("GET", path, operation_id=operation_id, headers={"Accept": accept}).expect(200)
        trial.witness(f"{operation_id} answers 406 to {_EXCLUDING_JSON[0]}, 200 to {_INCLUDING_JSON[1]}")
    body = trial.workbench.trivial()
    trial.client.call("submit_job", body=body, headers={"Accept": "text/html"}).problem(406, "not-acceptable")
    trial.witness("submit_job answers 406 as well")
    if trial.target.claims("validation"):
        exchange = trial.client.call("validate_job", body=body, headers={"Accept": "text/html"})
        exchange.problem(406, "not-acceptable")
        trial.witness("validate_job answers 406 as well")
    ended = str(trial.workbench.final("plain")["id"])
    cancelled = trial.client.call("cancel_job", job_id=ended, headers={"Accept": "text/html"})
    cancelled.problem(406, "not-acceptable")
    trial.witness("cancel_job answers 406 as well")


@check("CC-ERR-005", specimens=("plain",))
def bytes_come_whatever_accept_says(trial: Trial) -> None:
    """CC-ERR-005: get_result and get_log send their bytes whatever `Accept` says."""
    specimen = trial.workbench.specimen("plain")
    result = trial.workbench.results("plain")[0]
    accept = {"Accept": "image/png"}
    got = trial.workbench.fetch(specimen, result, accept).expect(200)
    trial.equal(trial.workbench.content("plain", str(result["path"])), got.content, "the bytes of the result")
    log = trial.client.call("get_log", job_id=specimen.id, stream="stdout", headers=accept).expect(200)
    trial.equal(trial.workbench.log("plain", "stdout"), log.content, "the bytes of the log")
    trial.witness(f"{got} and {log}, both with Accept: image/png")


def _faults(trial: Trial) -> dict[str, dict[str, Any]]:
    """Return bodies with one fault each, by the pointer to its innermost member."""
    trivial = trial.workbench.trivial
    source = {"kind": "inline", "content_base64": "!"}
    return {
        "/surprise": trivial(surprise=1),
        "/command": {**trivial(), "command": "printf x"},
        "/command/1": {**trivial(), "command": ["printf", 1]},
        "/environment/A": trivial(environment={"A": 1}),
        "/environment/a~1b~0c": trivial(environment={"a/b~c": "x"}),
        "/inputs/0/path": trivial(
            inputs=[{"path": "../x", "source": {"kind": "inline", "content_base64": ""}}]
        ),
        "/inputs/0/source/content_base64": trivial(inputs=[{"path": "x", "source": source}]),
        "/outputs/1/path": trivial(outputs=[{"path": "fine"}, {"path": "/x"}]),
        "/labels/k": trivial(labels={"k": 1}),
        "/resources/cpu_cores": trivial(resources={"cpu_cores": "2"}),
        "/resources/surprise": trivial(resources={"surprise": 1}),
        "/metadata": trivial(metadata=[]),
        "/facility_id": {**trivial(), "facility_id": 7},
    }


@check("CC-ERR-010")
def all_faults_are_listed(trial: Trial) -> None:
    """CC-ERR-010: all faults of a body are listed at once, each with a detail and a pointer."""
    body = {
        **trial.workbench.trivial(),
        "command": [],
        "surprise": 1,
        "labels": {"k": 1},
        "environment": {"1": "x", "2": "x"},
        "outputs": [{"path": "/a"}, {"path": "../b"}],
        "resources": {"architecture": "no-such-architecture"},
    }
    pointers = (
        "/command",
        "/surprise",
        "/labels/k",
        "/environment/1",
        "/environment/2",
        "/outputs/0/path",
        "/outputs/1/path",
        "/resources/architecture",
    )
    faults = len(pointers)
    problem = refused(trial, body, "invalid-request", what=f"a body with {faults} faults")
    errors = problem["errors"]
    for pointer in pointers:
        hits = [each for each in errors if encloses(each.get("pointer"), pointer)]
        trial.require(bool(hits), f"the fault at {pointer} is not among the errors {errors}")
    pointed = [each for each in errors if each.get("pointer") is not None]
    trial.require(len(pointed) >= faults, f"{faults} faults, and only the errors {errors}")
    trial.require(all(each["detail"] for each in errors), f"an error has no detail: {errors}")
    trial.witness(f"{len(errors)} errors for {faults} faults of the body, of form and of meaning")


@check("CC-ERR-010")
def all_faults_of_a_query_are_listed(trial: Trial) -> None:
    """CC-ERR-010: all faults of a query are listed at once, each with its parameter."""
    query = [("page_size", "0"), ("created_after", "yesterday"), ("state", "sleeping"), ("surprise", "1")]
    errors = trial.client.call("list_jobs", query=query).problem(422, "invalid-request")["errors"]
    named = {error.get("parameter") for error in errors}
    missing = {name for name, _ in query} - named
    trial.require(not missing, f"errors name {sorted(map(str, named))}, not {sorted(missing)}")
    trial.witness(f"errors name {', '.join(sorted(map(str, named)))}")


@check("CC-ERR-010")
def faults_of_query_header_and_body_are_listed_together(trial: Trial) -> None:
    """CC-ERR-010: faults of query, header and body are listed in one answer."""
    body = {**trial.workbench.trivial(), "command": []}
    exchange = trial.client.call(
        "submit_job", body=body, query=[("surprise", "1")], headers={"Idempotency-Key": "x" * 256}
    )
    errors = exchange.problem(422, "invalid-request")["errors"]
    trial.require(
        any(each.get("parameter") == "surprise" for each in errors), f"no error names the parameter: {errors}"
    )
    headers = [str(each.get("header", "")).lower() for each in errors]
    trial.require("idempotency-key" in headers, f"no error names the header: {errors}")
    pointers = [each.get("pointer") for each in errors]
    trial.require(
        any(encloses(each, "/command") for each in pointers), f"no error points to /command: {errors}"
    )
    trial.witness(f"{len(errors)} errors, of a parameter, a header and the body")


@check("CC-ERR-011")
def pointers_lead_to_the_fault(trial: Trial) -> None:
    """CC-ERR-011: `pointer` names the faulty member or one that encloses it."""
    for pointer, body in _faults(trial).items():
        errors = refused(trial, body, pointer=pointer, what=f"a fault at {pointer}")["errors"]
        for error in errors:
            told = error.get("pointer")
            trial.require(
                told is not None and (encloses(told, pointer) or told.startswith(pointer + "/")),
                f"the one fault is at {pointer}, but an error points to {told!r}",
            )
        trial.witness(f"a fault at {pointer}: {[each['pointer'] for each in errors]}")


@check("CC-ERR-012")
def pointers_name_the_innermost_member(trial: Trial) -> None:
    """CC-ERR-012: `pointer` names the innermost member whose change heals the fault."""
    for pointer, body in _faults(trial).items():
        refused(trial, body, pointer=pointer, what=f"a fault at {pointer}", near=Near.EXACTLY)
        trial.witness(f"a fault at {pointer} is pointed out as such")


@check("CC-ERR-013")
def code_is_of_the_form_first(trial: Trial) -> None:
    """CC-ERR-013: `code` is `invalid-request` with any fault of form, else that of the first fault."""
    unsupported = {"resources": {"architecture": "no-such-architecture"}}
    refused(
        trial,
        trial.workbench.trivial(**unsupported),
        "unsupported-capability",
        what="an unknown architecture",
    )
    trial.witness("an unknown architecture alone: unsupported-capability")
    body = trial.workbench.trivial(**unsupported, surprise=1)
    refused(trial, body, "invalid-request", what="an unknown architecture and an unknown member")
    trial.witness("with an unknown member beside it: invalid-request")
    room = int(trial.target.limits["max_environment_bytes"])
    if room + 4096 > int(trial.target.service_info["limits"]["max_request_bytes"]):
        return
    body = trial.workbench.trivial(**unsupported, environment={"A": "x" * room})
    problem = refused(trial, body, what="an unknown architecture and too large an environment")
    first = problem["errors"][0].get("pointer", "")
    about_environment, about_resources = (
        encloses(first, each) for each in ("/environment/A", "/resources/architecture")
    )
    wanted = {"limit-exceeded"} if about_environment else set()
    wanted |= {"unsupported-capability"} if about_resources else set()
    trial.require(
        problem["code"] in wanted,
        f"the first error is {problem['errors'][0]}, and the code {problem['code']}",
    )
    trial.witness(f"of two faults of meaning the first gives the code: {problem['code']}")
