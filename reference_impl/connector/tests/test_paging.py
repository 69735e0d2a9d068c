"""A page token serves its own list alone."""

from typing import Any

import pytest

from common_compute_connector.errors import Fault
from common_compute_connector.paging import Pages

PAGES = Pages(b"secret")
QUERY: dict[str, Any] = {"state": ["running", "failed"], "page_size": 2}


def _token() -> str:
    return PAGES.token("me", "/v1/jobs", QUERY, [1, "x"])


def test_a_token_comes_back_as_its_position() -> None:
    """The token of a list gives the position that it was made of."""
    assert [1, "x"] == PAGES.position("me", "/v1/jobs", {**QUERY, "page_token": _token()})


def test_the_page_size_may_change_and_filters_may_be_ordered() -> None:
    """Neither another page size nor the order of a repeated filter makes another list."""
    query = {"state": ["failed", "running"], "page_size": 50, "page_token": _token()}

    assert [1, "x"] == PAGES.position("me", "/v1/jobs", query)


def test_without_a_token_a_list_begins() -> None:
    """No token is no fault."""
    assert PAGES.position("me", "/v1/jobs", QUERY) is None


@pytest.mark.parametrize(
    ("pages", "owner", "path", "query"),
    [
        (PAGES, "you", "/v1/jobs", QUERY),
        (PAGES, "me", "/v1/jobs/x/tasks", QUERY),
        (PAGES, "me", "/v1/jobs", {"state": ["running"]}),
        (PAGES, "me", "/v1/jobs", {}),
        (Pages(b"other"), "me", "/v1/jobs", QUERY),
    ],
)
def test_a_token_of_another_list_is_a_fault(
    pages: Pages, owner: str, path: str, query: dict[str, Any]
) -> None:
    """A token is bound to its caller, path, filters and store."""
    read = pages.position(owner, path, {**query, "page_token": _token()})

    assert isinstance(read, Fault)
    assert "page_token" == read.parameter


@pytest.mark.parametrize(
    "token", ["x", "!!!!", "A" * 1000, _token()[:-1] + "~", _token()[4:], "AAAA" + _token()]
)
def test_a_token_that_is_not_ours_is_a_fault(token: str) -> None:
    """What this service did not make is never taken for a position."""
    assert isinstance(PAGES.position("me", "/v1/jobs", {**QUERY, "page_token": token}), Fault)
