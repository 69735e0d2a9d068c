"""What DIRAC's answers mean, and what goes to the grid with a job: what runs beside DIRAC, without one."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from pathlib import Path

import pytest

from common_compute_dirac.answers import UNAUTHORIZED, Failed, kind_of, plain, value_of
from common_compute_dirac.input_sandbox import with_sandbox, write_files


@pytest.mark.parametrize(
    ("errno", "words", "kind"),
    [
        (UNAUTHORIZED, "Unauthorized query ( 1111 )", "unauthorized"),
        (0, "Can't connect to dips://localhost:1/A/B: refused", "unreachable"),
        (0, "('127.0.0.1', 1) [Errno 111] Connection refused", "unreachable"),
        (1131, "MySQL is away", "interrupted"),
        (0, "Connection closed by peer", "interrupted"),
        (0, "Can't submit using a limited proxy", "refused"),
    ],
)
def test_a_no_is_told_from_a_silence(errno: int, words: str, kind: str) -> None:
    """By DIRAC's number and words it is known whether it refused, or nothing was done, or nobody knows."""
    assert kind == kind_of(errno, words)
    with pytest.raises(Failed, match=re.escape(words)) as failed:
        value_of({"OK": False, "Errno": errno, "Message": words})
    assert (kind, words, errno) == (failed.value.kind, failed.value.words, failed.value.errno)


def test_a_value_is_given(tmp_path: Path) -> None:
    """A yes gives its value, also where that is none; moments become text for JSON."""
    assert [7, None] == [value_of({"OK": True, "Value": 7}), value_of({"OK": True})]
    assert "2026-01-02T03:04:05Z" == plain(datetime(2026, 1, 2, 3, 4, 5))


def test_files_go_by_their_names_only(tmp_path: Path) -> None:
    """Each file is written with its bytes, and none anywhere else."""
    content = base64.b64encode(b"\0\xff").decode()
    (path,) = write_files(tmp_path, {"a b": content})
    assert b"\0\xff" == Path(path).read_bytes()
    for name in ("", ".", "..", "../a", "/a", "a/b", "a\0"):
        with pytest.raises(Failed, match="no name of a file"):
            write_files(tmp_path, {name: content})
    assert ["a b"] == [each.name for each in tmp_path.iterdir()]


def test_a_description_gets_its_sandbox() -> None:
    """It becomes the last line before the bracket; what has no brackets is refused."""
    assert '[A = 1;\nInputSandbox = {"SB:x"};\n]' == with_sandbox("[A = 1; ]", "SB:x")
    with pytest.raises(Failed, match="stands in brackets"):
        with_sandbox("A = 1;", "SB:x")
