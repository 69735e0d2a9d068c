"""Tokens of OpenID Connect issuers, over real HTTP: the right one is accepted, every wrong one is 401."""

import asyncio
import base64
import hmac
import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from common_compute_connector.access import Caller
from common_compute_connector.clock import HeldClock, SystemClock
from common_compute_connector.errors import Unauthenticated
from common_compute_connector.tokens.oidc import Issuer, OidcTokens

AUDIENCE = "https://compute.example"
RSA, OTHER_RSA = RSAKey.generate_key(2048, {"kid": "rsa"}), RSAKey.generate_key(2048, {"kid": "other"})
EC, ED = ECKey.generate_key("P-256", {"kid": "ec"}), OKPKey.generate_key("Ed25519", {"kid": "ed"})


@dataclass
class TinyIssuer:
    """An issuer whose every answer is in the test's hands."""

    url: str = ""
    named: str | None = None
    keys: list[Key] = field(default_factory=lambda: [RSA, EC, ED])
    extra_keys: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    asked: int = 0

    def answer(self, path: str) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            self.asked += 1
            return {"issuer": self.named or self.url, "jwks_uri": self.url.rstrip("/") + "/keys"}
        return {"keys": [*(key.as_dict(private=False) for key in self.keys), *self.extra_keys]}


@contextmanager
def tiny_issuer(slash: str = "") -> Iterator[TinyIssuer]:
    """Serve an issuer on a free port of this machine."""
    issuer = TinyIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(issuer.answer(self.path)).encode()
            self.send_response(issuer.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}{slash}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def issuer() -> Iterator[TinyIssuer]:
    with tiny_issuer() as made:
        yield made


CLOCK = HeldClock()
NOW = int(CLOCK.now().timestamp())


def _token(issuer: TinyIssuer, key: Key = RSA, algorithm: str = "RS256", **claims: Any) -> str:
    header = {"alg": algorithm, "kid": claims.pop("kid", key.kid)}
    usual = {"iss": issuer.url, "sub": "alice", "aud": AUDIENCE, "exp": NOW + 600}
    said = {name: value for name, value in (usual | claims).items() if value is not ...}
    return jwt.encode(
        {name: value for name, value in header.items() if value}, said, key, algorithms=[algorithm]
    )


def _judge(
    token: str, *issuers: Issuer, clock: HeldClock | SystemClock = CLOCK, audience: str = AUDIENCE
) -> Caller | None:
    return asyncio.run(_judged([token], issuers, clock, audience))[0]


async def _judged(
    tokens: list[str], issuers: Any, clock: Any = CLOCK, audience: str = AUDIENCE
) -> list[Caller | None]:
    kind = OidcTokens(issuers, audience, clock)
    try:
        return [await kind.judge(token) for token in tokens]
    finally:
        await kind.close()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(RSA, "RS256"), (RSA, "RS512"), (RSA, "PS256"), (EC, "ES256"), (ED, "EdDSA"), (ED, "Ed25519")],
)
@pytest.mark.filterwarnings("ignore:EdDSA")
def test_an_asymmetric_signature_of_the_issuer_is_accepted(
    issuer: TinyIssuer, key: Key, algorithm: str
) -> None:
    """The subject of a token that is signed by a key of its trusted issuer is the owner, reading only."""
    assert Caller("alice", frozenset({"compute.read"})) == _judge(
        _token(issuer, key, algorithm), Issuer(issuer.url)
    )


def test_a_token_without_a_key_id_is_tried_with_all_keys(issuer: TinyIssuer) -> None:
    """A header that names no key leaves all keys of its kind to be tried."""
    issuer.keys = [OTHER_RSA, EC, RSA]

    assert "alice" == getattr(_judge(_token(issuer, kid=None), Issuer(issuer.url)), "owner", None)


def _unsigned(issuer: TinyIssuer) -> str:
    claims = {"iss": issuer.url, "sub": "alice", "aud": AUDIENCE, "exp": NOW + 600}
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def _signed_with_the_public_key(issuer: TinyIssuer) -> str:
    """Make the classic forgery: the issuer's public key, which everybody has, as a shared secret."""
    claims = {"iss": issuer.url, "sub": "alice", "aud": AUDIENCE, "exp": NOW + 600}
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "rsa"}, claims)]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.digest(RSA.as_pem(private=False), signed, "sha256")
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def _tampered(issuer: TinyIssuer) -> str:
    head, body, signature = _token(issuer).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "==")) | {"sub": "mallory"}
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{forged}.{signature}"


