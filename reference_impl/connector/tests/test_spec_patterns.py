"""The contract's intricate patterns, each by values that it takes and values that it refuses."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from common_compute_connector import contract

DIGEST = "sha256:" + 64 * "a"

TAKEN = {
    "Identifier": ["a", "A.b_c~d-e", "0" + 63 * "x"],
    "JobIdentifier": ["a", "-", 32 * "9"],
    "Timestamp": ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000001Z"],
    "ShortText": ["a", " ", "Größe ☉", 255 * "x"],
    "Url": ["https://example.org/a?b=c", "file:///a", "{{pool}}", "https://example.org/{{pool}}.csv"],
    "RelativePath": [
        "a",
        "a/b",
        ".a",
        "..a",
        "...",
        "a b",
        "**",
        "*.[!x]/?",
        "{{name}}.csv",
        "a/.b/c..d",
        "-",
    ],
    "ImageReference": [
        "alpine",
        "alpine:3.20",
        "docker.io/library/alpine:3.20",
        f"ghcr.io/a/b-c/d__e.f@{DIGEST}",
        f"localhost:5000/a:1@{DIGEST}",
        "[::1]:5000/a",
    ],
    "InlineSource": ["", "YQ==", "YWI=", "YWJj", "+/+/"],
    "Environment": ["", "a\nb", "☉"],
    "Labels": ["", "a=b", 255 * "☉"],
    "Label": ["a=", "a/b.c-d_e=f=g", 63 * "k" + "=" + 255 * "v"],
    "Key": ["!", "~", 255 * "k"],
}

REFUSED = {
    "Identifier": ["", "-a", ".", "a/b", "a b", "0" + 64 * "x"],
    "JobIdentifier": ["", "A", "a_b", 33 * "9"],
    "Timestamp": [
        "2026-03-01T12:00:00",
        "2026-03-01T12:00:00+00:00",
        "2026-03-01 12:00:00Z",
        "2026-13-01T12:00:00Z",
    ],
    "ShortText": ["", "a\tb", "a\nb", "a\x7f", "a\x85", 256 * "x"],
    "Url": ["", "example.org", "/a", "https://example.org/a b", "https://example.org/ü", "{{}}", "{{a b}}"],
    "RelativePath": [
        "",
        ".",
        "..",
        "/a",
        "a/",
        "a//b",
        "a/./b",
        "a/../b",
        "../a",
        "a/..",
        "a\nb",
        "a\x00",
        "a\x85",
    ],
    "ImageReference": [
        "",
        "Alpine",
        "docker://alpine",
        "a b",
        "a:",
        "a@sha256:abc",
        "a//b",
        "https://a/b",
        "-a",
    ],
    "InlineSource": ["YQ", "YQ=", "Y===", "YQ==YQ==", "Y Q=", "YQ==\n", "_-_-"],
    "Environment": ["a\x00"],
    "Labels": ["a\n", "\x00", 256 * "a"],
    "Label": ["a", "=b", "a b=c", 64 * "k" + "=v", "a=\n"],
    "Key": ["", "a b", "ü", "a\n", 256 * "k"],
}


def schema_of(name: str) -> dict[str, Any]:
    """Give the schema of a scalar, or of the one scalar inside a schema of this name."""
    components = contract.document()["components"]
    found: dict[str, Any] = {
        **components["schemas"],
        "InlineSource": components["schemas"]["InlineSource"]["properties"]["content_base64"],
        "Environment": components["schemas"]["Environment"]["additionalProperties"],
        "Labels": components["schemas"]["Labels"]["additionalProperties"],
        "Label": components["parameters"]["label"]["schema"]["items"],
        "Key": components["parameters"]["idempotency_key"]["schema"],
    }[name]
    return found


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in TAKEN.items() for value in values]
)
def test_a_pattern_takes(name: str, value: str) -> None:
    """A value that the contract allows is valid."""
    assert jsonschema_rs.Draft7Validator(schema_of(name)).is_valid(value)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in REFUSED.items() for value in values]
)
def test_a_pattern_refuses(name: str, value: str) -> None:
    """A value that the contract does not allow is not valid."""
    assert not jsonschema_rs.Draft7Validator(schema_of(name)).is_valid(value)


@pytest.mark.parametrize(
    ("name", "taken", "refused"),
    [
        (
            "Environment",
            ["A", "_", "a1", "CC", "CCC_A", "cc_a"],
            ["", "1A", "A-B", "CC_", "CC_JOB_ID", "A=B", "ü"],
        ),
        ("ArrayParameters", ["pool", "_p"], ["CC_TASK_INDEX", "a b", ""]),
        ("Labels", ["a", "a/b", "1.2-3_4", 63 * "k"], ["", "a b", "a=b", "ü", 64 * "k"]),
    ],
)
def test_a_pattern_of_keys(name: str, taken: list[str], refused: list[str]) -> None:
    """A key pattern takes the names that the contract allows and no others."""
    schema = contract.document()["components"]["schemas"][name]
    validator = jsonschema_rs.Draft7Validator({"pattern": schema["x-key-pattern"]})

    assert taken == [key for key in taken if validator.is_valid(key)]
    assert [] == [key for key in refused if validator.is_valid(key)]
