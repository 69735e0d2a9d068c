"""Queries and headers are read strictly, and all that is wrong is told."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from common_compute_connector.contract import operations
from common_compute_connector.errors import Fault
from common_compute_connector.http.parameters import ParameterReader

LIST_JOBS = ParameterReader(operations()["list_jobs"])
GET_JOB = ParameterReader(operations()["get_job"])
SUBMIT = ParameterReader(operations()["submit_job"])


def _query(reader: ParameterReader, text: str) -> tuple[dict[str, Any], list[Fault]]:
    faults: list[Fault] = []
    return reader.query(text.encode(), faults), faults


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("&&", {}),
        ("page_size=7", {"page_size": 7}),
        ("page_size=1000", {"page_size": 1000}),
        ("state=running&state=failed", {"state": ["running", "failed"]}),
        ("label=a%3Db", {"label": ["a=b"]}),
        ("label=a=b=c", {"label": ["a=b=c"]}),
        ("label=a=", {"label": ["a="]}),
        ("label=a=b+c&label=d=%C3%A9", {"label": ["a=b c", "d=é"]}),
        ("facility_id=no such", {"facility_id": "no such"}),
        ("created_after=2026-03-01T12:00:00Z", {"created_after": datetime(2026, 3, 1, 12, tzinfo=UTC)}),
        (
            "updated_after=2026-03-01T12:00:00.5Z",
            {"updated_after": datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)},
        ),
    ],
)
def test_a_good_query_is_read(text: str, expected: dict[str, Any]) -> None:
    """Each parameter becomes a value of its schema's type."""
    assert (expected, []) == _query(LIST_JOBS, text)


@pytest.mark.parametrize(
    "value",
    [
        "1_0",
        "\uff11\uff10",
        " 5",
        "5 ",
        "+5",
        "%2B5",
        "5\n",
        "05",
        "0x5",
        "1e1",
        "1.0",
        "",
        "five",
        "0",
        "-1",
        "1001",
        "9" * 5000,
    ],
)
def test_a_bad_number_is_a_fault(value: str) -> None:
    """A number is written in ASCII digits and nothing else, within its bounds."""
    read, faults = _query(LIST_JOBS, f"page_size={quote(value, safe='%+')}")

    assert {} == read
    assert [("invalid-request", "page_size")] == [(fault.code, fault.parameter) for fault in faults]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("surprise=1", ["surprise"]),
        ("Page_Size=1", ["Page_Size"]),
        ("page_size=1&page_size=1", ["page_size"]),
        ("facility_id=a&facility_id=b", ["facility_id"]),
        ("state=RUNNING", ["state"]),
        ("state=running,failed", ["state"]),
        ("state=", ["state"]),
        ("label=x", ["label"]),
        ("label=%20x=1", ["label"]),
        ("label=a=%0A", ["label"]),
        ("created_after=2026-02-30T00:00:00Z", ["created_after"]),
        ("created_after=2026-03-01T12:00:00", ["created_after"]),
        ("created_after=2026-03-01T12:00:00%2B01:00", ["created_after"]),
        ("created_after=0000-01-01T00:00:00Z", ["created_after"]),
        ("created_after=2026-03-01T12:00:00Z%0A", ["created_after"]),
        ("page_token=", ["page_token"]),
        ("page_token=a%20b", ["page_token"]),
        ("facility_id=%FF", ["facility_id"]),
        ("page_size=x&state=y&z=1", ["z", "page_size", "state"]),
    ],
)
def test_a_bad_query_is_told_whole(text: str, names: list[str]) -> None:
    """Unknown, repeated and ill-formed parameters are named, all of them."""
    _, faults = _query(LIST_JOBS, text)

    assert sorted(names) == sorted(str(fault.parameter) for fault in faults)


def test_a_wait_is_a_number_from_one_on() -> None:
    """`wait_seconds` has no upper bound of form."""
    assert ({"wait_seconds": 10**9}, []) == _query(GET_JOB, "wait_seconds=1000000000")
    assert ["wait_seconds"] == [fault.parameter for fault in _query(GET_JOB, "wait_seconds=0")[1]]


@pytest.mark.parametrize("key", ["a", "!", "~" * 255])
def test_a_visible_key_is_read(key: str) -> None:
    """An idempotency key is 1 to 255 visible ASCII characters."""
    faults: list[Fault] = []

    assert {"idempotency-key": key} == SUBMIT.headers({"idempotency-key": [key]}, faults)
    assert [] == faults


@pytest.mark.parametrize("given", [[""], ["a b"], ["a" * 256], ["\xe9"], ["a\t"], ["a", "a"]])
def test_another_key_is_a_fault_of_its_header(given: list[str]) -> None:
    """A key of another form, or sent twice, is named as a header."""
    faults: list[Fault] = []

    assert {} == SUBMIT.headers({"idempotency-key": given}, faults)
    assert ["Idempotency-Key"] == [fault.header for fault in faults]


def test_lines_of_a_list_are_joined() -> None:
    """Several `If-None-Match` headers are one list."""
    faults: list[Fault] = []

    assert {"if-none-match": '"a", "b"'} == GET_JOB.headers({"if-none-match": ['"a"', '"b"']}, faults)
    assert [] == faults
