"""The credentials of callers at a mock: what they put, what becomes of it, and what may be submitted meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from common_compute_connector.access import SCOPES, Access, BearerAccess, OpenAccess
from common_compute_connector.app import create_app
from common_compute_connector.clock import HeldClock
from common_compute_connector.configuration import ServiceLimits, ServiceSettings
from common_compute_connector.dispatcher import Dispatcher
from common_compute_connector.errors import Faulty
from common_compute_connector.facilities import Facilities, StoredEnrolments
from common_compute_connector.protocol import Enrolment, Ground
from common_compute_connector.schemas import component
from common_compute_connector.service import Service
from common_compute_connector.store import Store
from common_compute_connector.tokens.static_tokens import StaticTokens
from common_compute_mocks import flavours
from common_compute_mocks.enrolment import CallersCredentials
from common_compute_mocks.facility import MockFacility

NAMES = {
    "rosetta": {"account": "arossi"},
    "dirac": {"subject": "/DC=org/DC=example/CN=Anna Rossi", "group": "cta_user"},
}
ANNA, BERT = "token-of-anna-4711", "token-of-bert-0815"


class Held:
    """The enrolments of one facility, as the ground would keep them."""

    def __init__(self) -> None:
        self.kept: dict[str, Enrolment] = {}

    async def enrolment(self, owner: str) -> Enrolment | None:
        """Give a caller's."""
        return self.kept.get(owner)


class Desk:
    """One facility's credentials on a clock that stands still; what it is told is kept."""

    def __init__(
        self, flavour: str, *, seed: int = 0, facility_id: str | None = None, **weather: Any
    ) -> None:
        self.flavour = flavour
        self.clock = HeldClock()
        self.held = Held()
        self.credentials = CallersCredentials(
            facility_id or flavour, flavours.load(flavour), Ground(self.clock, self.held), seed, weather
        )

    def put(self, owner: str = "anna", **names: str) -> dict[str, Any]:
        """Put a caller's credential, with the names of NAMES where none are given."""
        made = self.credentials.put(owner, names or NAMES[self.flavour], self.held.kept.get(owner))
        self.held.kept[owner] = made
        return dict(made.document)

    def look(self, owner: str = "anna", after: float = 0) -> dict[str, Any]:
        """Let time pass and look at a caller's credential."""
        self.clock.advance(after)
        seen = self.credentials.check(owner, self.held.kept.get(owner))
        if owner in self.held.kept:
            self.held.kept[owner] = seen
        return dict(seen.document)

    def give_up(self, owner: str = "anna") -> None:
        """Delete a caller's credential."""
        self.credentials.give_up(self.held.kept.pop(owner))

    def refusal(self, owner: str = "anna") -> Any:
        """Say why the facility takes no job of a caller's now, None if it does."""
        return asyncio.run(self.credentials.refusals({owner, "somebody"})).get(owner)


@pytest.fixture(params=sorted(NAMES))
def desk(request: pytest.FixtureRequest) -> Desk:
    """The credentials at each flavour."""
    return Desk(request.param)


def states(desk: Desk, *waits: float) -> list[str]:
    return [desk.look(after=wait)["state"] for wait in waits]


def test_the_steps_are_missing_awaiting_the_user_and_valid(desk: Desk) -> None:
    """Nothing is there before the first put; then the user has a step to do, and then it works."""
    assert "missing" == desk.look()["state"]
    assert "awaiting_user" == desk.put()["state"]
    takes = flavours.load(desk.flavour).enrolment.user_takes_seconds
    assert ["awaiting_user", "valid", "valid"] == states(desk, takes - 0.001, 1, 3600)


def test_every_state_is_told_as_the_contract_says(desk: Desk) -> None:
    """In each state the document fits `Credential`, names the facility's kind, and says what is to be done."""
    told = set()
    for state in ("missing", "awaiting_user", "valid", "expired", "rejected"):
        document = Desk(desk.flavour, state=state).put()
        assert [] == component("Credential").faults(document)
        kind = flavours.load(desk.flavour).facility["credential"]["kind"]
        assert (state, kind) == (document["state"], document["kind"])
        assert "{" not in document["instructions"]
        told.add(document["instructions"])
    assert 5 == len(told)


