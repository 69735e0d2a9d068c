"""Check how callers set up their credential; what deletes one does it with the second caller's."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass

from common_compute_conformance.checks.access import theirs
from common_compute_conformance.client import Client
from common_compute_conformance.contract import Document
from common_compute_conformance.errors import NotAssessed
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial

_ACCOUNT = "certification"
_NOT_YET = frozenset({"missing", "awaiting_user"})
_USER_PATIENCE = 10.0


def _get(trial: Trial, client: Client) -> Document:
    facility = trial.target.facility_id
    credential = client.call("get_credential", facility_id=facility).expect(200).document()
    faults = trial.contract.faults_of("Credential", credential)
    trial.require(not faults, f"the credential does not fit the contract: {faults}")
    return credential


def _put(trial: Trial, client: Client, **members: str) -> Exchange:
    return client.call("put_credential", body=members, facility_id=trial.target.facility_id)


def _delete(trial: Trial, client: Client) -> Exchange:
    return client.call("delete_credential", facility_id=trial.target.facility_id)


def _names(shown: Document) -> dict[str, str]:
    """Give the names by which a credential can be put again; with others it might open nothing."""
    names = {name: str(shown[name]) for name in ("account", "subject", "group") if name in shown}
    return names or {"account": _ACCOUNT}


def _settle(trial: Trial, other: Client) -> None:
    """Give a new credential of the second caller's the time to be taken, if that needs no person.

    What is put again here is what later checks submit with.
    """
    for _ in trial.pace.polls(_USER_PATIENCE):
        if _get(trial, other)["state"] not in _NOT_YET:
            return


def _takes_a_step(trial: Trial) -> bool:
    """Tell whether callers have something to set up here."""
    return bool(trial.target.facility["credential"]["delegation"] != "service")


def _idle_other(trial: Trial) -> Client:
    """Return the second caller once none of their jobs lives here, so that nothing needs the credential."""
    other = trial.other_caller()
    live = [state for state in trial.transitions.states if state not in trial.transitions.terminal]
    query = [("facility_id", trial.target.facility_id), *(("state", state) for state in live)]
    for _ in trial.pace.polls(trial.pace.job_patience):
        if not other.call("list_jobs", query=query).expect(200).document()["jobs"]:
            return other
    raise NotAssessed("the second caller has jobs at the facility that do not end")


def _step_or_none(trial: Trial) -> None:
    if not _takes_a_step(trial):
        trial.not_applicable("callers have nothing to set up at this facility")


@check("CC-CRED-001")
def a_credential_is_put_once(trial: Trial) -> None:
    """CC-CRED-001: a `state` is told before any put; the first put is 201, a repeat 200 and the same."""
    if not _takes_a_step(trial):
        trial.witness(f"get_credential without any put: {_get(trial, trial.client)['state']}")
        return
    other = _idle_other(trial)
    names = _names(_get(trial, other))
    _delete(trial, other).expect(204)
    trial.equal("missing", _get(trial, other)["state"], "the state of a credential that was not put")
    first = _put(trial, other, **names)
    trial.equal(201, first.status, "the status of the first put_credential")
    again = _put(trial, other, **names)
    trial.equal(200, again.status, "the status of a repeated put_credential")
    for member in ("kind", "account", "public_key", "fingerprint", "subject", "group"):
        trial.equal(
            first.document().get(member), again.document().get(member), f"{member} after a repeated put"
        )
    shown = _get(trial, other)
    trial.equal(
        first.document().get("public_key"), shown.get("public_key"), "public_key in get_credential after it"
    )
    trial.equal(trial.target.facility["credential"]["kind"], shown["kind"], "the kind of the credential")
    _settle(trial, other)
    trial.witness(f"missing, then 201, then 200 with the same: {shown['state']}")


@check("CC-CRED-002")
def each_caller_has_a_pair_of_keys(trial: Trial) -> None:
    """CC-CRED-002: for `ssh_key` put_credential makes a pair of keys for this caller."""
    if trial.target.facility["credential"]["kind"] != "ssh_key":
        trial.not_applicable("the facility's credentials are no ssh keys")
    _step_or_none(trial)
    keys = []
    for client in (trial.client, trial.other_caller()):
        made = _put(trial, client, **_names(_get(trial, client))).expect(200, 201).document()
        kind, _, rest = str(made["public_key"]).partition(" ")
        trial.require(
            kind.startswith(("ssh-", "ecdsa-", "sk-")) and bool(rest), f"{made['public_key']!r} is no key"
        )
        trial.require(bool(made["fingerprint"]), "the credential has no fingerprint")
        trial.require("PRIVATE" not in str(made), "the credential shows a private key")
        _fits(trial, rest.split(" ")[0], str(made["fingerprint"]))
        keys.append((made["public_key"], made["fingerprint"]))
    trial.require(keys[0][0] != keys[1][0], "two callers have the same public key")
    trial.require(keys[0][1] != keys[1][1], "two keys have the same fingerprint")
    trial.witness(f"two callers have the keys {keys[0][1]} and {keys[1][1]}")


def _fits(trial: Trial, blob: str, fingerprint: str) -> None:
    """Hold a fingerprint in one of OpenSSH's forms against the key."""
    key = b64decode(blob)
    told = fingerprint.split(" ", maxsplit=1)[0]
    if told.startswith("SHA256:"):
        wanted = "SHA256:" + b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
        trial.equal(wanted, told.rstrip("="), "the fingerprint of the public key")
    elif told.startswith("MD5:"):
        pairs = hashlib.md5(key, usedforsecurity=False).digest().hex(":")
        trial.equal(f"md5:{pairs}", told.lower(), "the fingerprint of the public key")


