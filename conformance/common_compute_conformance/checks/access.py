"""Check who may see what: no access control, or callers told apart by tokens."""

from __future__ import annotations

from collections.abc import Iterator

from common_compute_conformance.client import Client
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial

_OPEN = frozenset({"get_service_info", "get_health"})
# What a refusal of another's job may differ in from that of a job which is not there.
_OWN_HEADERS = frozenset({"x-request-id", "date", "content-length"})  # an id may be longer than another
_OWN_MEMBERS = frozenset({"instance", "request_id"})


@check("CC-ACC-001", specimens=("plain", "tour"))
def without_access_control_tokens_are_ignored(trial: Trial) -> None:
    """CC-ACC-001: under access none a token is ignored, and the owner is `anonymous`."""
    if trial.target.access != "none":
        trial.not_applicable(f"access is {trial.target.access}")
    for facility in trial.client.call("list_facilities").expect(200).document()["facilities"]:
        trial.require("credentials" not in facility["conforms_to"], f"{facility['id']} claims credentials")
    job = trial.workbench.final("plain")
    trial.equal("anonymous", job["owner"], f"the owner of {job['id']}")
    for client in (trial.client.as_caller(None), trial.client.as_caller("any-token-at-all")):
        seen = client.call("get_job", job_id=str(job["id"])).expect(200).document()
        trial.equal(job["id"], seen["id"], "the job, seen with another token")
    basic = trial.client.as_caller(None).call("list_jobs", headers={"Authorization": "Basic eDp5"})
    trial.equal(200, basic.status, "the status of list_jobs with another scheme")
    keyed = trial.workbench.specimen("tour")
    replayed = trial.client.as_caller("any-token-at-all").call(
        "submit_job", body=keyed.body, headers=keyed.headers
    )
    trial.equal(200, replayed.status, "the status of a submission repeated with a token")
    trial.equal(
        (keyed.id, "anonymous"),
        (replayed.document()["id"], replayed.document()["owner"]),
        "the job and its owner when the submission is repeated with a token",
    )
    anew = trial.client.as_caller("any-token-at-all").call("submit_job", body=trial.workbench.trivial())
    trial.equal(
        "anonymous", anew.expect(201).document()["owner"], "the owner of a job submitted with a token"
    )
    trial.witness(f"{job['id']} is anonymous's, and is seen with any token and with none")


def _every_operation(trial: Trial, client: Client, job_id: str) -> Iterator[tuple[str, Exchange]]:
    values = {
        "facility_id": trial.target.facility_id,
        "job_id": job_id,
        "result_id": "any",
        "stream": "stdout",
    }
    for operation in trial.contract.operations.values():
        if operation.id in _OPEN:
            continue
        path = {name: value for name, value in values.items() if f"{{{name}}}" in operation.path}
        # A fault of every kind, none of which is to be looked at.
        faults = {"Accept": "text/html", "Content-Type": "text/plain"}
        yield operation.id, client.send(operation.method, operation.at(**path), operation_id=operation.id)
        yield operation.id, client.send(
            operation.method, operation.at(**path), operation_id=operation.id, headers=faults,
            query=[("surprise", "1")], content=b"{" if operation.takes_body else b"",
        )  # fmt: skip


@check("CC-ACC-002", specimens=("plain",))
def who_has_no_token_sees_nothing(trial: Trial) -> None:
    """CC-ACC-002: without a valid token every operation is 401, before any other fault."""
    job_id = str(trial.workbench.final("plain")["id"])
    for what, token in (("no token", None), ("an unknown token", "no-such-token"), ("no JWT", "e30.e30.e30")):
        client = trial.client.as_caller(token)
        for operation_id, exchange in _every_operation(trial, client, job_id):
            trial.equal(401, exchange.status, f"the status of {operation_id} with {what}")
            exchange.problem(401, "unauthenticated")
            trial.require("www-authenticate" in exchange.headers, f"{exchange} has no WWW-Authenticate")
        head = client.send("HEAD", f"/jobs/{job_id}", operation_id="get_job")
        trial.equal(401, head.status, f"the status of HEAD of get_job with {what}")
        for operation_id in sorted(_OPEN):
            client.call(operation_id).expect(200, 503)
        trial.witness(f"{what}: 401 on every operation but {' and '.join(sorted(_OPEN))}")


