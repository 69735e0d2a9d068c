"""A certificate that is not whole, or was edited, is refused."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from common_compute_conformance.certificate import Certificate
from common_compute_conformance.contract import load_contract
from common_compute_conformance.reporting.verification import schema_text, verify
from common_compute_conformance.seal import file_of, sealed
from common_compute_mutants.houses import ANNA, BERT

# The certificates are made once in each process of the tests.
pytestmark = [pytest.mark.real, pytest.mark.xdist_group("certificates")]

SCHEMA = json.loads(schema_text())
# What comes from the target is its own, and may have any member.
OPEN = ("/target/service_info", "/target/facility", "headers", "/classes")


def _resealed(certificate: Certificate, edit: Callable[[dict[str, Any]], object]) -> bytes:
    document = deepcopy(certificate.document())
    document.pop("footer")
    edit(document)
    return file_of(sealed(document))


def test_real_certificates_are_whole(certificate: Certificate) -> None:
    """A certificate of every verdict is found whole, unedited, and of this spec and this kit."""
    verification = verify(file_of(certificate.document()))
    assert () == verification.faults
    assert (
        f"It is about the spec {load_contract().version}, the one that this kit carries.",
        "It was made by common-compute 0.1.0, this kit.",
    ) == verification.versions


def test_no_token_is_in_a_certificate(guarded: Certificate) -> None:
    """A certificate holds no token of either caller, whatever it shows of their conversations."""
    text = file_of(guarded.document()).decode()
    passed = {each.requirement.id for each in guarded.verdicts if each.outcome.value == "passed"}
    assert {"CC-ACC-002", "CC-ACC-004"} <= passed
    assert (False, False) == (ANNA in text, BERT in text)


def test_no_token_leaves_a_server_that_shows_it(
    echoing: Certificate, written: Callable[[Certificate, str], Path]
) -> None:
    """No file of a certification has a token in it, also if the server shows the tokens that it gets."""
    folder = written(echoing, "out").parent
    texts = {each.name: each.read_text(encoding="utf-8") for each in folder.iterdir()}
    assert {"certificate.json", "report.html", "junit.xml", "badge.svg"} == set(texts)
    assert [] == [name for name, text in texts.items() if ANNA in text or BERT in text]
    assert '"x-echo": "Bearer REDACTED"' in texts["certificate.json"]
    assert "Authorization: Bearer $TOKEN" in texts["report.html"]


def test_one_changed_byte_is_refused(partial: Certificate) -> None:
    """A file of which one byte is another is refused, wherever it stands."""
    content = file_of(partial.document())
    draw = random.Random(1)
    places = {*range(200), *range(len(content) - 200, len(content)), *draw.sample(range(len(content)), 600)}
    for place in sorted(places):
        for other in {content[place] ^ 1, ord(" "), ord("0"), ord("\n")} - {content[place]}:
            changed = content[:place] + bytes([other]) + content[place + 1 :]
            assert not verify(changed).whole, (place, content[place : place + 1], bytes([other]))


def test_one_byte_more_or_less_is_refused(partial: Certificate) -> None:
    """A file with one byte left out or put in is refused."""
    content = file_of(partial.document())
    for place in random.Random(2).sample(range(len(content)), 300):
        assert not verify(content[:place] + content[place + 1 :]).whole, place
        assert not verify(content[:place] + b" " + content[place:]).whole, place


def test_a_file_that_was_cut_short_is_refused(partial: Certificate) -> None:
    """A file that ends before its end is refused, and said not to be whole."""
    content = file_of(partial.document())
    for end in (*range(0, len(content) - 1, 499), len(content) - 2, len(content) - 1):
        verification = verify(content[:end])
        assert not verification.whole, end
    assert "was cut short" in verify(content[: len(content) // 2]).faults[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "was cut short"),
        (b"\xff", "was cut short"),
        (b"[" * 100_000, "was cut short"),
        (b"[]", "has no footer"),
        (b"{}", "has no footer"),
        (b'{"footer": {}}', "format is None"),
        (
            b'{"format": "common-compute-certificate/2", "footer": {}}',
            "format is 'common-compute-certificate/2'",
        ),
        (b'{"format": "common-compute-certificate/1", "footer": {}}', "does not fit the schema"),
    ],
)
def test_what_is_no_certificate_is_refused(content: bytes, words: str) -> None:
    """What is no certificate is refused in one sentence."""
    verification = verify(content)
    assert (False, True) == (verification.whole, words in verification.faults[0]), verification.faults


def test_an_edit_is_told_by_the_digest(refused: Certificate) -> None:
    """A failed requirement that is made to have passed is told by the digest, and in so many words."""
    document = refused.document()
    entry = next(each for each in document["requirements"] if each["outcome"] == "failed")
    entry["outcome"] = "passed"
    assert "It was edited: its footer's digest is" in verify(file_of(document)).faults[0]


def test_another_text_of_the_same_values_is_told(certified: Certificate) -> None:
    """A file with the same values in another text is refused: the kit writes it in one way only."""
    content = json.dumps(certified.document()).encode()
    assert "its text is not as the kit writes it" in verify(content).faults[0]


def _pass_everything(document: dict[str, Any]) -> None:
    for entry in document["requirements"]:
        if entry["outcome"] == "failed":
            entry["outcome"] = "passed"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda document: document.update(verdict="certified"), "its requirements make refused"),
        (lambda document: document["certified_classes"].append("core"), "It certifies "),
        (lambda document: document["classes"]["core"].update(fine=True), "What it says of the class core"),
        (_pass_everything, "its requirements make certified"),
        (lambda document: document["requirements"].pop(), "It is incomplete"),
        (
            lambda document: document["requirements"][0].update(sentence="A job may be late."),
            "says otherwise of",
        ),
        (lambda document: document["requirements"][0].update(level="SHOULD"), "Its spec says otherwise of"),
        (lambda document: document["requirements"].append(document["requirements"][0]), "in it twice"),
        (
            lambda document: document["requirements"][0].update(id="CC-SVC-999"),
            "has no requirement CC-SVC-999",
        ),
    ],
)
def test_a_seal_on_a_contradiction_is_refused(
    refused: Certificate, edit: Callable[[dict[str, Any]], object], words: str
) -> None:
    """A certificate that was edited and sealed again is refused where it contradicts itself or its spec."""
    faults = verify(_resealed(refused, edit)).faults
    assert any(words in fault for fault in faults), faults


def test_a_footer_in_the_middle_is_refused(certified: Certificate) -> None:
    """The footer is the last member: what follows it was added."""
    document = certified.document()
    document["seed"] = document.pop("seed")
    assert "is not its last member" in verify(file_of(document)).faults[0]


def test_other_versions_are_told(certified: Certificate) -> None:
    """A certificate of another spec or kit can be whole; the verification says that it knows neither."""

    def edit(document: dict[str, Any]) -> None:
        document["spec"]["openapi.yaml"] = "0" * 64
        document["kit"]["version"] = "9.9"
        document["requirements"].pop(3)

    verification = verify(_resealed(certified, edit))
    assert any("What it says of the class" in each for each in verification.faults)
    other = verify(_resealed(certified, lambda document: document["spec"].update({"openapi.yaml": "0" * 64})))
    assert (True, f"It is about the spec {load_contract().version}, which this kit does not know.") == (
        other.whole,
        other.versions[0],
    )
    other = verify(_resealed(certified, lambda document: document["kit"].update(version="9.9")))
    assert (
        "It was made by common-compute 9.9, not this kit, which is common-compute 0.1.0." == other.versions[1]
    )
    other = verify(_resealed(certified, lambda document: document["suite"].update(sha256="0" * 64)))
    assert "It was made by common-compute 0.1.0, a kit of this version with other code." == other.versions[1]


def test_lone_surrogates_survive(certified: Certificate) -> None:
    """A text of the server's that is no UTF-8 is written as JSON's escape for it, and read back as it was."""
    content = _resealed(certified, lambda document: document["target"]["service_info"].update(name="\ud800"))
    assert (True, b'"\\ud800"' in content) == (verify(content).whole, True)


def _objects(value: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        if not any(place.endswith(end) for end in OPEN):
            yield place, value
        for name, member in value.items():
            if not any(place.endswith(end) for end in OPEN) or place == "/classes":
                yield from _objects(member, f"{place}/{'*' if place == '/classes' else name}")
    elif isinstance(value, list):
        for member in value:
            yield from _objects(member, f"{place}/*")


def test_the_schema_is_closed(refused: Certificate) -> None:
    """An unknown member is refused wherever the certificate's own words stand."""
    document = json.loads(file_of(refused.document()))
    validator = jsonschema_rs.Draft202012Validator(SCHEMA)
    assert validator.is_valid(document)
    seen = set()
    for place, value in _objects(document):
        if place not in seen:
            seen.add(place)
            value["surprise"] = 1
            assert not validator.is_valid(document), place
            del value["surprise"]
    assert {"", "/footer", "/kit", "/classes/*", "/requirements/*/checks/*/evidence/*"} <= seen


