"""The work of several accounts: each over its own login, and none held up by another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from common_compute_connector.errors import FacilityUnavailable
from common_compute_connector.protocol import (
    Accepted,
    Collected,
    Deferred,
    EndedTask,
    LivePart,
    Observation,
    Pace,
    Part,
    PartKey,
    Refused,
    Submission,
)
from common_compute_rosetta.accounts import NoLogin
from common_compute_rosetta.by_account import ByAccount
from common_compute_rosetta.ssh import KeyRefused, Login
from common_compute_rosetta.transport import HostUnreachable

ACCOUNTS = {"anna": "uanna", "bert": "ubert", "carl": "ubert"}


class Accounts:
    """Logins for three callers, two of whom share an account."""

    delegation = "user"

    async def login(self, owner: str) -> Login:
        if owner not in ACCOUNTS:
            raise NoLogin("there is no key of this caller's")
        return Login("host", 22, ACCOUNTS[owner], "ssh-ed25519 AAAA", "key")


class FakeHost:
    """A facility that notes what it is asked, and may be away."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self.calls: list[tuple[str, list[str]]] = []
        self.trouble: HostUnreachable | None = None

    def _asked(self, verb: str, parts: Sequence[Part]) -> None:
        self.calls.append((verb, [part.key.job_id for part in parts]))
        if self.trouble is not None:
            raise FacilityUnavailable("f", self.trouble.detail) from self.trouble

    async def submit(self, batch: Sequence[Submission]) -> list[Any]:
        self._asked("submit", [one.part for one in batch])
        return [Accepted(one.part.key, "h") for one in batch]

    async def observe(self, parts: Sequence[LivePart]) -> list[Observation]:
        self._asked("observe", [live.part for live in parts])
        return [Observation(live.part.key) for live in parts]

    async def release(self, parts: Sequence[Part]) -> list[PartKey]:
        self._asked("release", parts)
        return [part.key for part in parts]

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[Collected]:
        self._asked("collect", [task.part for task in ended])
        for task in ended:
            yield Collected(task.part.key, task.index)


class Facility(ByAccount):
    """A facility of such hosts, by account."""

    def __init__(self) -> None:
        self.by_name: dict[str, FakeHost] = {}
        super().__init__("f", Pace(1, 1), 10, Accounts(), self._open)  # type: ignore[arg-type]

    def _open(self, login: Login) -> Any:
        return self.by_name.setdefault(login.account, FakeHost(login))


def part(owner: str) -> Part:
    """Make a part of a caller's, under their name."""
    return Part(PartKey(owner, 0), owner, 0, 1)


def submissions(*owners: str) -> list[Submission]:
    """Make a submission for each."""
    return [Submission(part(owner), {}, 1) for owner in owners]


def away(facility: Facility, account: str, *, key: bool = False) -> None:
    """Let an account be out of reach, or its key be refused."""
    asyncio.run(facility.host_of(next(owner for owner, name in ACCOUNTS.items() if name == account)))
    kind = KeyRefused if key else HostUnreachable
    facility.by_name[account].trouble = kind("not now", started=False)


def test_each_account_is_asked_once() -> None:
    """However many parts and callers, an account gets one call for all of its own."""
    facility = Facility()
    seen = asyncio.run(facility.observe([LivePart(part(owner), [0]) for owner in ("anna", "bert", "carl")]))
    assert ["anna", "bert", "carl"] == sorted(observation.key.job_id for observation in seen)
    assert [("observe", ["anna"])] == facility.by_name["uanna"].calls
    assert [("observe", ["bert", "carl"])] == facility.by_name["ubert"].calls


def test_an_account_out_of_reach_holds_up_no_other() -> None:
    """About its parts nothing is said; if all are out of reach, the facility is away."""
    facility = Facility()
    away(facility, "ubert")
    seen = asyncio.run(facility.observe([LivePart(part(owner), [0]) for owner in ("anna", "bert")]))
    assert ["anna"] == [observation.key.job_id for observation in seen]
    away(facility, "uanna")
    with pytest.raises(FacilityUnavailable, match="not now"):
        asyncio.run(facility.observe([LivePart(part(owner), [0]) for owner in ("anna", "bert")]))


def test_keys_alone_do_not_make_a_facility_unavailable() -> None:
    """A caller whose key is refused, or gone, does not take the facility from the others."""
    facility = Facility()
    away(facility, "ubert", key=True)
    assert [] == asyncio.run(facility.observe([LivePart(part("bert"), [0]), LivePart(part("dora"), [0])]))


def test_a_submission_ends_with_its_key_and_waits_for_its_host() -> None:
    """A refused key is final and says so; a host that is away is tried again."""
    facility = Facility()
    away(facility, "ubert", key=True)
    answers = asyncio.run(facility.submit(submissions("anna", "bert", "dora")))
    told = {answer.key.job_id: answer for answer in answers}
    assert isinstance(told["anna"], Accepted)
    for owner in ("bert", "dora"):
        refused = told[owner]
        assert isinstance(refused, Refused)
        assert "credential-rejected" == refused.reason.code
    away(facility, "ubert")
    (answer,) = asyncio.run(facility.submit(submissions("bert")))
    assert isinstance(answer, Deferred)


def test_what_nobody_can_reach_is_released() -> None:
    """Without the caller's key nothing can be removed, and nothing of it is kept waiting for ever."""
    facility = Facility()
    away(facility, "ubert")
    released = asyncio.run(facility.release([part("anna"), part("bert"), part("dora")]))
    assert ["anna", "dora"] == sorted(key.job_id for key in released)


def test_collections_go_account_by_account() -> None:
    """What one account cannot give now does not keep the others' from coming home."""
    facility = Facility()
    away(facility, "uanna")

    async def collected() -> list[str]:
        ended = [EndedTask(part(owner), 0, ()) for owner in ("anna", "bert")]
        return [item.key.job_id async for item in facility.collect(ended)]

    assert ["bert"] == asyncio.run(collected())
