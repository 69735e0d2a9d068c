"""Check which fault is answered where several meet."""

from __future__ import annotations

import json

from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial

_TEXT = {"Accept": "text/html"}
_PLAIN = {"Content-Type": "text/plain"}
_JSON = {"Content-Type": "application/json"}


@check("CC-ERR-014", specimens=("plain", "tour"))
def faults_are_answered_in_order(trial: Trial) -> None:
    """CC-ERR-014: of several faults the first of the contract's order is answered."""
    client, workbench = trial.client, trial.workbench
    specimen = workbench.specimen("tour")
    key, body = specimen.headers["Idempotency-Key"], specimen.body
    ended = str(workbench.final("plain")["id"])
    bad_key = {"Idempotency-Key": "x" * 256}
    for first, second, exchange, status, codes in (
        (
            "404 of the route",
            "405, 406 and 415",
            client.send("POST", "/nowhere", content=b"{", headers={**_TEXT, **_PLAIN}),
            404,
            ["not-found"],
        ),
        ("405", "406", client.send("PATCH", "/jobs", headers=_TEXT), 405, ["method-not-allowed"]),
        (
            "406",
            "415",
            client.send("POST", "/jobs", content=b"{", headers={**_TEXT, **_PLAIN}),
            406,
            ["not-acceptable"],
        ),
        (
            "406",
            "404 of a job",
            client.call("get_job", job_id="no-such-job", headers=_TEXT),
            406,
            ["not-acceptable"],
        ),
        (
            "415",
            "400",
            client.send("POST", "/jobs", content=b"{", headers=_PLAIN),
            415,
            ["unsupported-media-type"],
        ),
        (
            "400",
            "the syntax of a key",
            client.send("POST", "/jobs", content=b"{", headers={**_JSON, **bad_key}),
            400,
            ["malformed-request"],
        ),
        (
            "404 of a job",
            "422",
            client.call("get_job", job_id="no-such-job", query=[("surprise", "1")]),
            404,
            ["not-found"],
        ),
        (
            "404 of a facility",
            "422",
            client.call("get_facility", facility_id="no-such-facility", query=[("surprise", "1")]),
            404,
            ["not-found"],
        ),
        (
            "the look-up of a key",
            "422",
            client.call("submit_job", body={**body, "command": []}, headers={"Idempotency-Key": key}),
            422,
            ["idempotency-key-reused", "invalid-request"],
        ),
        (
            "422",
            "404 of a result",
            client.call(
                "get_log", job_id=ended, stream="stdout", query=[("task_index", "5"), ("surprise", "1")]
            ),
            422,
            ["invalid-request"],
        ),
        (
            "404 of a result",
            "416",
            client.call(
                "get_result", job_id=ended, result_id="no-such-result", headers={"Range": "bytes=999999999-"}
            ),
            404,
            ["not-found"],
        ),
    ):
        trial.require(
            exchange.status == status, f"{first} comes before {second}: expected {status}, got {exchange}"
        )
        exchange.problem(status, *codes)
        trial.witness(f"{first} before {second}: {status}")


@check("CC-ERR-014")
def size_is_looked_at_before_json(trial: Trial) -> None:
    """CC-ERR-014: 415 comes before 413, and 413 before 400."""
    limit = int(trial.target.service_info["limits"]["max_request_bytes"])
    if limit > 64 * 2**20:
        trial.not_applicable(f"max_request_bytes is {limit}, more than this kit sends twice")
    large = b"{" + b" " * limit
    for headers, status in ((_PLAIN, 415), (_JSON, 413)):
        exchange = trial.client.send(
            "POST", "/jobs", operation_id="submit_job", content=large, headers=headers
        )
        trial.require(exchange.status == status, f"expected {status}, got {exchange}")
        trial.witness(f"a large body that is no JSON, announced as {headers['Content-Type']}: {status}")


@check("CC-ERR-014")
def validation_answers_in_the_same_order(trial: Trial) -> None:
    """CC-ERR-014: validate_job answers 406 before 415, and 415 before 400."""
    if not trial.target.claims("validation"):
        trial.not_applicable("the service does not claim validation")
    for headers, status in (({**_TEXT, **_PLAIN}, 406), (_PLAIN, 415), (_JSON, 400)):
        exchange = trial.client.send(
            "POST",
            "/jobs/validate",
            operation_id="validate_job",
            content=json.dumps({}).encode()[:1],
            headers=headers,
        )
        trial.require(exchange.status == status, f"expected {status}, got {exchange}")
        trial.witness(f"validate_job with {headers}: {status}")
