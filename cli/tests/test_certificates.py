"""Certificates are verified and compared on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from common_compute_cli.__main__ import run
from common_compute_conformance.contract import load_contract
from common_compute_mutants import houses

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certify a right server in part; give the folder that was written."""
    out = tmp_path_factory.mktemp("certificate")
    with houses.running("rosetta") as house:
        assert 0 == run(["certify", house.url, "--only", "CC-SVC-001", "--out", str(out)])
    return out


def test_certify_writes_all(made: Path) -> None:
    """`certify --out` writes the certificate, its page, its badge and JUnit."""
    assert {"certificate.json", "junit.xml", "report.html", "badge.svg"} == {
        each.name for each in made.iterdir()
    }


def test_a_whole_certificate_is_verified(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`certificate verify` ends with 0 for a whole certificate, and says what it is and for which versions."""
    file = made / "certificate.json"
    assert 0 == run(["certificate", "verify", str(file)])
    told = capsys.readouterr().out
    assert f"{file} is whole and unedited: partial-passed, classes none." in told
    assert f"It is about the spec {load_contract().version}, the one that this kit carries." in told
    assert 0 == run(["certificate", "verify", str(file), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (True, [], "partial-passed") == (document["whole"], document["faults"], document["verdict"])


def test_one_changed_byte_is_refused(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`certificate verify` ends with 1 for a certificate with one changed byte, and says in one sentence why."""
    content = (made / "certificate.json").read_bytes()
    file = tmp_path / "edited.json"
    file.write_bytes(content.replace(b'"seconds": ', b'"seconds": 1', 1))
    assert 1 == run(["certificate", "verify", str(file)])
    told = capsys.readouterr()
    assert ("", 1) == (told.out, told.err.count("\n"))
    assert f"{file} is refused: It was edited: its footer's digest is" in told.err
    assert 1 == run(["certificate", "verify", str(file), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (False, 1, False) == (document["whole"], len(document["faults"]), "verdict" in document)


def test_what_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is no certificate that was refused: the exit code is 2."""
    assert 2 == run(["certificate", "verify", str(tmp_path / "absent.json")])
    assert "absent.json cannot be read: No such file" in capsys.readouterr().err


def test_no_control_character_reaches_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a file says reaches the terminal without its control characters."""
    file = tmp_path / "hostile.json"
    file.write_text('{"format": "\\u001b[31m", "footer": {}}', encoding="utf-8")
    assert 1 == run(["certificate", "verify", str(file)])
    assert "\x1b" not in capsys.readouterr().err


def test_certificates_are_compared(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`certify --compare` asks no server, and writes one page."""
    file = str(made / "certificate.json")
    assert 0 == run(["certify", "--compare", file, file, "--out", str(tmp_path)])
    assert str(tmp_path / "compare.html") in capsys.readouterr().err
    assert "2 certificates side by side" in (tmp_path / "compare.html").read_text(encoding="utf-8")


def test_a_folder_of_certificates_is_compared(made: Path, tmp_path: Path) -> None:
    """A folder stands for the certificates in it and in its folders, each a column that bears its name there."""
    with houses.running("dirac") as house:
        arguments = ["--only", "CC-SVC-001", "--out", str(tmp_path / "mock-dirac")]
        assert 0 == run(["certify", house.url, *arguments])
    shutil.copy(made / "certificate.json", tmp_path / "mock-rosetta.json")
    assert 0 == run(["certify", "--compare", str(tmp_path), "--out", str(tmp_path)])
    text = (tmp_path / "compare.html").read_text(encoding="utf-8")
    named = ("mock-dirac/certificate.json", "mock-rosetta.json")
    assert 0 < text.index(named[0]) < text.index(named[1])
    assert str(tmp_path) not in text


def test_the_committed_page_is_of_the_committed_certificates(tmp_path: Path) -> None:
    """`docs/certificates/compare.html` is what the certificates beside it make."""
    committed = Path(__file__).parents[2] / "docs" / "certificates"
    assert 0 == run(["certify", "--compare", str(committed), "--out", str(tmp_path)])
    page = (tmp_path / "compare.html").read_bytes()
    assert page == (committed / "compare.html").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--compare", "."], "at least two certificates, and there is none in ."),
        (["--compare", "one.json", "two.json"], "one.json cannot be read"),
        (["http://one/v1", "http://two/v1"], "One server is certified at a time"),
    ],
)
def test_wrong_comparisons_are_told(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be compared or certified is said in a sentence, and the exit code is 2."""
    monkeypatch.chdir(tmp_path)
    assert 2 == run(["certify", *arguments])
    assert words in " ".join(capsys.readouterr().err.split())


def test_the_schema_is_published(capsys: pytest.CaptureFixture[str]) -> None:
    """`certificate schema` prints the JSON Schema of certificates."""
    assert 0 == run(["certificate", "schema"])
    assert "urn:common-compute:schema:certificate:1" == json.loads(capsys.readouterr().out)["$id"]
