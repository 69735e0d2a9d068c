"""Get the credentials wrong with which a facility acts for its callers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from common_compute_connector.protocol import Enrolment
from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.facility import BetweenGroundAndFacility
from common_compute_mutants.registry import twists, wraps
from common_compute_mutants.shown import TERMINAL, all_jobs, without_body

_AUTHORIZATION = "authorization"
_TAKEN = ("account", "subject", "group")


def _is(request: Request, method: str) -> bool:
    return request.is_call(method, "facilities", "*", "credential")


@twists("CC-CRED-001", house="enrolled")
async def have_no_credential_yet(request: Request, forward: Forward) -> Answer:
    """get_credential before the first put_credential is answered 404."""
    answer = await forward(request)
    if _is(request, "GET") and answer.status == 200 and answer.json()["state"] == "missing":
        return problem_answer(request, answer, 404, "not-found")
    return answer


@twists("CC-CRED-001", house="enrolled")
async def say_ok_to_the_first_credential(request: Request, forward: Forward) -> Answer:
    """The first put_credential is answered 200."""
    answer = await forward(request)
    return replace(answer, status=200) if _is(request, "PUT") and answer.status == 201 else answer


@twists("CC-CRED-001", house="enrolled")
async def say_created_to_every_credential(request: Request, forward: Forward) -> Answer:
    """A repeated put_credential is answered 201."""
    answer = await forward(request)
    return replace(answer, status=201) if _is(request, "PUT") and answer.status == 200 else answer


@twists("CC-CRED-001", house="enrolled")
async def take_one_credential_only(request: Request, forward: Forward) -> Answer:
    """A repeated put_credential is answered 409."""
    answer = await forward(request)
    if _is(request, "PUT") and answer.status == 200:
        return problem_answer(request, answer, 409, "credential-exists")
    return answer


@wraps("CC-CRED-001", house="enrolled")
class MakeNewKeysEachTime(BetweenGroundAndFacility):
    """A repeated put_credential makes a new pair of keys."""

    async def enrol(self, owner: str, request: Mapping[str, Any], held: Enrolment | None) -> Any:  # noqa: ARG002
        """Forget what is held."""
        return await self.right.enrol(owner, request, None)


@wraps("CC-CRED-001", house="enrolled")
class ForgetTheAccount(BetweenGroundAndFacility):
    """A repeated put_credential with the same account answers without it."""

    async def enrol(self, owner: str, request: Mapping[str, Any], held: Enrolment | None) -> Any:
        """Drop it from what is held."""
        made = await self.right.enrol(owner, request, held)
        if held is None:
            return made
        document = {name: value for name, value in made.document.items() if name != "account"}
        return replace(made, document=document)


class _AltersKeys(BetweenGroundAndFacility):
    """Enrol with the document that `altered` makes of the right one."""

    async def enrol(self, owner: str, request: Mapping[str, Any], held: Enrolment | None) -> Any:
        """Alter what is made at first."""
        made = await self.right.enrol(owner, request, held)
        return replace(made, document=self.altered(dict(made.document))) if held is None else made

    def altered(self, document: dict[str, Any]) -> dict[str, Any]:
        """Make the other document."""
        raise NotImplementedError


@wraps("CC-CRED-002", house="enrolled")
class KeepTheKeyToItself(_AltersKeys):
    """put_credential does not give the public key."""

    def altered(self, document: dict[str, Any]) -> dict[str, Any]:
        """Drop it."""
        del document["public_key"]
        return document


@wraps("CC-CRED-002", house="enrolled")
class TellNoFingerprint(_AltersKeys):
    """put_credential does not give the fingerprint."""

    def altered(self, document: dict[str, Any]) -> dict[str, Any]:
        """Drop it."""
        del document["fingerprint"]
        return document


@wraps("CC-CRED-002", house="enrolled")
class TellAnotherFingerprint(_AltersKeys):
    """The fingerprint is that of the text in which the public key is written."""

    def altered(self, document: dict[str, Any]) -> dict[str, Any]:
        """Digest the line."""
        digest = b64encode(sha256(document["public_key"].encode()).digest()).decode().rstrip("=")
        return {**document, "fingerprint": f"SHA256:{digest}"}


@wraps("CC-CRED-002", house="enrolled")
class ShareOneKey(BetweenGroundAndFacility):
    """All callers have the one pair of keys that was made for the first."""

    def __init__(self, right: Any) -> None:
        super().__init__(right)
        self._keys: dict[str, Any] = {}

    async def enrol(self, owner: str, request: Mapping[str, Any], held: Enrolment | None) -> Any:
        """Give the first pair."""
        made = await self.right.enrol(owner, request, held)
        for name in ("public_key", "fingerprint"):
            self._keys.setdefault(name, made.document[name])
        return replace(made, document={**made.document, **self._keys})


@wraps("CC-CRED-002", house="enrolled")
class CutTheKey(_AltersKeys):
    """The public key is given without its kind, in a form that no `authorized_keys` takes."""

    def altered(self, document: dict[str, Any]) -> dict[str, Any]:
        """Take the first word off."""
        return {**document, "public_key": document["public_key"].split(" ")[1]}


async def _without_members(request: Request, forward: Forward, drops: Any) -> Answer:
    """Take members out of the body of put_credential."""

    def drop(body: dict[str, Any]) -> None:
        for name in [name for name in body if drops(name, body[name])]:
            del body[name]

    return await forward(request.edited(drop) if _is(request, "PUT") else request)


@twists("CC-CRED-003", house="enrolled")
async def ignore_members_of_a_credential(request: Request, forward: Forward) -> Answer:
    """put_credential ignores members that it does not know."""
    return await _without_members(request, forward, lambda name, _: name not in _TAKEN)


@twists("CC-CRED-003", house="enrolled")
async def take_a_private_key(request: Request, forward: Forward) -> Answer:
    """put_credential takes a `private_key`."""
    return await _without_members(request, forward, lambda name, _: name == "private_key")


@twists("CC-CRED-003", house="enrolled")
async def take_a_proxy(request: Request, forward: Forward) -> Answer:
    """put_credential takes a `proxy`."""
    return await _without_members(request, forward, lambda name, _: name == "proxy")


@twists("CC-CRED-003", house="enrolled")
async def take_a_public_key(request: Request, forward: Forward) -> Answer:
    """put_credential takes a `public_key` of the caller's own."""
    return await _without_members(request, forward, lambda name, _: name == "public_key")


