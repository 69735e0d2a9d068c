"""Every error becomes a problem of the catalogue, and no other place makes one."""

import pytest

from common_compute_connector import contract, errors, schemas
from common_compute_connector.answers import Answer
from common_compute_connector.clock import HeldClock
from common_compute_connector.problems import problem

NOW = HeldClock().now()
ERRORS: list[tuple[Exception, str]] = [
    (errors.MalformedRequest("x"), "malformed-request"),
    (errors.Unauthenticated("x", token_given=True), "unauthenticated"),
    (errors.Forbidden("compute.create"), "forbidden"),
    (errors.NotFound("job", "x"), "not-found"),
    (errors.LogUnavailable(), "log-unavailable"),
    (errors.MethodNotAllowed(["GET", "HEAD"]), "method-not-allowed"),
    (errors.NotAcceptable(), "not-acceptable"),
    (errors.NotTerminal("running"), "job-not-terminal"),
    (errors.ResultsNotReady("running"), "results-not-ready"),
    (errors.CredentialRequired("hotel"), "credential-required"),
    (errors.CredentialInUse("hotel"), "credential-in-use"),
    (errors.EnrolmentNotSupported(), "enrolment-not-supported"),
    (errors.KeyReleased(NOW), "job-released"),
    (errors.ResultExpired(NOW), "result-expired"),
    (errors.PayloadTooLarge(1024), "payload-too-large"),
    (errors.UnsupportedMediaType("x"), "unsupported-media-type"),
    (errors.RangeNotSatisfiable(10), "range-not-satisfiable"),
    (errors.Faulty([errors.Fault("invalid-request", "x", pointer="/a")]), "invalid-request"),
    (errors.Faulty([errors.Fault("unknown-facility", "x", pointer="/a")]), "unknown-facility"),
    (errors.Faulty([errors.Fault("unknown-software", "x", pointer="/a")]), "unknown-software"),
    (errors.Faulty([errors.Fault("unsupported-capability", "x", pointer="/a")]), "unsupported-capability"),
    (errors.Faulty([errors.Fault("limit-exceeded", "x", pointer="/a")]), "limit-exceeded"),
    (errors.KeyReused(), "idempotency-key-reused"),
    (errors.RateLimited(60, 0.2), "rate-limited"),
    (RuntimeError("a secret of ours"), "internal"),
    (errors.StoreUnavailable(), "service-unavailable"),
    (errors.FacilityUnavailable("hotel", "ssh: a secret of ours"), "facility-unavailable"),
]


def _problem(error: Exception) -> Answer:
    return problem(error, "/v1/jobs", "r-1")


def test_every_code_of_the_catalogue_has_an_error() -> None:
    """Nothing in the catalogue is out of reach."""
    assert set(contract.problem_kinds()) == {code for _, code in ERRORS}


@pytest.mark.parametrize(("error", "code"), ERRORS)
def test_an_error_becomes_its_problem(error: Exception, code: str) -> None:
    """Status, title and retryability are the catalogue's, and the document fits the contract."""
    answer, kind = _problem(error), contract.problem_kinds()[code]
    assert answer.document is not None

    assert [] == schemas.component("Problem").faults(answer.document)
    assert (kind.status, code, kind.title, kind.retryable) == (
        answer.status,
        answer.document["code"],
        answer.document["title"],
        answer.document["retryable"],
    )
    assert (kind.status, "/v1/jobs", "r-1", f"urn:common-compute:problem:{code}") == (
        answer.document["status"],
        answer.document["instance"],
        answer.document["request_id"],
        answer.document["type"],
    )
    assert "secret of ours" not in str(answer.document)


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (
            errors.Unauthenticated("No token.", token_given=False),
            "www-authenticate",
            'Bearer realm="common-compute"',
        ),
        (
            errors.Unauthenticated('It is "late".', token_given=True),
            "www-authenticate",
            'Bearer realm="common-compute", error="invalid_token", error_description="It is late."',
        ),
        (
            errors.Forbidden("compute.create"),
            "www-authenticate",
            'Bearer realm="common-compute", error="insufficient_scope", scope="compute.create"',
        ),
        (errors.MethodNotAllowed(["GET", "HEAD"]), "allow", "GET, HEAD"),
        (errors.RateLimited(60, 1.2), "retry-after", "2"),
        (errors.FacilityUnavailable("x", "y", 30), "retry-after", "30"),
        (errors.FacilityUnavailable("x", "y"), "retry-after", "5"),
        (errors.StoreUnavailable(), "retry-after", "5"),
        (errors.RangeNotSatisfiable(10), "content-range", "bytes */10"),
    ],
)
def test_an_error_brings_its_headers(error: Exception, header: str, value: str) -> None:
    """What a client needs besides the document is in a header."""
    assert value == dict(_problem(error).headers)[header]


def test_form_comes_before_everything_else() -> None:
    """One fault of form makes the whole problem one of form; else the first fault names it."""
    limit = errors.Fault("limit-exceeded", "x", pointer="/a")
    unknown = errors.Fault("unknown-software", "x", pointer="/b")
    form = errors.Fault("invalid-request", "x", parameter="c")

    codes = [_problem(errors.Faulty(found)).document for found in ([limit, unknown], [unknown, limit, form])]

    assert ["limit-exceeded", "invalid-request"] == [document["code"] for document in codes if document]


def test_each_fault_says_where_it_is() -> None:
    """An entry of `errors` has a pointer, a parameter or a header, with its code and its words."""
    faults = [
        errors.Fault("invalid-request", "one", pointer="/a"),
        errors.Fault("invalid-request", "two", parameter="b"),
        errors.Fault("invalid-request", "three", header="C"),
    ]
    document = _problem(errors.Faulty(faults)).document
    assert document is not None

    assert [
        {"pointer": "/a", "code": "invalid-request", "detail": "one"},
        {"parameter": "b", "code": "invalid-request", "detail": "two"},
        {"header": "C", "code": "invalid-request", "detail": "three"},
    ] == document["errors"]
