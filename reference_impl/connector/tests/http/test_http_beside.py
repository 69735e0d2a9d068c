"""What lies beside the operations: pages, metrics, CORS, logs."""

import io
import re
from typing import Any

import orjson
import pytest
import structlog
import yaml

from common_compute_connector import contract
from common_compute_connector.http import envelope
from common_compute_connector.logs import configure_logs


def test_the_reference_is_offline_and_of_this_server(house: Any) -> None:
    """The reference and all that it loads come from this server, whose policy forbids any other."""
    page = house.ask("GET", "//docs")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert loaded
    assert all(path.startswith("/docs/") for path in loaded)
    for path in loaded:
        response = house.ask("GET", "/" + path)
        assert (200, True) == (response.status_code, len(response.content) > 0)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "://" not in policy
    assert "/openapi.json" in house.ask("GET", "//docs/start.js").text


def test_the_contract_is_served_as_it_is(house: Any) -> None:
    """Both forms are the document itself, whose operations lie under the path of this very server."""
    json = house.ask("GET", "//openapi.json").json()

    assert contract.document() == json == yaml.safe_load(house.ask("GET", "//openapi.yaml").text)
    assert "/v1" == json["servers"][0]["url"]


def test_the_root_leads_on(house: Any) -> None:
    """The root page's links lead somewhere, to the reference and the contract among others."""
    page = house.ask("GET", "//")
    links = re.findall(r'href="(/[^"]*)"', page.text)

    assert "text/html; charset=utf-8" == page.headers["content-type"]
    assert {"/docs", "/openapi.yaml", "/openapi.json", "/metrics", "/console/submit"} <= set(links)
    assert [200] * len(links) == [house.ask("GET", "/" + link).status_code for link in links]


def test_a_name_cannot_break_the_page(make_house: Any) -> None:
    """What an operator calls the service is text, not markup."""
    house = make_house(description="<script>alert(1)</script>")

    assert "<script>alert" not in house.ask("GET", "//").text


def test_pages_have_get_and_head_alone(house: Any) -> None:
    """Another method on a page is 405 with what it has."""
    response = house.ask("POST", "//docs")

    assert (405, "GET, HEAD") == (response.status_code, response.headers["allow"])


def test_pages_need_no_token(guarded: Any) -> None:
    """Whoever reads the reference need not be known."""
    assert [200] * 4 == [
        guarded.ask("GET", f"//{path}").status_code for path in ("", "docs", "openapi.yaml", "metrics")
    ]


def test_metrics_count_what_happens(house: Any) -> None:
    """Requests, jobs, submissions, cycles and facilities can be read by Prometheus."""
    job_id = house.ended()
    house.ask("GET", f"/jobs/{job_id}")
    house.ask("GET", "/nothing")
    house.hand.down = True
    house.submit()
    house.step()
    text = house.ask("GET", "//metrics").text

    for line in (
        'common_compute_requests_total{operation="get_job",status="200"} 1.0',
        'common_compute_requests_total{operation="none",status="404"} 1.0',
        'common_compute_request_seconds_count{operation="get_job"} 1.0',
        'common_compute_jobs{state="succeeded"} 1.0',
        'common_compute_jobs{state="pending"} 1.0',
        'common_compute_submissions_total{facility="hand",outcome="accepted"} 1.0',
        'common_compute_facility_up{facility="hand"} 0.0',
    ):
        assert line in text
    assert re.search(r'common_compute_cycles_total\{facility="hand"\} [1-9]', text)


def test_options_needs_no_token(guarded: Any) -> None:
    """OPTIONS tells the methods of a path to everybody, and of no path to nobody."""
    response = guarded.ask("OPTIONS", "/jobs")

    assert (204, "GET, HEAD, OPTIONS, POST") == (response.status_code, response.headers["allow"])
    assert 404 == guarded.ask("OPTIONS", "/nothing").status_code


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (("*",), "https://page.example", "*"),
        (("https://page.example",), "https://page.example", "https://page.example"),
        (("https://page.example",), "https://evil.example", None),
        ((), "https://page.example", None),
        (("*",), None, None),
    ],
)
def test_pages_of_other_origins_are_let_in_as_configured(
    make_house: Any, origins: tuple[str, ...], origin: str | None, allowed: str | None
) -> None:
    """An answer, an error and a preflight name the origin that may read them, or none."""
    house = make_house(cors_origins=origins)
    headers = {} if origin is None else {"origin": origin}
    for method, path in (("GET", "/jobs"), ("GET", "/nothing"), ("OPTIONS", "/jobs")):
        response = house.ask(method, path, headers=headers)
        assert allowed == response.headers.get("access-control-allow-origin")
    if allowed is not None:
        exposed = house.ask("GET", "/jobs", headers=headers).headers["access-control-expose-headers"]
        assert {
            "ETag",
            "Location",
            "X-Request-Id",
            "Idempotency-Replayed",
            "Content-Range",
            "Retry-After",
        } <= set(exposed.split(", "))
        preflight = house.ask("OPTIONS", "/jobs", headers=headers).headers["access-control-allow-headers"]
        assert {"Authorization", "Content-Type", "Idempotency-Key"} <= set(preflight.split(", "))


def test_logs_hold_no_secret(guarded: Any, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line tells which operation answered what to whom; tokens, queries, bodies and keys are in none."""
    written = io.BytesIO()
    monkeypatch.setattr("sys.stderr", io.TextIOWrapper(written, write_through=True))
    configure_logs()
    structlog.configure(cache_logger_on_first_use=False)  # or later tests would write where this one did
    # Earlier ones may have written, whose logger is kept.
    monkeypatch.setattr(envelope, "_log", structlog.get_logger("common_compute.requests"))
    try:
        job_id = guarded.ask(
            "POST",
            "/jobs",
            guarded.alice,
            json={**spec, "environment": {"PASSWORD": "hush-environment"}, "name": "hush-name"},
            headers={"idempotency-key": "hush-key"},
        ).json()["id"]
        guarded.ask("GET", f"/jobs/{job_id}?label=hush=query", guarded.alice)
        guarded.ask("GET", "/jobs", "hush-unknown-token")
        lines = written.getvalue().splitlines()
    finally:
        structlog.reset_defaults()
    events = [orjson.loads(line) for line in lines]

    assert [201, 422, 401] == [event["status"] for event in events]
    assert ["submit_job", "get_job", "none"] == [event["operation"] for event in events]
    assert job_id == events[1]["job_id"]
    assert all(event["request_id"] for event in events)
    assert not [line for line in lines if b"hush" in line or guarded.alice.encode() in line]