@check("CC-CRED-003")
def known_members_are_taken(trial: Trial) -> None:
    """CC-CRED-003: `account`, `subject` and `group` are members of a credential."""
    _step_or_none(trial)
    other = trial.other_caller()
    for name in ("account", "subject", "group"):
        exchange = _put(trial, other, **{name: _ACCOUNT})
        unknown = exchange.status == 422 and exchange.document().get("code") == "invalid-request"
        trial.require(exchange.status < 500 and not unknown, f"{exchange}: the member {name} is not known")
        trial.witness(f"a credential with {name}: {exchange.status}")


@check("CC-CRED-003")
def private_keys_are_refused(trial: Trial) -> None:
    """CC-CRED-003: a member other than `account`, `subject` and `group` is 422."""
    _step_or_none(trial)
    for name in ("private_key", "proxy", "password", "public_key"):
        facility = trial.target.facility_id
        exchange = trial.client.call("put_credential", body={name: "x"}, facility_id=facility)
        trial.require(exchange.status not in (200, 201), f"put_credential took the member {name}")
        pointers = [error.get("pointer") for error in exchange.problem(422).get("errors", [])]
        trial.require(f"/{name}" in pointers or "" in pointers, f"{name}: the errors point to {pointers}")
        trial.witness(f"a credential with {name}: 422")


@check("CC-CRED-006")
def without_a_step_nothing_is_put(trial: Trial) -> None:
    """CC-CRED-006: where `delegation` takes no step of the user, put_credential is 409."""
    delegation = trial.target.facility["credential"]["delegation"]
    if delegation != "service":
        trial.not_applicable(f"the facility's delegation is {delegation}")
    _put(trial, trial.client).problem(409, "enrolment-not-supported")
    trial.witness("put_credential: 409 enrolment-not-supported")


@dataclass(frozen=True)
class WithoutCredential:
    """What the second caller was answered without a credential, and with a new one under the same key."""

    state: str
    refused: Exchange
    judged: Exchange | None
    put: Exchange
    again: Exchange


def _without(trial: Trial) -> WithoutCredential:
    _step_or_none(trial)
    return trial.workbench.shared("without a credential", lambda: _go_without(trial))


def _go_without(trial: Trial) -> WithoutCredential:
    other = _idle_other(trial)
    names = _names(_get(trial, other))
    _delete(trial, other).expect(204)
    state = str(_get(trial, other)["state"])
    body, key = trial.workbench.trivial(), {"Idempotency-Key": trial.pace.draw_name("credential")}
    refused = other.call("submit_job", body=body, headers=key)
    judged = other.call("validate_job", body=body) if trial.target.claims("validation") else None
    put = _put(trial, other, **names)
    again = other.call("submit_job", body={**body, "name": "Another"}, headers=key)
    _settle(trial, other)
    return WithoutCredential(state, refused, judged, put, again)


