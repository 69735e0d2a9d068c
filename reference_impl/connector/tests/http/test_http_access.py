"""Who may see and do what, over HTTP."""

import asyncio
from typing import Any

import pytest

OPERATIONS = [
    ("GET", "/facilities"),
    ("GET", "/facilities/hand"),
    ("GET", "/jobs"),
    ("POST", "/jobs"),
    ("POST", "/jobs/validate"),
    ("GET", "/jobs/abc"),
    ("DELETE", "/jobs/abc"),
    ("POST", "/jobs/abc/cancel"),
    ("GET", "/jobs/abc/results/x"),
    ("GET", "/nothing"),
    ("PATCH", "/jobs"),
    ("POST", "/health"),
]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("token", [None, "unknown-token-123456"])
def test_without_a_known_token_there_is_nothing(
    guarded: Any, method: str, path: str, token: str | None
) -> None:
    """Before anything else is looked at, a request without a known token is 401 with a challenge."""
    response = guarded.ask(method, path, token, content=b"{")

    assert (401, "unauthenticated") == (response.status_code, response.json()["code"])
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert (token is not None) == ("invalid_token" in response.headers["www-authenticate"])


@pytest.mark.parametrize("path", ["/service-info", "/health"])
def test_the_service_introduces_itself_to_everybody(guarded: Any, path: str) -> None:
    """Two operations need no token, and mind none."""
    assert [200, 200] == [guarded.ask("GET", path, token).status_code for token in (None, "unknown-token")]


def test_the_service_says_how_access_is_had(guarded: Any, house: Any) -> None:
    """Kind of access and classes go together; credentials are nobody's under open access."""
    closed, opened = (one.ask("GET", "/service-info").json() for one in (guarded, house))

    assert ("bearer", "none") == (closed["access"]["kind"], opened["access"]["kind"])
    assert (True, False) == ("access" in closed["conforms_to"], "access" in opened["conforms_to"])
    assert "credentials" not in house.ask("GET", "/facilities/hand").json()["conforms_to"]
    assert 404 == house.ask("GET", "/facilities/hand/credential").status_code


def test_another_s_job_is_not_there(guarded: Any) -> None:
    """A job of another caller is answered as a missing one, and stays as it was."""
    job_id = guarded.submit(guarded.alice)
    before = guarded.ask("GET", f"/jobs/{job_id}", guarded.alice).json()
    for method, path in [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/cancel"),
        ("GET", "/tasks"),
        ("GET", "/results"),
        ("GET", "/results/x"),
        ("GET", "/logs/stdout"),
    ]:
        theirs = guarded.ask(method, f"/jobs/{job_id}{path}", guarded.bob)
        missing = guarded.ask(method, f"/jobs/{'a' * len(job_id)}{path}", guarded.bob)
        assert 404 == theirs.status_code
        assert theirs.json().keys() == missing.json().keys()
        assert set(theirs.headers) == set(missing.headers)
        changing = ("instance", "request_id", "detail")
        assert {k: v for k, v in theirs.json().items() if k not in changing} == {
            k: v for k, v in missing.json().items() if k not in changing
        }

    assert before == guarded.ask("GET", f"/jobs/{job_id}", guarded.alice).json()
    assert [] == guarded.ask("GET", "/jobs", guarded.bob).json()["jobs"]
    assert "alice" == before["owner"]


def test_keys_and_page_tokens_belong_to_their_caller(guarded: Any, spec: dict[str, Any]) -> None:
    """The same key makes a job for each caller, and a page token serves one."""
    key = {"idempotency-key": "k"}
    made = [
        guarded.ask("POST", "/jobs", token, json=spec, headers=key) for token in (guarded.alice, guarded.bob)
    ]
    assert [201, 201] == [response.status_code for response in made]
    guarded.submit(guarded.alice)
    token = guarded.ask("GET", "/jobs?page_size=1", guarded.alice).json()["next_page_token"]

    assert 200 == guarded.ask("GET", f"/jobs?page_token={token}", guarded.alice).status_code
    assert 422 == guarded.ask("GET", f"/jobs?page_token={token}", guarded.bob).status_code


def test_a_scope_that_is_missing_is_named(guarded: Any) -> None:
    """A token that may only read is 403 for everything else, and hears which scope it lacks."""
    job_id = guarded.submit(guarded.alice)

    assert 200 == guarded.ask("GET", f"/jobs/{job_id}", guarded.reader).status_code
    for method, path, scope in [
        ("POST", "/jobs", "compute.create"),
        ("POST", "/jobs/validate", "compute.create"),
        ("POST", f"/jobs/{job_id}/cancel", "compute.cancel"),
        ("DELETE", f"/jobs/{job_id}", "compute.cancel"),
    ]:
        response = guarded.ask(method, path, guarded.reader)
        assert (403, "forbidden") == (response.status_code, response.json()["code"])
        assert f'scope="{scope}"' in response.headers["www-authenticate"]


