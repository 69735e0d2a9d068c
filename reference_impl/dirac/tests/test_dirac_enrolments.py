"""Callers as DIRAC's users: who may be whom, and what is known of their proxies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.errors import EnrolmentNotSupported, Faulty
from common_compute_connector.protocol import Enrolment
from common_compute_dirac.enrolments import EachTheirOwn, NoIdentity, OneUser
from common_compute_dirac.settings import Settings
from common_compute_dirac.worker import DiracRefused, DiracUnreachable, Identity

Make = Callable[..., Settings]
ALICE = "/O=Grid/CN=alice"


class Proxies:
    """A worker that knows proxies, and whom it was asked for; or that has no good news, or hands none out."""

    def __init__(self) -> None:
        self.answer: Mapping[str, str] | Exception = {}
        self.hands_out: Exception | None = None
        self.asked: list[Identity | None] = []
        self.fetched: list[Identity | None] = []

    async def call(
        self, name: str, arguments: Any, acting: Identity | None, *, deadline_seconds: float
    ) -> Any:
        assert {} == arguments
        if name == "whoami":
            self.fetched.append(acting)
            if self.hands_out is not None:
                raise self.hands_out
            return {}
        assert "proxies" == name
        self.asked.append(acting)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Stored:
    """The enrolments that are stored."""

    def __init__(self) -> None:
        self.held: dict[str, Enrolment] = {}

    async def enrolment(self, owner: str) -> Enrolment | None:
        return self.held.get(owner)


class Bench:
    """Everything around."""

    def __init__(self, settings: Settings) -> None:
        self.clock = HeldClock()
        self.proxies = Proxies()
        self.stored = Stored()
        self.users = EachTheirOwn(settings, self.stored, self.proxies, self.clock)  # type: ignore[arg-type]


@pytest.fixture
def bench(settings: Make) -> Bench:
    """Give it, with two groups."""
    return Bench(settings(groups=["cta_analysis"]))


async def test_the_state_is_that_of_the_proxy(bench: Bench) -> None:
    """Nothing uploaded, lasting, over, refused: each is told with what to do, and a silence changes nothing."""
    assert "missing" == (await bench.users.check("alice", None)).document["state"]
    held = await bench.users.enrol("alice", {}, None)
    assert ("awaiting_user", ALICE, "cta_user") == tuple(
        held.document[name] for name in ("state", "subject", "group")
    )
    assert held.document["instructions"].endswith("dirac-proxy-init -g cta_user")
    for answer, state in (
        ({ALICE: "2026-01-02T00:00:00Z"}, "valid"),
        (DiracUnreachable("silence", started=True), "valid"),
        (DiracRefused("unauthorized", "for a minute", 1111), "valid"),
        ({ALICE: "2025-12-31T00:00:00Z"}, "expired"),
        (DiracRefused("not-a-member", "no", 0), "rejected"),
        ({"/O=Grid/CN=bob": "2027-01-01T00:00:00Z"}, "awaiting_user"),
    ):
        bench.clock.advance(10)
        bench.proxies.answer = answer
        held = await bench.users.check("alice", held)
        assert state == held.document["state"]
    assert {Identity(ALICE, "cta_user")} == set(bench.proxies.asked)
    assert [] == bench.proxies.fetched


async def test_a_proxy_that_is_to_be_used_is_fetched(settings: Make) -> None:
    """With `user` a credential is valid if DIRAC hands its proxy out; else it is said what is in the way."""
    bench = Bench(settings(delegation="user"))
    held = await bench.users.enrol("alice", {}, None)
    assert "awaiting_user" == held.document["state"]
    assert held.document["instructions"].endswith("dirac-proxy-init -g cta_user")
    tomorrow, soon, gone = "2026-01-02T00:00:00Z", "2026-01-01T00:03:00Z", "2025-12-31T00:00:00Z"
    refused = DiracRefused("no-proxy", "You can't get proxies!", 0)
    for until, hands_out, state, words in (
        (tomorrow, None, "valid", "Nothing is left to do until the proxy ends"),
        (tomorrow, DiracUnreachable("silence", started=False), "valid", "Nothing is left"),
        (
            tomorrow,
            refused,
            "rejected",
            "ask the administrator of this service. It says: You can't get proxies!",
        ),
        (tomorrow, DiracRefused("not-a-member", "no", 0), "rejected", "may not act in the group cta_user"),
        (soon, refused, "expired", "Upload a new one: dirac-proxy-init -g cta_user"),
        (gone, None, "expired", "Upload a new one: dirac-proxy-init -g cta_user"),
    ):
        bench.clock.advance(10)
        bench.proxies.answer, bench.proxies.hands_out = {ALICE: until}, hands_out
        held = await bench.users.check("alice", held)
        assert (state, True) == (held.document["state"], words in held.document["instructions"]), held
        if state != "rejected":
            assert until == held.document["expires_at"]
    assert 5 == len(bench.proxies.fetched), "what has ended is not even tried"
    assert {Identity(ALICE, "cta_user")} == set(bench.proxies.fetched)


async def test_dirac_is_asked_now_and_then_only(bench: Bench) -> None:
    """Who polls a credential does not poll DIRAC."""
    held = await bench.users.enrol("alice", {}, None)
    bench.proxies.answer = {ALICE: "2026-02-01T00:00:00Z"}
    bench.clock.advance(9.9)
    assert held is await bench.users.check("alice", held)
    bench.clock.advance(0.1)
    assert "valid" == (await bench.users.check("alice", held)).document["state"]
    assert 2 == len(bench.proxies.asked)


@pytest.mark.parametrize(
    ("owner", "request_", "pointers"),
    [
        ("alice", {"subject": "/O=Grid/CN=bob"}, ["/subject"]),
        ("alice", {"group": "dirac_admin"}, ["/group"]),
        ("alice", {"subject": "/O=Grid/CN=admin", "group": "dirac_admin"}, ["/subject", "/group"]),
        ("alice/CN=admin", {}, ["/subject"]),
        ("alice/CN=admin", {"subject": "/O=Grid/CN=alice/CN=admin"}, ["/subject"]),
    ],
)
async def test_nobody_becomes_somebody_else(
    bench: Bench, owner: str, request_: dict[str, str], pointers: list[str]
) -> None:
    """A subject that is not the caller's or a group that is not for callers is refused, all faults at once."""
    with pytest.raises(Faulty) as refused:
        await bench.users.enrol(owner, request_, None)
    assert pointers == [fault.pointer for fault in refused.value.faults]
    assert [] == bench.proxies.asked


