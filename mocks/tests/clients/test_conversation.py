"""The recorded conversation: it asks everything that the contract has, and meets what can be met."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import pytest

from common_compute_connector.contract import base_path, operations, problem_kinds

NOT_MET = {
    # A mock's tokens hold every scope.
    "forbidden",
    # Every mocked facility has something to enrol.
    "enrolment-not-supported",
    # A service or a facility in trouble: other scenarios, for the whole mock.
    *("rate-limited", "internal", "service-unavailable", "facility-unavailable"),
}


@pytest.fixture(scope="module")
def said(live_mock: Any, conversation: ModuleType, wire_party: Any) -> Any:
    """Hold both conversations with live mocks on held clocks."""
    with live_mock("--clock", "held") as mock:
        exchanges = conversation.converse(wire_party(mock.origin, mock.advance), leaps=True)
    with live_mock("--clock", "held", "--bearer") as mock:
        party = wire_party(mock.origin, mock.advance)
        return exchanges + conversation.converse_as_callers(party, *mock.tokens.values())


def test_every_operation_succeeds_in_it(said: Any) -> None:
    """Each operation of the contract is asked, and has at least one answer that is no error."""
    succeeded = {
        (request.method, request.path.partition("?")[0])
        for request, answer in said
        if 200 <= answer.status < 300
    }
    missing = set()
    for name, operation in operations().items():
        template = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(base_path() + operation.path))
        if not any(method == operation.method and re.fullmatch(template, path) for method, path in succeeded):
            missing.add(name)
    assert set() == missing


def test_every_problem_is_met_that_can_be(said: Any) -> None:
    """Each code of the catalogue is answered, but for those that take a service in trouble."""
    met = {
        answer.document["code"]
        for _, answer in said
        if answer.header("Content-Type") == "application/problem+json" and answer.body
    }
    assert set(problem_kinds()) - NOT_MET == met


def test_it_is_long_and_asks_in_every_way(said: Any) -> None:
    """There are far more than a hundred requests, with ranges, conditions, pages, and bodies in pieces."""
    assert len(said) > 200
    methods = {request.method for request, _ in said}
    assert {"GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"} == methods
    statuses = {answer.status for _, answer in said}
    assert {200, 201, 202, 204, 206, 304} == {status for status in statuses if status < 400}
    assert any(isinstance(request.body, tuple) for request, _ in said)