def test_the_key_is_one_that_openssh_takes() -> None:
    """At Rosetta a put gives an ed25519 key in OpenSSH's form, with its fingerprint, and no secret of any kind."""
    desk = Desk("rosetta")
    document = desk.put()
    key = load_ssh_public_key(document["public_key"].encode())
    assert "Ed25519PublicKey" == type(key).__name__.removeprefix("_")
    kind, blob, comment = document["public_key"].split(" ")
    digest = b64encode(hashlib.sha256(b64decode(blob)).digest()).decode().rstrip("=")
    assert ("ssh-ed25519", f"SHA256:{digest}") == (kind, document["fingerprint"])
    assert "common-compute-mock-rosetta" == comment
    assert f"restrict {document['public_key']}" in document["instructions"]
    assert "arossi" == document["account"]
    assert b"PRIVATE" not in desk.held.kept["anna"].sealed.upper()


def test_the_key_is_a_point_of_the_curve() -> None:
    """What is given as a public key solves the curve's equation, -x2 + y2 = 1 + d x2 y2, with an x."""
    prime = 2**255 - 19
    blob = b64decode(Desk("rosetta").put()["public_key"].split(" ")[1])
    y = int.from_bytes(blob[-32:], "little") & (2**255 - 1)
    d = -121665 * pow(121666, prime - 2, prime) % prime
    x_squared = (y * y - 1) * pow(d * y * y + 1, prime - 2, prime) % prime
    root = pow(x_squared, (prime + 3) // 8, prime)
    assert any(pow(x, 2, prime) == x_squared for x in (root, root * pow(2, (prime - 1) // 4, prime) % prime))


def test_a_key_follows_from_seed_caller_facility_and_time() -> None:
    """The same put gives the same bytes; another seed, caller, facility or time gives another key."""
    same = [Desk("rosetta").put(), Desk("rosetta").put()]
    assert same[0] == same[1]
    later = Desk("rosetta")
    later.clock.advance(1)
    others = [
        Desk("rosetta", seed=1).put(),
        Desk("rosetta").put("bert"),
        Desk("rosetta", facility_id="leonardo").put(),
        later.put(),
    ]
    assert 5 == len({document["fingerprint"] for document in (same[0], *others)})


def test_a_repeat_keeps_what_is_there(desk: Desk) -> None:
    """A second put changes nothing, whatever it names; only the state may have moved on."""
    first = desk.put()
    other = {"account": "other", "subject": "/CN=Other", "group": "other"}
    assert first == desk.put(**other)
    desk.clock.advance(10)
    again = desk.put(**other)
    changed = {name for name in first if first[name] != again[name]}
    assert {"state", "instructions", "observed_at"} == changed
    assert "valid" == again["state"]


def test_a_new_key_takes_a_delete_and_a_put() -> None:
    """After a delete the credential is missing, and the next key is another one, even at the same moment."""
    desk = Desk("rosetta")
    fingerprints = []
    for _ in range(3):
        fingerprints.append(desk.put()["fingerprint"])
        desk.give_up()
        assert "missing" == desk.look()["state"]
    assert 3 == len(set(fingerprints))


def test_callers_are_kept_apart(desk: Desk) -> None:
    """What one caller puts or gives up is nothing to another."""
    desk.put("anna")
    assert "missing" == desk.look("bert")["state"]
    desk.put("bert")
    desk.give_up("anna")
    assert ("missing", "valid") == (desk.look("anna", 5)["state"], desk.look("bert")["state"])


def test_the_facility_is_looked_at_every_so_often(desk: Desk) -> None:
    """Who asks again at once is told what was seen before, with its time."""
    first = desk.put()
    assert first == desk.look(after=0.4)
    assert first["observed_at"] < desk.look(after=0.2)["observed_at"]


def test_a_proxy_expires_after_a_day_and_is_renewed() -> None:
    """A proxy tells its end and expires there; a put after that stands for a new upload, and keeps the mapping."""
    desk = Desk("dirac")
    put = desk.put()
    assert "expires_at" not in put
    valid = desk.look(after=3)
    assert ("valid", "2026-01-02T00:00:02.000000Z") == (valid["state"], valid["expires_at"])
    expired = desk.look(after=86_400)
    assert ("expired", valid["expires_at"]) == (expired["state"], expired["expires_at"])
    again = desk.put(group="another")
    assert ("awaiting_user", "cta_user") == (again["state"], again["group"])
    assert "valid" == desk.look(after=3)["state"]


def test_a_key_lasts() -> None:
    """A key in `authorized_keys` has no end of its own."""
    desk = Desk("rosetta")
    desk.put()
    later = desk.look(after=400 * 86_400)
    assert ("valid", False) == (later["state"], "expires_at" in later)


def test_a_group_that_the_caller_has_not_is_rejected() -> None:
    """DIRAC takes no subject in a group that is none of its own, which shows when it is tried."""
    desk = Desk("dirac")
    desk.put(group="lhcb_user")
    rejected = desk.look(after=3)
    assert "rejected" == rejected["state"]
    assert "/CN=anna may not act in the group lhcb_user." in rejected["instructions"]


@pytest.mark.parametrize(
    ("flavour", "names", "pointers"),
    [
        ("rosetta", {"account": "0nobody"}, ["/account"]),
        ("rosetta", {"account": "a b\nssh-rsa AAAA"}, ["/account"]),
        ("dirac", {"subject": "CN=Anna"}, ["/subject"]),
        ("dirac", {"subject": "anna", "group": "cta user"}, ["/subject", "/group"]),
    ],
)
def test_a_name_that_nobody_can_have_is_told(
    flavour: str, names: dict[str, str], pointers: list[str]
) -> None:
    """A name of a wrong form is a fault of the request, with a pointer and how such a name looks."""
    with pytest.raises(Faulty) as told:
        Desk(flavour).put(**names)
    assert pointers == [fault.pointer for fault in told.value.faults]
    assert {"invalid-request"} == {fault.code for fault in told.value.faults}
    assert all(fault.detail.startswith(("Name a", "Write a")) for fault in told.value.faults)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("anna", "anna"),
        ("https://iam.example#9f3c-11", "u9f3c-11"),
        ("Maria Rossi", "maria-rossi"),
        ("4711", "u4711"),
        ("ü", "u"),
        ("#", "u"),
        ("A" * 80, "a" * 31),
    ],
)
def test_a_caller_who_gives_no_name_has_one(owner: str, name: str) -> None:
    """A put without names maps the caller, whatever they are called, to names that the facility can have."""
    account = Desk("rosetta").put(owner, group="x")["account"]
    subject = Desk("dirac").put(owner, account="x")["subject"]
    assert (name, f"/DC=org/DC=example/CN={name}") == (account, subject)
    assert account == Desk("rosetta").put(account=account)["account"]
    assert subject == Desk("dirac").put(subject=subject)["subject"]


def test_a_scenario_fixes_the_state_of_what_was_put(desk: Desk) -> None:
    """With a fixed state nothing that a caller does helps; who has put nothing misses it still."""
    for state in ("missing", "awaiting_user", "expired", "rejected"):
        fixed = Desk(desk.flavour, state=state)
        assert "missing" == fixed.look()["state"]
        assert state == fixed.put()["state"]
        assert state == fixed.look(after=1000)["state"]
        assert (state == "missing") == (not set(NAMES[desk.flavour]) & set(fixed.look()))


def test_a_scenario_changes_the_times(desk: Desk) -> None:
    """A scenario says when what was put is accepted, and when it expires."""
    quick = Desk(desk.flavour, accepted_after_seconds=0, expires_after_seconds=60)
    assert "valid" == quick.put()["state"]
    assert ["valid", "expired"] == states(quick, 59, 1)


@pytest.mark.parametrize("state", ["missing", "awaiting_user", "expired", "rejected"])
def test_a_credential_that_does_not_work_keeps_jobs_out(desk: Desk, state: str) -> None:
    """The facility takes no job of a caller whose credential proves useless, and says so in its own words."""
    bad = Desk(desk.flavour, state=state)
    bad.put()
    reason = bad.refusal()
    assert "credential-rejected" == reason.code
    assert "credential-rejected" in flavours.load(desk.flavour).facility["reason_codes"]
    words = {
        "rosetta": "arossi@login.cluster.example.org:22 does not take the key",
        "dirac": (
            "Can't find proxy ( 1101 : /DC=org/DC=example/CN=Anna Rossi@cta_user has no proxy registered)"
        ),
    }
    assert words[desk.flavour] == reason.detail


def test_jobs_of_others_are_taken(desk: Desk) -> None:
    """Nobody is kept out who has put nothing, or whose credential works."""
    assert desk.refusal() is None
    desk.put()
    assert desk.refusal() is not None
    desk.clock.advance(3)
    assert desk.refusal() is None


def test_what_another_connector_set_up_says_nothing_here(desk: Desk) -> None:
    """An enrolment that is none of the mock's own keeps no job out, and is missing here until it is put here."""
    desk.held.kept["anna"] = Enrolment("anna", {"state": "valid"})
    assert desk.refusal() is None
    assert "missing" == desk.look()["state"]
    assert "awaiting_user" == desk.put()["state"]


class House:
    """A service over ASGI with a mock of one flavour, on a clock that the test holds."""

    def __init__(self, room: Path, flavour: str, access: Access) -> None:
        self.flavour = flavour
        self.loop = asyncio.new_event_loop()
        self.clock = HeldClock()
        store = Store.open(f"sqlite:///{room / 'store.sqlite3'}", room / "results", self.clock)
        ground = Ground(self.clock, StoredEnrolments(store, flavour))
        facility = MockFacility(flavour, flavours.load(flavour), ground, 0, "succeeds")
        known = Facilities([facility], self.clock)
        self.dispatcher = Dispatcher(store, known, self.clock)
        limits = ServiceLimits(max_request_bytes=4096, max_wait_seconds=30, max_page_size=1000)
        settings = ServiceSettings(id="org.example.test", name="Test")
        self.app = create_app(Service(settings, limits, access, store, known, self.dispatcher, self.clock))
        self._run(self.dispatcher.open())
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://service.example/v1")

    def ask(self, method: str, path: str, token: str | None = ANNA, **arguments: Any) -> httpx.Response:
        """Send one request."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        response: httpx.Response = self._run(self.client.request(method, path, headers=headers, **arguments))
        return response

    def credential(self, method: str = "GET", token: str = ANNA, **arguments: Any) -> httpx.Response:
        """Ask about the caller's credential."""
        return self.ask(method, f"/facilities/{self.flavour}/credential", token, **arguments)

    def submit(self, path: str = "/jobs", token: str | None = ANNA) -> httpx.Response:
        """Submit a small job."""
        probe = next(iter(flavours.load(self.flavour).facility["probe"].values()))
        body = {"facility_id": self.flavour, "software": probe, "command": ["true"]}
        return self.ask("POST", path, token, json=body)

    def ended(self, job_id: str, token: str | None = ANNA) -> dict[str, Any]:
        """Let time pass until a job has ended, and give it."""
        for _ in range(200):
            self.clock.advance(0.1)
            self._run(self.dispatcher.step())
            job: dict[str, Any] = self.ask("GET", f"/jobs/{job_id}", token).json()
            if "finished_at" in job:
                return job
        raise AssertionError(f"{job_id} did not end")

    def close(self) -> None:
        """Stop everything."""
        self._run(self.client.aclose())
        self._run(self.dispatcher.stop())
        self._run(self.app.stop())
        self.loop.close()

    def _run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Open houses; they are closed after the test."""
    made: list[House] = []

    def make(flavour: str, *, bearer: bool = True) -> House:
        tokens = tmp_path / "tokens"
        tokens.write_text(f"{ANNA} anna\n{BERT} bert\n")
        tokens.chmod(0o600)
        guarded = BearerAccess([StaticTokens.read(tokens)], {"scopes": sorted(SCOPES)})
        made.append(House(tmp_path, flavour, guarded if bearer else OpenAccess()))
        return made[-1]

    yield make
    for house in made:
        house.close()


@pytest.mark.parametrize("flavour", sorted(NAMES))
def test_a_job_needs_a_credential_that_is_valid(flavour: str, make_house: Any) -> None:
    """A submission is 409 `credential-required` until the credential, as last looked at, is valid; then it runs."""
    house = make_house(flavour)
    refused = house.submit()
    assert (409, "credential-required") == (refused.status_code, refused.json()["code"])
    put = house.credential("PUT", json=NAMES[flavour])
    assert (201, "awaiting_user") == (put.status_code, put.json()["state"])
    assert 409 == house.submit().status_code
    assert not house.submit("/jobs/validate").json()["valid"]
    house.clock.advance(3)
    assert "valid" == house.credential().json()["state"]
    accepted = house.submit()
    assert 201 == accepted.status_code
    assert "credential-in-use" == house.credential("DELETE").json()["code"]
    assert "succeeded" == house.ended(accepted.json()["id"])["state"]
    assert 409 == house.submit(token=BERT).status_code
    assert 204 == house.credential("DELETE").status_code
    assert "missing" == house.credential().json()["state"]


@pytest.mark.parametrize("flavour", sorted(NAMES))
def test_a_repeat_is_200_with_the_same(flavour: str, make_house: Any) -> None:
    """The first put is 201 and a repeat 200, with the same names and key."""
    house = make_house(flavour)
    first, again = (house.credential("PUT", json=NAMES[flavour]) for _ in range(2))
    assert (201, 200) == (first.status_code, again.status_code)
    assert first.json() == again.json()


def test_a_credential_that_proves_useless_ends_the_job(make_house: Any) -> None:
    """A job is taken while its credential was valid when last looked at, and ends as `credential-rejected`."""
    house = make_house("dirac")
    house.credential("PUT", json=NAMES["dirac"])
    house.clock.advance(3)
    assert "valid" == house.credential().json()["state"]
    house.clock.advance(86_400)
    accepted = house.submit()
    assert 201 == accepted.status_code
    job = house.ended(accepted.json()["id"])
    assert ("failed", "credential-rejected") == (job["state"], job["reason"]["code"])
    assert "has no proxy registered" in job["reason"]["detail"]
    assert "expired" == house.credential().json()["state"]


def test_a_name_of_a_wrong_form_is_422(make_house: Any) -> None:
    """What a facility's own rules find wrong in a put is told as any other fault: 422 with a pointer."""
    refused = make_house("dirac").credential("PUT", json={"subject": "Anna"})
    assert (422, "invalid-request") == (refused.status_code, refused.json()["code"])
    assert ["/subject"] == [fault["pointer"] for fault in refused.json()["errors"]]


@pytest.mark.parametrize("flavour", sorted(NAMES))
def test_where_everybody_is_the_same_nothing_is_asked_for(flavour: str, make_house: Any) -> None:
    """A service that is open to everybody does not claim the class, and takes jobs at once."""
    house = make_house(flavour, bearer=False)
    assert "credentials" not in house.ask("GET", f"/facilities/{flavour}", None).json()["conforms_to"]
    assert 404 == house.credential(token=None).status_code
    accepted = house.submit(token=None)
    assert 201 == accepted.status_code
    assert "succeeded" == house.ended(accepted.json()["id"], None)["state"]


@pytest.mark.parametrize("flavour", sorted(NAMES))
def test_behind_tokens_the_class_is_claimed(flavour: str, make_house: Any) -> None:
    """With tokens a mock claims the class credentials, and tells what its credential needs."""
    facility = make_house(flavour).ask("GET", f"/facilities/{flavour}").json()
    assert "credentials" in facility["conforms_to"]
    assert "after two seconds" in facility["credential"]["instructions"]