WRONG: dict[str, Any] = {
    "wrong audience": lambda i: _token(i, aud="https://other.example"),
    "audience as a part of another": lambda i: _token(i, aud=AUDIENCE + "/x"),
    "no audience": lambda i: _token(i, aud=...),
    "expired": lambda i: _token(i, exp=NOW - 61),
    "no expiry": lambda i: _token(i, exp=...),
    "expiry that is no time": lambda i: _token(i, exp="tomorrow"),
    "not valid yet": lambda i: _token(i, nbf=NOW + 61),
    "no subject": lambda i: _token(i, sub=...),
    "empty subject": lambda i: _token(i, sub=""),
    "subject with a line feed": lambda i: _token(i, sub="a\nb"),
    "unknown issuer": lambda i: _token(i, iss="https://evil.example"),
    "issuer with a slash added": lambda i: _token(i, iss=i.url + "/"),
    "no issuer": lambda i: _token(i, iss=...),
    "unknown key id": lambda i: _token(i, OTHER_RSA),
    "another's key under a known id": lambda i: _token(i, OTHER_RSA, kid="rsa"),
    "tampered": _tampered,
    "algorithm none": _unsigned,
    "HS256 with the public key": _signed_with_the_public_key,
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_token_is_refused(issuer: TinyIssuer, name: str) -> None:
    """A token that is wrong in one way is 401, and its content is not repeated."""
    with pytest.raises(Unauthenticated) as raised:
        _judge(WRONG[name](issuer), Issuer(issuer.url))

    assert raised.value.token_given
    assert "mallory" not in raised.value.detail


@pytest.mark.parametrize("claims", [{"exp": NOW - 59}, {"nbf": NOW + 60}, {"aud": ["x", AUDIENCE]}])
def test_a_minute_of_skew_is_borne(issuer: TinyIssuer, claims: dict[str, Any]) -> None:
    """Clocks may differ by 60 seconds, and an audience may be one of several."""
    assert _judge(_token(issuer, **claims), Issuer(issuer.url)) is not None


@pytest.mark.parametrize("token", ["opaque", "a.b", "a.b.c", "a.b.c.d.e", "", "x" * 20_000])
def test_what_is_no_jwt_is_left_to_others(issuer: TinyIssuer, token: str) -> None:
    """A token of another kind is nobody's here, and the issuer is not asked."""
    assert _judge(token, Issuer(issuer.url)) is None
    assert 0 == issuer.asked


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_issuer_with_a_slash_is_another(slash: str) -> None:
    """Issuers are exact strings, and both spellings work where they are configured."""
    with tiny_issuer(slash) as issuer:
        other = issuer.url.rstrip("/") if slash else issuer.url + "/"

        assert _judge(_token(issuer), Issuer(issuer.url)) is not None
        with pytest.raises(Unauthenticated):
            _judge(_token(issuer), Issuer(other))


def test_a_discovery_document_of_another_issuer_is_not_believed(issuer: TinyIssuer) -> None:
    """Keys come from an issuer that says of itself what it is trusted as."""
    issuer.named = "https://evil.example"

    with pytest.raises(Unauthenticated):
        _judge(_token(issuer), Issuer(issuer.url))


def test_with_several_issuers_the_owner_names_its_own() -> None:
    """Two issuers may have the same subject, which then is two owners."""
    with tiny_issuer() as one, tiny_issuer() as other:
        trusted = [Issuer(one.url), Issuer(other.url)]
        callers = asyncio.run(_judged([_token(one), _token(other)], trusted))

        assert [f"{one.url}#alice", f"{other.url}#alice"] == [caller.owner for caller in callers if caller]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("openid compute.create compute.read", {"compute.create", "compute.read"}),
        ("compute.cancel", {"compute.cancel"}),
        (["compute.modify"], {"compute.modify"}),
        ("compute.unheard-of", {"compute.unheard-of"}),
        ("openid profile", {"compute.read", "compute.create"}),
        ("", {"compute.read", "compute.create"}),
        (..., {"compute.read", "compute.create"}),
    ],
)
def test_any_compute_scope_decides_alone(issuer: TinyIssuer, scope: Any, expected: set[str]) -> None:
    """If a token has any `compute.*` scope only those count; if none, the setting of its issuer does."""
    trusted = Issuer(issuer.url, frozenset({"compute.read", "compute.create"}))
    caller = _judge(_token(issuer, scope=scope), trusted)

    assert caller is not None
    assert expected == caller.scopes


