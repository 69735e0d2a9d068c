"""Look back on the whole conversation: what has to hold for every answer."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from common_compute_conformance.checks.conversation import SPECIMENS, conversation
from common_compute_conformance.contract import Document, instant
from common_compute_conformance.errors import Finding
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial

_SHOWN = 5


def _errors(trial: Trial) -> list[Exchange]:
    """Return the answers that have to be problem documents."""
    return [
        exchange
        for exchange in conversation(trial)
        if exchange.status >= 400
        and exchange.method not in ("HEAD", "OPTIONS")
        and not (exchange.status == 503 and exchange.url.endswith("/health"))
    ]


def _nulls(value: Any, path: str = "") -> list[str]:
    if value is None:
        return [path or "the body"]
    if isinstance(value, dict):
        return [
            fault
            for name, each in value.items()
            if not path.endswith("/spec") or name != "metadata"
            for fault in _nulls(each, f"{path}/{name}")
        ]
    if isinstance(value, list):
        return [fault for number, each in enumerate(value) for fault in _nulls(each, f"{path}/{number}")]
    return []


def _shown(faults: Counter[str]) -> str:
    lines = [f"{fault} ({count} times)" for fault, count in faults.most_common(_SHOWN)]
    more = len(faults) - len(lines)
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")


def _faults(exchange: Exchange) -> list[str]:
    """Return what of an answer does not fit the contract, nulls included."""
    faults = list(exchange.faults)
    if "json" in exchange.headers.get("content-type", "") and exchange.method != "HEAD":
        try:
            faults += [f"{member} is null" for member in _nulls(exchange.json())]
        except Finding:
            faults.append("the body is no JSON")
    return faults


@check("CC-SVC-004", specimens=SPECIMENS)
def every_answer_fits_the_contract(trial: Trial) -> None:
    """CC-SVC-004: every answer has a listed status and a body that fits its schema, without null."""
    exchanges = conversation(trial)
    faults: Counter[str] = Counter()
    for exchange in exchanges:
        path = exchange.url.removeprefix(trial.target.url).partition("?")[0]
        found = [f"{exchange.method} {path} {exchange.status}: {fault}" for fault in _faults(exchange)]
        if found:
            trial.client.recall(exchange)
        faults.update(found)
    trial.require(not faults, _shown(faults))
    answers = Counter((exchange.method, exchange.status) for exchange in exchanges)
    trial.witness(f"{len(exchanges)} answers of {len(answers)} kinds fit the contract")


@check("CC-SVC-005", specimens=SPECIMENS)
def every_answer_has_its_request_id(trial: Trial) -> None:
    """CC-SVC-005: every answer carries an `X-Request-Id` of the service's own, each another."""
    wanted = {"X-Request-Id": "mine"}
    for path in ("/service-info", "/jobs", "/no-such-path"):
        exchange = trial.client.send("GET", path, headers=wanted)
        told = exchange.headers.get("x-request-id")
        trial.require(
            told not in (None, "", "mine"), f"{exchange}, sent with X-Request-Id mine, answers {told!r}"
        )
    exchanges = conversation(trial)
    missing = [exchange for exchange in exchanges if not exchange.headers.get("x-request-id")]
    for exchange in missing[:3]:
        trial.client.recall(exchange)
    without = [str(exchange) for exchange in missing]
    trial.require(not without, f"{len(without)} answers have no X-Request-Id, such as {without[:3]}")
    ids = Counter(exchange.headers["x-request-id"] for exchange in exchanges)
    twice = [each for each, count in ids.items() if count > 1]
    trial.require(not twice, f"the X-Request-Id {twice[:3]} came more than once")
    trial.witness(f"{len(ids)} answers with {len(ids)} different X-Request-Ids, whatever was sent")


@check("CC-ERR-001", specimens=SPECIMENS)
def every_error_is_a_problem(trial: Trial) -> None:
    """CC-ERR-001: every error is `application/problem+json`."""
    errors = _errors(trial)
    for exchange in errors:
        trial.client.recall(exchange)
        told = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
        trial.equal("application/problem+json", told, f"the Content-Type of {exchange}")
    trial.witness(f"{len(errors)} errors, of the statuses {sorted({exchange.status for exchange in errors})}")