@check("CC-ACC-002", specimens=("plain",))
def nearly_a_token_is_none(trial: Trial) -> None:
    """CC-ACC-002: what is nearly the caller's token, or comes in another way than as a bearer's, is 401."""
    token = trial.client.token or ""
    job_id = str(trial.workbench.final("plain")["id"])
    anonymous = trial.client.as_caller(None)
    for what, headers, query in (
        ("without its last character", {"Authorization": f"Bearer {token[:-1]}"}, []),
        ("with one character more", {"Authorization": f"Bearer {token}x"}, []),
        ("in other letters", {"Authorization": f"Bearer {token.swapcase()}"}, []),
        ("in the scheme Basic", {"Authorization": f"Basic {token}"}, []),
        ("in the scheme Token", {"Authorization": f"Token {token}"}, []),
        ("without a scheme", {"Authorization": token}, []),
        ("as a query parameter", {}, [("access_token", token)]),
        ("as another header", {"X-Auth-Token": token}, []),
    ):
        if headers.get("Authorization") == f"Bearer {token}":
            continue  # it has no letters
        for operation_id, path in (("list_jobs", "/jobs"), ("get_job", f"/jobs/{job_id}")):
            exchange = anonymous.send("GET", path, operation_id=operation_id, headers=headers, query=query)
            trial.equal(401, exchange.status, f"the status of {operation_id} with the token {what}")
        trial.witness(f"the token {what}: 401")


def theirs(trial: Trial) -> Exchange:
    """Return how the second caller was answered who submitted the first one's body under the same key."""
    other, keyed = trial.other_caller(), trial.workbench.specimen("tour")
    return trial.workbench.shared(
        "theirs", lambda: other.call("submit_job", body=keyed.body, headers=keyed.headers)
    )


@check("CC-ACC-003", specimens=("plain", "tour"))
def jobs_belong_to_who_submitted_them(trial: Trial) -> None:
    """CC-ACC-003: the owner is the caller, and list_jobs gives the caller's own jobs only."""
    other = trial.other_caller()
    job = trial.workbench.final("plain")
    second = theirs(trial).expect(201).document()
    trial.require(job["owner"] != second["owner"], f"both callers are {job['owner']}")
    query = [("label", f"run={trial.workbench.run_name}")]
    for client, mine, foreign in ((trial.client, job, second), (other, second, job)):
        jobs = _walk(client, query)
        trial.require(mine["id"] in jobs, f"{mine['owner']} does not find the job {mine['id']}")
        trial.require(
            foreign["id"] not in jobs, f"{mine['owner']} finds {foreign['owner']}'s job {foreign['id']}"
        )
    trial.witness(f"{job['id']} is {job['owner']}'s and {second['id']} is {second['owner']}'s")
    for client, mine in ((trial.client, job), (other, second)):
        for filters in (
            [],
            [("state", "succeeded")],
            [("facility_id", trial.target.facility_id)],
            [("created_after", "2000-01-01T00:00:00Z")],
        ):
            owners = set(_walk(client, filters).values())
            trial.require(
                owners <= {mine["owner"]}, f"with {filters} {mine['owner']} finds jobs of {sorted(owners)}"
            )
    trial.witness("each finds their own jobs only, with any filter and with none")


def _walk(client: Client, query: list[tuple[str, str]]) -> dict[str, str]:
    jobs: dict[str, str] = {}
    page: list[tuple[str, str]] = []
    for _ in range(1000):
        document = client.call("list_jobs", query=[*query, *page]).expect(200).document()
        jobs.update({str(each["id"]): str(each["owner"]) for each in document["jobs"]})
        if "next_page_token" not in document:
            break
        page = [("page_token", document["next_page_token"])]
    return jobs


def _comparable(exchange: Exchange, job_id: str) -> tuple[int, dict[str, str], dict[str, object]]:
    headers = {
        name: "present" if name in _OWN_HEADERS else value.replace(job_id, "ID")
        for name, value in exchange.headers.items()
    }
    members = {
        name: "present" if name in _OWN_MEMBERS else str(value).replace(job_id, "ID")
        for name, value in exchange.document().items()
    }
    return exchange.status, headers, dict(members)