def test_a_credential_is_set_up_once(make_house: Any, hand: Any, spec: dict[str, Any]) -> None:
    """Enrolment goes from missing to valid, a repeat keeps it, and a submission waits for it."""
    house = make_house(bearer=True)
    token, path = "token-of-alice-1234", "/facilities/hand/credential"
    assert "missing" == house.ask("GET", path, token).json()["state"]
    refused = house.ask("POST", "/jobs", token, json=spec)
    judged = house.ask("POST", "/jobs/validate", token, json=spec).json()
    assert (409, "credential-required") == (refused.status_code, refused.json()["code"])
    assert {"valid": False, "errors": refused.json()["errors"]} == judged

    assert 422 == house.ask("PUT", path, token, json={"private_key": "x"}).status_code
    assert [201, 200] == [house.ask("PUT", path, token, json={}).status_code for _ in range(2)]
    assert "valid" == house.ask("GET", path, token).json()["state"]
    house.submit(token)
    assert "credential-in-use" == house.ask("DELETE", path, token).json()["code"]
    assert "missing" == house.ask("GET", path, "token-of-bob-123456").json()["state"]
    assert 204 == house.ask("DELETE", path, "token-of-bob-123456").status_code


def test_a_credential_that_turns_valid_lets_the_facility_be_seen(make_house: Any, hand: Any) -> None:
    """The first login that works may be the first with which the facility tells what it has: it is asked at once."""

    class Awaiting(hand):  # type: ignore[misc]
        tried = False

        async def enrol(self, owner: str, request: Any, held: Any) -> Any:
            return self._enrolment(owner, "awaiting_user")

        async def check_enrolment(self, owner: str, held: Any) -> Any:
            self.tried = True
            return self._enrolment(owner, "valid")

        async def describe(self) -> dict[str, Any]:
            found = {"architectures": ["arm64"]} if self.tried else {}
            return {**await super().describe(), **found}

    house = make_house(bearer=True, facilities=[Awaiting()])
    house.step(0)
    token, path = "token-of-alice-1234", "/facilities/hand/credential"
    assert "awaiting_user" == house.ask("PUT", path, token, json={}).json()["state"]
    assert "valid" == house.ask("GET", path, token).json()["state"]
    house.step(0)
    assert ["arm64"] == house.ask("GET", "/facilities/hand", token).json()["architectures"]


def test_a_credential_that_is_withdrawn_while_it_is_looked_at_stays_withdrawn(
    make_house: Any, hand: Any
) -> None:
    """A look at a credential can take long: what it finds does not bring back what was deleted meanwhile."""

    class Slow(hand):  # type: ignore[misc]
        looking: asyncio.Event
        looked: asyncio.Event

        async def check_enrolment(self, owner: str, held: Any) -> Any:
            if held is None:
                return self._enrolment(owner, "missing")
            self.looking.set()
            await self.looked.wait()
            return self._enrolment(owner, "rejected")

    slow = Slow()
    house = make_house(bearer=True, facilities=[slow])
    token, path = "token-of-alice-1234", "/facilities/hand/credential"

    async def story() -> str:
        slow.looking, slow.looked = asyncio.Event(), asyncio.Event()
        headers = {"Authorization": f"Bearer {token}"}
        await house.client.put(path, headers=headers, json={})
        first = asyncio.create_task(house.client.get(path, headers=headers))
        await slow.looking.wait()
        assert 204 == (await house.client.delete(path, headers=headers)).status_code
        slow.looked.set()
        await first
        return str((await house.client.get(path, headers=headers)).json()["state"])

    assert "missing" == house.run(story())


def test_where_nothing_is_to_enrol(make_house: Any, hand: Any) -> None:
    """A facility whose delegation needs no step of the caller's refuses one."""
    house = make_house(bearer=True, facilities=[hand(enrols=False)])
    response = house.ask("PUT", "/facilities/hand/credential", "token-of-alice-1234", json={})

    assert (409, "enrolment-not-supported") == (response.status_code, response.json()["code"])


def test_a_class_that_is_not_claimed_is_not_found(make_house: Any, hand: Any) -> None:
    """Operations of a class that the facility does not claim look like no operations."""
    house = make_house(facilities=[hand(classes=("core", "container"))])

    assert "not-found" == house.ask("GET", "/facilities/hand/software").json()["code"]


def test_a_caller_who_asks_too_often_waits(make_house: Any) -> None:
    """Above the configured rate a caller is 429 with the seconds to wait, others are not."""
    house = make_house(bearer=True, requests_per_minute=2)
    alice, bob = "token-of-alice-1234", "token-of-bob-123456"
    codes = [house.ask("GET", "/jobs", alice).status_code for _ in range(3)]
    limited = house.ask("GET", "/nothing", alice)

    assert [200, 200, 429] == codes
    assert (429, "rate-limited", "30") == (
        limited.status_code,
        limited.json()["code"],
        limited.headers["retry-after"],
    )
    assert 200 == house.ask("GET", "/jobs", bob).status_code
    house.clock.advance(30)
    assert 200 == house.ask("GET", "/jobs", alice).status_code
