"""The connector, against what no mock would ever send: proxies, redirects, lost connections, hostile answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from batch import common_compute
from batch.api.streaming import pass_on
from batch.common_compute import CommonCompute, Refused, Unreachable

URL = "http://service.example/v1"
BUSY = {"code": "rate-limited", "detail": "Too many.", "retryable": True}


@pytest.fixture
def rules() -> Iterator[responses.RequestsMock]:
    """Answer with what a test says, and with nothing else."""
    with responses.RequestsMock() as rules:
        yield rules


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pause at once, and give how long it would have been."""
    taken: list[float] = []
    monkeypatch.setattr(common_compute, "sleep", taken.append)
    return taken


@pytest.fixture
def api(pauses: list[float]) -> Iterator[CommonCompute]:
    """Give a client that does not really pause."""
    api = CommonCompute(f"{URL}/", token="secret", patience_seconds=5)
    yield api
    api.close()


def test_a_lost_answer_is_asked_for_again_with_the_same_key(
    api: CommonCompute, rules: responses.RequestsMock, pauses: list[float]
) -> None:
    """A submission whose answer was lost is repeated as it was."""
    rules.post(f"{URL}/jobs", body=requests.ConnectionError())
    rules.post(f"{URL}/jobs", json={"id": "j"})
    assert {"id": "j"} == api.submit_job({"name": "a"}, key="k")
    sent = [(call.request.headers["Idempotency-Key"], call.request.body) for call in rules.calls]
    assert [("k", b'{"name": "a"}')] * 2 == sent
    assert [1] == pauses


def test_patience_has_an_end(api: CommonCompute, rules: responses.RequestsMock, pauses: list[float]) -> None:
    """A service that never answers is given up after the patience, and not asked once more."""
    rules.get(f"{URL}/facilities", body=requests.ConnectTimeout())
    with pytest.raises(Unreachable):
        api.list_facilities()
    assert ([1] * 5, 6) == (pauses, len(rules.calls))


@pytest.mark.parametrize(
    ("told", "paused"),
    [
        ({"status": 429, "json": BUSY, "headers": {"Retry-After": "3"}}, [3]),
        ({"status": 429, "json": BUSY, "headers": {"Retry-After": "0"}}, [1] * 5),
        ({"status": 429, "json": BUSY, "headers": {"Retry-After": "60"}}, []),
        ({"status": 503, "json": {**BUSY, "retryable": False}, "headers": {"Retry-After": "3"}}, []),
        ({"status": 503, "json": BUSY, "headers": {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}}, []),
        ({"status": 409, "json": {**BUSY, "code": "job-not-terminal"}}, []),
        ({"status": 502, "body": "<h1>Bad gateway</h1>", "headers": {"Retry-After": "3"}}, []),
    ],
)
def test_only_what_is_worth_it_is_repeated(
    told: dict[str, Any],
    paused: list[int],
    api: CommonCompute,
    rules: responses.RequestsMock,
    pauses: list[float],
) -> None:
    """A request is repeated if the problem is retryable and says when, within the patience."""
    rules.get(f"{URL}/facilities", **told)
    with pytest.raises(Refused):
        api.list_facilities()
    assert paused == pauses


@pytest.mark.parametrize(
    "body", ["<h1>Bad gateway</h1>", "[]", '{"code": 1, "errors": 2, "detail": null}', "\ufeff{}"]
)
def test_an_answer_that_is_no_problem_document(
    body: str, api: CommonCompute, rules: responses.RequestsMock
) -> None:
    """What something between us and the service answers is an error like others."""
    rules.get(f"{URL}/facilities", status=502, body=body)
    with pytest.raises(Refused) as caught:
        api.list_facilities()
    assert (502, []) == (caught.value.status, caught.value.errors)


def test_a_success_that_is_no_json_is_an_error_too(api: CommonCompute, rules: responses.RequestsMock) -> None:
    """A page of a proxy's with status 200 is no list of facilities."""
    rules.get(f"{URL}/facilities", body="<h1>Please log in</h1>")
    with pytest.raises(Unreachable):
        api.list_facilities()


def test_a_token_follows_no_redirect(api: CommonCompute, rules: responses.RequestsMock) -> None:
    """A redirect is an error, and nobody else gets the token."""
    rules.get(f"{URL}/facilities", status=302, headers={"Location": "http://elsewhere.example/"})
    with pytest.raises(Refused):
        api.list_facilities()
    assert ["Bearer secret"] == [call.request.headers["Authorization"] for call in rules.calls]


def test_an_account_of_a_netrc_is_not_sent(
    rules: responses.RequestsMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a token nothing is sent in its place."""
    (tmp_path / "netrc").write_text("machine service.example login anna password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    rules.get(f"{URL}/facilities", json={"facilities": []})
    api = CommonCompute(URL)
    api.list_facilities()
    api.close()
    assert "Authorization" not in rules.calls[0].request.headers


def test_what_is_released_already_is_released(api: CommonCompute, rules: responses.RequestsMock) -> None:
    """A release whose first answer was lost finds nothing, and that is what was wanted."""
    rules.delete(f"{URL}/jobs/j", body=requests.ReadTimeout())
    rules.delete(f"{URL}/jobs/j", status=404, json={"code": "not-found"})
    api.release_job("j")
    assert 2 == len(rules.calls)


def test_ids_cannot_lead_elsewhere(api: CommonCompute, rules: responses.RequestsMock) -> None:
    """An id is one segment of a path, whatever it holds."""
    rules.get(f"{URL}/jobs/a%2F..%3Fb%23c", json={"id": "j"}, headers={"ETag": "e"})
    assert ({"id": "j"}, "e") == api.get_job("a/..?b#c")


def test_a_page_of_a_jobs_is_not_shown_as_one_of_esaps(
    api: CommonCompute, rules: responses.RequestsMock
) -> None:
    """Even where the service says that a result should be shown, ESAP does not."""
    rules.get(
        f"{URL}/jobs/j/results/r",
        body=b"<script>alert(1)</script>",
        content_type="text/html",
        headers={"Content-Disposition": "inline", "Set-Cookie": "a=b", "Location": "elsewhere"},
    )
    answer = pass_on(api.get_result("j", "r", {}))
    content = b"".join(answer.streaming_content)
    assert ("text/html", b"<script>alert(1)</script>") == (answer["Content-Type"], content)
    assert "attachment" == answer["Content-Disposition"]
    assert ("nosniff", "sandbox") == (answer["X-Content-Type-Options"], answer["Content-Security-Policy"])
    assert not {"Set-Cookie", "Location"} & set(answer.headers)
    assert "identity" == rules.calls[0].request.headers["Accept-Encoding"]