def _as_one_that_is_not_there(
    trial: Trial,
    operation_id: str,
    job_id: str,
    path: dict[str, str],
    headers: dict[str, str],
    query: list[tuple[str, str]],
) -> None:
    """Hold the answer to the second caller about the first one's job against that about no job at all."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    missing = "".join(trial.pace.random.choice(letters) for _ in job_id)
    operation = trial.contract.operations[operation_id]
    first, nobody = (
        trial.other_caller().send(
            operation.method,
            operation.at(job_id=each, **path),
            operation_id=operation_id,
            headers=headers,
            query=query,
        )
        for each in (job_id, missing)
    )
    first.problem(404, "not-found")
    wanted, came = _comparable(nobody, missing), _comparable(first, job_id)
    trial.equal(wanted, came, f"{operation_id} of another's job against one that is not there")
    trial.witness(f"{operation_id} of another's job: as one that is not there")


@check("CC-ACC-004", specimens=("plain",))
def the_jobs_of_others_are_not_there(trial: Trial) -> None:
    """CC-ACC-004: another caller's job is answered as a missing one is, and stays as it was."""
    other = trial.other_caller()
    job = trial.workbench.final("plain")
    job_id = str(job["id"])
    result_id = str(trial.workbench.results("plain")[0]["id"])
    tag = {"If-None-Match": str(trial.client.call("get_job", job_id=job_id).headers.get("etag", ""))}
    wait = [("wait_seconds", "1")] if trial.target.claims("watch") else []
    for operation_id, path, headers, query in (
        ("get_job", {}, {}, []),
        ("get_job", {}, tag, []),
        ("get_job", {}, {"If-None-Match": "*"}, []),
        ("get_job", {}, {}, wait),
        ("cancel_job", {}, {}, []),
        ("release_job", {}, {}, []),
        *([("list_tasks", {}, {}, [])] if trial.target.claims("arrays") else []),
        ("list_results", {}, {}, []),
        ("get_result", {"result_id": result_id}, {}, []),
        ("get_log", {"stream": "stdout"}, {}, []),
        ("get_log", {"stream": "stderr"}, {}, []),
    ):
        _as_one_that_is_not_there(trial, operation_id, job_id, path, headers, query)
    for below in ("", f"/results/{result_id}", "/logs/stdout"):
        head = other.send("HEAD", f"/jobs/{job_id}{below}")
        trial.equal(404, head.status, f"the status of {head}, another's job")
    after = trial.client.call("get_job", job_id=job_id).expect(200).document()
    trial.equal(job, after, "the job after another caller tried everything")


@check("CC-ACC-004", specimens=("parameters",))
def the_arrays_of_others_are_not_there(trial: Trial) -> None:
    """CC-ACC-004: of another's array it is not even told that get_log needs a `task_index`."""
    if not trial.target.claims("arrays"):
        trial.not_applicable("the facility does not claim arrays")
    job_id = str(trial.workbench.final("parameters")["id"])
    _as_one_that_is_not_there(trial, "get_log", job_id, {"stream": "stdout"}, {}, [])


@check("CC-ACC-005", specimens=("tour", "plain"))
def keys_and_page_tokens_belong_to_their_caller(trial: Trial) -> None:
    """CC-ACC-005: another caller's key makes a job of its own, and a page token is 422."""
    other = trial.other_caller()
    mine = trial.workbench.specimen("tour")
    second = theirs(trial)
    trial.client.recall(second)
    trial.equal(201, second.status, "the status of the same key of another caller")
    trial.require(mine.id != second.document()["id"], "the same key of another caller gave the same job")
    trial.workbench.specimen("plain")  # so that there is a second page
    query = [("label", f"run={trial.workbench.run_name}"), ("page_size", "1")]
    token = trial.client.call("list_jobs", query=query).expect(200).document()["next_page_token"]
    stolen = other.call("list_jobs", query=[*query, ("page_token", token)])
    trial.require(stolen.status != 200, "a page token of another caller was accepted")
    stolen.problem(422)
    trial.witness(f"the same key made {mine.id} and {second.document()['id']}; the page token was 422")