async def test_a_repeat_keeps_what_is_there(bench: Bench) -> None:
    """Another group needs another enrolment."""
    held = await bench.users.enrol("alice", {"group": "cta_analysis", "subject": ALICE}, None)
    again = await bench.users.enrol("alice", {"group": "cta_user"}, held)
    assert "cta_analysis" == again.document["group"]


async def test_whom_a_caller_acts_as(bench: Bench, settings: Make) -> None:
    """It is what they enrolled as, as long as the configuration still allows that."""
    with pytest.raises(NoIdentity, match="set up no credential"):
        await bench.users.identity("alice")
    bench.stored.held["alice"] = await bench.users.enrol("alice", {}, None)
    assert Identity(ALICE, "cta_user") == await bench.users.identity("alice")
    # What was stored before the rule changed, or for somebody else, is worth nothing.
    bench.stored.held["bob"] = bench.stored.held["alice"]
    later = Bench(settings(subject_rule="/O=New/CN={caller}"))
    later.stored.held = bench.stored.held
    for users, owner in ((bench.users, "bob"), (later.users, "alice")):
        with pytest.raises(NoIdentity, match="is not this caller's any more"):
            await users.identity(owner)


async def test_one_user_for_all_needs_no_enrolment(settings: Make) -> None:
    """There is nothing to arrange, and everybody is the same."""
    service = {"delegation": "service", "subject_rule": None}
    users = OneUser(settings(**service, subject="/O=Grid/CN=robot"))
    assert Identity("/O=Grid/CN=robot", "cta_user") == await users.identity("anybody")
    with pytest.raises(EnrolmentNotSupported):
        await users.enrol("anybody", {}, None)
    with pytest.raises(EnrolmentNotSupported):
        await users.check("anybody", None)
