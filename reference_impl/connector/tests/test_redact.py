"""What is secret in a URL is not shown, and nothing else is changed."""

import pytest

from common_compute_connector import schemas
from common_compute_connector.redact import redacted_url, shown_spec


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a", "https://example.org/a"),
        ("https://example.org:8443/a#part", "https://example.org:8443/a#part"),
        ("https://user@example.org/a", "https://REDACTED@example.org/a"),
        ("https://user:secret@example.org/a", "https://REDACTED@example.org/a"),
        ("https://us@er:secret@example.org/a", "https://REDACTED@example.org/a"),
        ("https://example.org/a?token=secret", "https://example.org/a?token=REDACTED"),
        ("https://example.org/a?x=1&y=&z=a=b#f", "https://example.org/a?x=REDACTED&y=&z=REDACTED#f"),
        ("https://example.org/a?secret", "https://example.org/a?REDACTED"),
        ("https://example.org/a?", "https://example.org/a?"),
        ("https://example.org/a?x=1?y@z", "https://example.org/a?x=REDACTED"),
        ("https://example.org/a@b", "https://example.org/a@b"),
        ("root://host//store/file?authz=abc", "root://host//store/file?authz=REDACTED"),
        ("{{base}}/a?t={{t}}", "{{base}}/a?t=REDACTED"),
        ("s3:bucket/key", "s3:bucket/key"),
    ],
)
def test_a_url_shows_no_secret(url: str, expected: str) -> None:
    """The user part and the values of the query are replaced, the rest stays byte for byte."""
    assert expected == redacted_url(url)


@pytest.mark.parametrize(
    "url", ["https://h/?" + "a=1&" * 1021, "https://u@h/" + "x" * 4080, "https://u@h/?" + "a" * 4080]
)
def test_what_is_shown_is_still_a_url_of_the_contract(url: str) -> None:
    """A URL of the greatest length is not outgrown by what stands in place of its secrets."""
    fits = schemas.component("Url").fits

    assert fits(url)
    assert fits(redacted_url(url))
    assert "a=1" not in redacted_url(url)


def test_every_url_of_a_specification_is_redacted() -> None:
    """Archives, inputs and destinations are redacted; everything else of the specification is as sent."""
    secret, shown = "https://u@h/x?k=v", "https://REDACTED@h/x?k=REDACTED"
    archive = {"url": secret, "sha256": "0" * 64, "format": "sif"}
    spec = {
        "facility_id": "f",
        "software": {"kind": "container", "image_archive": archive},
        "command": [secret],
        "inputs": [
            {"path": "a", "source": {"kind": "url", "url": secret}},
            {"path": "b", "source": {"kind": "inline", "content_base64": ""}},
        ],
        "outputs": [{"path": "c", "destination": {"url": secret}}, {"path": "d"}],
        "metadata": {"url": secret, "nothing": None},
    }

    assert {
        **spec,
        "software": {"kind": "container", "image_archive": {**archive, "url": shown}},
        "inputs": [{"path": "a", "source": {"kind": "url", "url": shown}}, spec["inputs"][1]],
        "outputs": [{"path": "c", "destination": {"url": shown}}, {"path": "d"}],
    } == shown_spec(spec)