@twists("CC-CRED-003", house="enrolled")
async def know_no_subject(request: Request, forward: Forward) -> Answer:
    """put_credential refuses `subject` and `group` for a key of ssh."""
    sent = request.json()
    if _is(request, "PUT") and isinstance(sent, dict) and ("subject" in sent or "group" in sent):
        answer = await forward(replace(request, method="GET", body=b""))
        errors = [{"pointer": "/subject", "detail": "There is no such member."}]
        return problem_answer(request, answer, 422, "invalid-request", errors=errors)
    return await forward(request)


@twists("CC-CRED-004", house="enrolled")
async def say_ok_to_a_deletion(request: Request, forward: Forward) -> Answer:
    """delete_credential is answered 202."""
    answer = await forward(request)
    return replace(answer, status=202) if _is(request, "DELETE") and answer.status == 204 else answer


@twists("CC-CRED-004", house="enrolled")
async def delete_nothing(request: Request, forward: Forward) -> Answer:
    """delete_credential is answered 204, and the credential stays."""
    if _is(request, "DELETE"):
        live = await all_jobs(request, forward)
        if all(job["state"] in TERMINAL for job in live):
            return without_body(await forward(replace(request, method="GET", body=b"")), 204)
    return await forward(request)


@wraps("CC-CRED-004", house="enrolled")
class GiveTheOldKeysAgain(BetweenGroundAndFacility):
    """put_credential after delete_credential gives the old pair of keys."""

    def __init__(self, right: Any) -> None:
        super().__init__(right)
        self._made: dict[str, Any] = {}

    async def enrol(self, owner: str, request: Mapping[str, Any], held: Enrolment | None) -> Any:
        """Look among what was ever made."""
        made = await self.right.enrol(owner, request, held)
        keys = {name: made.document[name] for name in ("public_key", "fingerprint")}
        return replace(made, document={**made.document, **self._made.setdefault(owner, keys)})


@twists("CC-CRED-004", house="enrolled")
async def remember_who_was_deleted(request: Request, forward: Forward) -> Answer:
    """get_credential after delete_credential says `rejected`."""
    answer = await forward(request)
    deleted = request.memory.setdefault("deleted", set())
    if _is(request, "DELETE") and answer.status == 204:
        deleted.add(request.header(_AUTHORIZATION))
    if _is(request, "GET") and answer.status == 200 and request.header(_AUTHORIZATION) in deleted:
        return answer.edited(
            lambda each: each.update(state="rejected") if each["state"] == "missing" else None
        )
    return answer


@twists("CC-CRED-004", house="enrolled")
async def keep_it_while_there_are_jobs(request: Request, forward: Forward) -> Answer:
    """delete_credential is answered 409 until the caller's jobs are released, also if all have ended."""
    answer = await forward(request)
    if _is(request, "DELETE") and answer.status == 204 and await all_jobs(request, forward):
        return problem_answer(request, answer, 409, "credential-in-use")
    return answer
