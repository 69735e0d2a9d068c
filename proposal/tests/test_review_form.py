"""Reviewers say yes or no to each requirement in a form, and what came back becomes one page."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from common_compute_proposal.overview import overview
from common_compute_proposal.review import NotAForm, Opinion, Stand, form, read_form
from common_compute_proposal.versions import read_version

CONTRACT = read_version(Path(__file__).parents[2] / "spec")
FIRST, SECOND = (str(each["id"]) for each in CONTRACT.requirements[:2])


def filled(
    file: Path, organisation: str, said: dict[str, tuple[str, str, str]], separator: str = ","
) -> Path:
    """Write a form as a spreadsheet does that has been filled in: agree, disagree and comment by id."""
    rows = list(csv.reader(io.StringIO(form(CONTRACT, organisation))))
    for row in rows[1:]:
        row[5:8] = said.get(row[0], ("", "", ""))
    with file.open("w", newline="", encoding="utf-8-sig") as written:
        csv.writer(written, delimiter=separator).writerows(rows)
    return file


def test_the_form_has_every_requirement() -> None:
    """Each requirement has one line with its sentence, in the order of the contract."""
    rows = list(csv.DictReader(io.StringIO(form(CONTRACT, "ESAP"))))
    assert [each["id"] for each in CONTRACT.requirements] == [row["id"] for row in rows]
    assert {"ESAP"} == {row["organisation"] for row in rows}
    assert all(row["statement"].strip() for row in rows)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_form_comes_back(tmp_path: Path, separator: str) -> None:
    """Whatever separator a spreadsheet writes, each opinion and comment is read, byte for byte."""
    said = {FIRST: ("x", "", 'fine; really, "so"\nit is'), SECOND: ("", "x", "nö")}
    review = read_form(filled(tmp_path / "f.csv", "ESAP", said, separator), CONTRACT)
    assert ("ESAP", ()) == (review.organisation, review.unknown)
    assert Opinion(Stand.AGREES, 'fine; really, "so"\nit is') == review.opinions[FIRST]
    assert Opinion(Stand.DISAGREES, "nö") == review.opinions[SECOND]
    assert Stand.SILENT is review.opinions[str(CONTRACT.requirements[2]["id"])].stand


def test_a_name_that_a_spreadsheet_would_compute(tmp_path: Path) -> None:
    """An organisation's name that looks like a formula is written as a text, and read as it was."""
    text = form(CONTRACT, "=1+1")
    assert "'=1+1" in text
    (tmp_path / "f.csv").write_text(text, encoding="utf-8")
    assert "=1+1" == read_form(tmp_path / "f.csv", CONTRACT).organisation


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2\n", "no column id, agree, disagree, comment"),
        (b"id,agree,disagree,comment\nCC-JOB-001,x,x,\n", "line 2 agrees and disagrees with CC-JOB-001"),
        (b"id,agree,disagree,comment\nA,,,\nA,,,\n", "line 3 is the second about A"),
        (b"id,agree,disagree,comment,organisation\nA,,,,x\nB,,,,y\n", "several organisations: x, y"),
        (b"\xff\xfe\x00", "not written in UTF-8"),
        (b"", "no column id"),
    ],
)
def test_what_is_no_form(tmp_path: Path, content: bytes, words: str) -> None:
    """What cannot be understood is refused with the line."""
    file = tmp_path / "f.csv"
    file.write_bytes(content)
    with pytest.raises(NotAForm, match=words):
        read_form(file, CONTRACT)


def test_ids_of_another_version_are_told(tmp_path: Path) -> None:
    """What was said of a requirement that this version does not have is named, not lost."""
    (tmp_path / "Old.csv").write_text("id,agree,disagree,comment\nCC-OLD-001,x,,\n")
    review = read_form(tmp_path / "Old.csv", CONTRACT)
    assert ("Old", ("CC-OLD-001",)) == (review.organisation, review.unknown)
    assert b"CC-OLD-001" in overview(CONTRACT, [review])


def test_the_page_shows_what_was_written_as_text(tmp_path: Path) -> None:
    """What a reviewer writes is shown and nothing of it is run."""
    said = {FIRST: ("", "x", "<script>alert(1)</script>")}
    page = overview(CONTRACT, [read_form(filled(tmp_path / "f.csv", "<b>ESAP", said), CONTRACT)]).decode()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;b&gt;ESAP" in page
    assert f'id="{FIRST}"' in page


def test_the_command_writes_and_merges(tmp_path: Path) -> None:
    """A form is written, two that came back become one page, and a wrong file is a wrong argument."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "common_compute_cli", "spec", "review-form"]
        return subprocess.run([*program, *arguments], check=False, capture_output=True, text=True)

    assert 0 == run(tmp_path / "form.csv", "--organisation", "ESAP").returncode
    assert "ESAP" == read_form(tmp_path / "form.csv", CONTRACT).organisation
    other = filled(tmp_path / "other.csv", "SKAO", {FIRST: ("", "x", "no")})
    merged = run(tmp_path / "all.html", "--merge", tmp_path / "form.csv", "--merge", other)
    assert 0 == merged.returncode, merged.stderr
    page = (tmp_path / "all.html").read_text()
    assert ("ESAP" in page, "SKAO" in page) == (True, True)
    wrong = run(tmp_path / "all.html", "--merge", tmp_path / "all.html")
    assert (2, True) == (wrong.returncode, "is no form" in wrong.stderr)