@check("CC-CRED-007")
def without_a_credential_nothing_runs(trial: Trial) -> None:
    """CC-CRED-007: a submission is 409 `credential-required` while the credential is missing."""
    found = _without(trial)
    trial.require(found.state in _NOT_YET, f"after delete_credential the state is {found.state}")
    trial.client.recall(found.refused)
    trial.require(found.refused.status != 201, f"a job was accepted while the credential is {found.state}")
    found.refused.problem(409, "credential-required")
    trial.witness(f"{found.state}: 409 credential-required")
    if found.put.expect(201).document()["state"] == "awaiting_user":
        trial.client.recall(found.again)
        found.again.problem(409, "credential-required")
        trial.witness("awaiting_user: 409 credential-required")


@check("CC-IDEM-005")
def a_missing_credential_uses_no_key(trial: Trial) -> None:
    """CC-IDEM-005: a key of a submission that was refused for want of a credential serves another body."""
    if not trial.target.claims("credentials"):
        trial.not_applicable("the facility does not claim credentials")
    found = _without(trial)
    if found.put.document().get("state") != "valid":
        trial.not_applicable("the credential takes a step of the user before it is valid")
    trial.client.recall(found.again)
    trial.equal(201, found.again.status, "the status of another body under the key of a refused submission")
    trial.witness("a key refused with 409 credential-required made a job of another body")


@check("CC-VAL-022")
def validate_job_knows_the_credential(trial: Trial) -> None:
    """CC-VAL-022: validate_job finds the credential missing for want of which submit_job answers 409."""
    if not trial.target.claims("credentials"):
        trial.not_applicable("the facility does not claim credentials")
    found = _without(trial)
    assert found.judged is not None, "it is claimed, or this check would not run"
    trial.client.recall(found.judged)
    verdict = found.judged.expect(200).document()
    codes = [error.get("code") for error in verdict["errors"]]
    trial.equal((False, ["credential-required"]), (verdict["valid"], codes), "what validate_job says of it")
    trial.witness("validate_job: not valid, credential-required")


@check("CC-CRED-004")
def a_deleted_credential_is_gone(trial: Trial) -> None:
    """CC-CRED-004: delete_credential is 204 and leaves `missing`; the next pair of keys is a new one."""
    _step_or_none(trial)
    theirs(trial)  # a job that has ended and is still there needs no credential
    other = _idle_other(trial)
    mine = _get(trial, trial.client)
    before = _put(trial, other, **_names(_get(trial, other))).expect(200, 201).document()
    trial.equal(204, _delete(trial, other).status, "the status of delete_credential")
    trial.equal("missing", _get(trial, other)["state"], "the state after it")
    trial.equal(204, _delete(trial, other).status, "the status of delete_credential where there is none")
    after = _put(trial, other, **_names(before)).expect(201).document()
    _settle(trial, other)
    if trial.target.facility["credential"]["kind"] == "ssh_key":
        trial.require(before["public_key"] != after["public_key"], "the new pair of keys is the old one")
    same = _get(trial, trial.client)
    trial.equal(
        (mine.get("public_key"), mine["state"]), (same.get("public_key"), same["state"]), "the first caller's"
    )
    trial.witness("missing after 204, and a new credential after that")


@check("CC-CRED-005")
def a_credential_in_use_stays(trial: Trial) -> None:
    """CC-CRED-005: delete_credential while a job of the caller lives there is 409 `credential-in-use`."""
    _step_or_none(trial)
    specimen = trial.workbench.specimen("long")
    if specimen.final is not None:
        trial.not_assessed(f"the job {specimen.id} has ended already")
    before = _get(trial, trial.client)
    refused = _delete(trial, trial.client)
    trial.require(refused.status != 204, f"the credential was deleted while the job {specimen.id} needs it")
    refused.problem(409, "credential-in-use")
    after = _get(trial, trial.client)
    trial.equal(
        (before["state"], before.get("public_key")),
        (after["state"], after.get("public_key")),
        "the credential",
    )
    trial.witness(f"while {specimen.id} runs: 409 credential-in-use, and the credential is as it was")