@check("CC-ERR-002", specimens=SPECIMENS)
def every_problem_is_whole(trial: Trial) -> None:
    """CC-ERR-002: every problem has its members, and they agree with the answer."""
    errors = _errors(trial)
    for exchange in errors:
        trial.client.recall(exchange)
        problem = exchange.document()
        faults = trial.contract.faults_of("Problem", problem)
        trial.require(not faults, f"{exchange}: {'; '.join(faults)}")
        trial.equal(f"urn:common-compute:problem:{problem['code']}", problem["type"], f"type of {exchange}")
        trial.equal(exchange.status, problem["status"], f"status of {exchange}")
        trial.equal(exchange.headers.get("x-request-id"), problem["request_id"], f"request_id of {exchange}")
    trial.witness(f"{len(errors)} problems are whole")


@check("CC-ERR-003", specimens=SPECIMENS)
def every_code_keeps_its_place(trial: Trial) -> None:
    """CC-ERR-003: a `code` comes with the status and `retryable` of the catalogue."""
    seen: Counter[str] = Counter()
    for exchange in _errors(trial):
        trial.client.recall(exchange)
        problem = exchange.document()
        kind = trial.contract.problems.get(str(problem["code"]))
        if kind is None:
            continue  # codes are an open list
        wanted = (kind.status, kind.retryable)
        trial.equal(
            wanted,
            (exchange.status, problem["retryable"]),
            f"status and retryable of {kind.code} in {exchange}",
        )
        seen[kind.code] += 1
    trial.require(bool(seen), "no problem had a code of the catalogue")
    trial.witness(f"{len(seen)} codes of the catalogue: {', '.join(sorted(seen))}")


def _lives(trial: Trial) -> dict[str, list[tuple[Exchange, Document]]]:
    """Return what get_job gave for each job, in the order in which it came."""
    lives: dict[str, list[tuple[Exchange, Document]]] = {}
    for exchange in trial.journal.exchanges:
        path = exchange.url.removeprefix(trial.target.url).partition("?")[0]
        if (
            exchange.method == "GET"
            and exchange.status == 200
            and path.startswith("/jobs/")
            and path.count("/") == 2
        ):
            document = exchange.document()
            lives.setdefault(str(document["id"]), []).append((exchange, document))
    return lives


@check("CC-JOB-047", specimens=("plain", "faithful", "exit-nonzero"))
def the_etag_follows_the_job(trial: Trial) -> None:
    """CC-JOB-047: the ETag changes with the job and with it alone, and so does `updated_at`."""
    for name in ("plain", "faithful", "exit-nonzero"):
        trial.workbench.final(name)
    changes = same = 0
    for job_id, looks in _lives(trial).items():
        for (before, old), (after, new) in pairwise(looks):
            old_covered = {
                name: value for name, value in old.items() if name not in ("observed_at", "updated_at")
            }
            new_covered = {
                name: value for name, value in new.items() if name not in ("observed_at", "updated_at")
            }
            trial.client.recall(after)
            etags = (before.headers.get("etag"), after.headers.get("etag"))
            if old_covered == new_covered and old["updated_at"] == new["updated_at"]:
                trial.equal(
                    etags[0], etags[1], f"the ETag of {job_id}, which is the same but for observed_at"
                )
                same += 1
                continue
            differing = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
            trial.require(
                etags[0] != etags[1], f"{job_id} changed in {differing}, and its ETag is still {etags[0]}"
            )
            trial.require(
                instant(old["updated_at"]) < instant(new["updated_at"]),
                f"{job_id} changed in {differing}, not in updated_at",
            )
            changes += 1
    trial.require(changes > 0, "no job was seen to change")
    trial.witness(
        f"{changes} changes of {len(_lives(trial))} jobs changed the ETag; {same} times nothing did"
    )