def test_the_schema_asks_for_all(refused: Certificate) -> None:
    """A certificate without one of its members, but for `stopped`, is refused."""
    document = json.loads(file_of(refused.document()))
    validator = jsonschema_rs.Draft202012Validator(SCHEMA)
    for name in list(document):
        rest = {key: value for key, value in document.items() if key != name}
        assert not validator.is_valid(rest), name


def test_the_page_about_certificates_tells_how_to_verify(certified: Certificate, tmp_path: Path) -> None:
    """The Python text of docs/certificate.md finds a certificate unedited, and an edited one edited."""
    page = Path(__file__).parents[3] / "docs" / "certificate.md"
    text = page.read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0]
    file = tmp_path / "certificate" / "certificate.json"
    file.parent.mkdir()
    content = file_of(certified.document())
    for written, ending in ((content, 0), (content.replace(b'"strict": false', b'"strict": true'), 1)):
        file.write_bytes(written)
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, capture_output=True)
        assert ending == done.returncode, done.stderr


def test_the_page_about_certificates_names_every_member(certified: Certificate) -> None:
    """docs/certificate.md names every outcome, and every member that a certificate has at its top, but for plain facts."""
    text = (Path(__file__).parents[3] / "docs" / "certificate.md").read_text(encoding="utf-8")
    plain = {"format", "partial", "started_at", "seconds", "native_jobs", "requests", "left_behind"}
    members = [
        *certified.document(),
        *SCHEMA["$defs"]["outcome"]["enum"],
        *SCHEMA["$defs"]["check"]["properties"],
    ]
    assert [] == [
        name for name in members if name not in {*plain, "check", "message"} and f"`{name}`" not in text
    ]
