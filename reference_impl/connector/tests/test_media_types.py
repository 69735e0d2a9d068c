"""Accept, Content-Type and Content-Encoding are judged as the contract says."""

import pytest

from common_compute_connector.http.media import accepts_json, fault_of_body_type


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], True),
        ([""], True),
        (["*/*"], True),
        (["application/*"], True),
        (["application/json"], True),
        (["APPLICATION/JSON"], True),
        (["application/json;charset=utf-8"], True),
        (["text/html, application/json;q=0.1"], True),
        (["text/html", "application/json"], True),
        (["text/html;q=1, */*;q=0.1"], True),
        (["text/html"], False),
        (["text/*"], False),
        (["application/problem+json"], False),
        (["application/json;q=0"], False),
        (["application/json;q=0, */*"], False),
        (["*/*;q=0"], False),
        (["application/*;q=0, */*"], False),
        (["nonsense"], False),
    ],
)
def test_accept_allows_json_or_not(accept: list[str], expected: bool) -> None:
    """The most specific range that fits JSON decides whether it may be sent."""
    assert expected == accepts_json(accept)


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        (["application/json"], []),
        (["Application/JSON"], []),
        (["application/json; charset=utf-8"], []),
        (['application/json;charset="UTF-8"'], []),
        (["application/json;"], []),
        (["application/json"], [""]),
    ],
)
def test_plain_json_is_taken(content_type: list[str], encoding: list[str]) -> None:
    """JSON in UTF-8 is taken, however its type is spelt."""
    assert fault_of_body_type(content_type, encoding) is None


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ([], []),
        ([""], []),
        (["text/plain"], []),
        (["application/jsonx"], []),
        (["application/problem+json"], []),
        (["application/json; charset=latin-1"], []),
        (["application/json; profile=x"], []),
        (["application/json", "application/json"], []),
        (["application/json"], ["gzip"]),
        (["application/json"], ["identity"]),
    ],
)
def test_anything_else_is_not_taken(content_type: list[str], encoding: list[str]) -> None:
    """Another type, another charset, or any content encoding is told in words."""
    assert fault_of_body_type(content_type, encoding)