def test_keys_are_fetched_once_and_a_new_one_is_found(issuer: TinyIssuer) -> None:
    """Keys are kept; one that is not among them is asked for, but not at every token."""

    async def story() -> list[int]:
        clock = HeldClock()
        kind = OidcTokens([Issuer(issuer.url)], AUDIENCE, clock)
        asked = []
        await kind.judge(_token(issuer))
        await kind.judge(_token(issuer, EC, "ES256"))
        asked.append(issuer.asked)
        issuer.keys = [OTHER_RSA]
        for _ in range(3):
            with pytest.raises(Unauthenticated):
                await kind.judge(_token(issuer, OTHER_RSA))
        asked.append(issuer.asked)
        clock.advance(31)
        assert await kind.judge(_token(issuer, OTHER_RSA)) is not None
        asked.append(issuer.asked)
        await kind.close()
        return asked

    assert [1, 1, 2] == asyncio.run(story())


def test_an_issuer_that_is_away_does_not_take_its_keys_along(issuer: TinyIssuer) -> None:
    """Kept keys go on judging; without any, nobody can be told and the token is refused."""

    async def story() -> None:
        kind = OidcTokens([Issuer(issuer.url)], AUDIENCE, CLOCK)
        assert await kind.judge(_token(issuer)) is not None
        issuer.status = 503
        assert await kind.judge(_token(issuer)) is not None
        await kind.close()
        new = OidcTokens([Issuer(issuer.url)], AUDIENCE, CLOCK)
        with pytest.raises(Unauthenticated, match="cannot be fetched"):
            await new.judge(_token(issuer))
        await new.close()

    asyncio.run(story())


def test_nobody_listening_is_no_crash() -> None:
    """An issuer at whose address nothing answers leaves its tokens unjudged."""
    with tiny_issuer() as issuer:
        token, trusted = _token(issuer), Issuer(issuer.url)
    with pytest.raises(Unauthenticated, match="cannot be fetched"):
        _judge(token, trusted)


def test_keys_that_sign_nothing_here_are_left_out(issuer: TinyIssuer) -> None:
    """Shared secrets, keys for encryption and keys that cannot be read do no harm among the others."""
    issuer.extra_keys = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
        {**OTHER_RSA.as_dict(private=False), "use": "enc"},
        {"kty": "RSA", "kid": "broken"},
        {"kty": "unheard-of"},
    ]

    assert _judge(_token(issuer), Issuer(issuer.url)) is not None
    with pytest.raises(Unauthenticated):
        _judge(_token(issuer, OTHER_RSA), Issuer(issuer.url))


def test_a_real_provider_s_token_is_accepted() -> None:
    """A provider that we did not write is discovered, and the token of its own code flow names the subject."""
    with warnings.catch_warnings(record=True):  # what it is built on will move, which is its own affair
        warnings.simplefilter("always")
        import oidc_provider_mock

        with oidc_provider_mock.run_server_in_thread() as server:
            url = f"http://localhost:{server.server_port}"
            token = _token_of_the_code_flow(url)
            caller = _judge(token, Issuer(url), clock=SystemClock(), audience="cc")
            with pytest.raises(Unauthenticated):
                _judge(token, Issuer(url), clock=SystemClock(), audience="other")

    assert caller is not None
    assert "bob" == caller.owner


def _token_of_the_code_flow(url: str) -> str:
    client = {"client_id": "cc", "redirect_uri": "http://client.example/back"}
    with httpx.Client(base_url=url) as browser:
        asked = {**client, "response_type": "code", "scope": "openid"}
        allowed = browser.post("/oauth2/authorize", params=asked, data={"sub": "bob"})
        code = parse_qs(urlsplit(allowed.headers["location"]).query)["code"][0]
        grant = {"grant_type": "authorization_code", "code": code, **client}
        token: str = browser.post("/oauth2/token", data=grant, auth=("cc", "x")).json()["id_token"]
        return token
