"""Output sandboxes: what the wrapper made is read, and no archive makes the service do anything else."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from common_compute_dirac.sandbox import BrokenSandbox, read_output

MOST = 1 << 20
CONTENT = b"\x00result\n"
Members = list[tuple[str | tarfile.TarInfo, bytes]]


def tar(members: Members) -> bytes:
    """Make an archive."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members:
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def record(**more: Any) -> dict[str, Any]:
    """Give a wrapper's record."""
    result = {
        "path": "d/r.csv",
        "member": "r/0",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "size_bytes": len(CONTENT),
    }
    return {
        "how": "exit",
        "number": 0,
        "words": "",
        "host": "wn1",
        "started": 1_700_000_000.5,
        "finished": 1_700_000_001,
        "results": [result],
        "lost": [],
        "sent": [],
        "image_digest": "",
        **more,
    }


def inner(told: Any = None, more: Members | None = None) -> bytes:
    """Make what the wrapper leaves."""
    text = json.dumps(record() if told is None else told).encode()
    return tar([("r/0", CONTENT), ("stdout", b"out"), ("stderr", b""), ("outcome.json", text), *(more or [])])


def outer(
    content: bytes, compress: Callable[[bytes], bytes] = bz2.compress, more: Members | None = None
) -> bytes:
    """Make what DIRAC makes of it."""
    return compress(tar([("cc-output.tar", content), ("cc-wrapper.err", b"last\x1b words\n"), *(more or [])]))


@pytest.mark.parametrize("compress", [bz2.compress, gzip.compress, bytes])
def test_what_the_wrapper_left_is_read(compress: Callable[[bytes], bytes]) -> None:
    """End, logs and results come out, however DIRAC has packed them."""
    output = read_output(outer(inner(), compress), MOST)
    assert ("exit", 0, "wn1") == (output.outcome.how, output.outcome.number, output.outcome.host)
    assert ({"stdout": b"out", "stderr": b""}, {"d/r.csv": CONTENT}, ()) == (
        output.logs,
        output.results,
        output.lost,
    )
    assert output.outcome.started_at is not None
    assert 500_000 == output.outcome.started_at.microsecond


SENT = {"path": "d/big", "lfn": "/cta/x/d/big", "size_bytes": 7, "sha256": "0" * 64}
DIGEST = "sha256:" + "1" * 64


def test_what_was_sent_elsewhere_is_read() -> None:
    """With the image's digest; a record without either, as of an earlier version's wrapper, is one as well."""
    output = read_output(outer(inner(record(sent=[SENT], image_digest=DIGEST))), MOST)
    assert [("d/big", "/cta/x/d/big", 7)] == [(each.path, each.lfn, each.size_bytes) for each in output.sent]
    assert DIGEST == output.outcome.image_digest
    earlier = {name: value for name, value in record().items() if name not in {"sent", "image_digest"}}
    for told in (record(image_digest=""), earlier):
        plain = read_output(outer(inner(told)), MOST)
        assert ((), None) == (plain.sent, plain.outcome.image_digest)


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "", "a//b", "./a", "a\0b", "\ud800", "x" * 5000, 7, None]
)
def test_a_result_whose_name_is_no_path_is_lost(path: Any) -> None:
    """No name that a job makes up leads anywhere."""
    told = record()
    told["results"][0]["path"] = path
    output = read_output(outer(inner(told)), MOST)
    assert {} == output.results
    assert 1 == len(output.lost)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"member": "r/1"}, "is not there"),
        ({"member": [1]}, "is not there"),
        ({"sha256": "0" * 64}, "has changed"),
    ],
)
def test_a_result_that_is_not_what_the_record_says_is_lost(change: dict[str, Any], words: str) -> None:
    """Bytes are those that the wrapper saw, or none."""
    told = record()
    told["results"][0] |= change
    output = read_output(outer(inner(told)), MOST)
    assert {} == output.results
    assert f"d/r.csv {words}" in output.lost[0]


def link(name: str, kind: bytes, target: str) -> tarfile.TarInfo:
    """Make a member that is no file."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_passed_over(kind: bytes) -> None:
    """A member that is no file counts as not there, in both archives."""
    told = record()
    told["results"][0] |= {"member": "r/9", "sha256": hashlib.sha256(b"").hexdigest()}
    output = read_output(outer(inner(told, [(link("r/9", kind, "/etc/passwd"), b"")])), MOST)
    assert {} == output.results
    swapped = bz2.compress(tar([(link("cc-output.tar", kind, "/etc/passwd"), b"")]))
    with pytest.raises(BrokenSandbox, match="left no output"):
        read_output(swapped, MOST)


def test_the_first_of_a_name_counts() -> None:
    """A second member of the same name changes nothing."""
    output = read_output(outer(inner(more=[("stdout", b"other"), ("r/0", b"other")])), MOST)
    assert (b"out", CONTENT) == (output.logs["stdout"], output.results["d/r.csv"])


@pytest.mark.parametrize("compress", [bz2.compress, gzip.compress])
def test_an_archive_that_grows_is_given_up(compress: Callable[[bytes], bytes]) -> None:
    """A few bytes that unpack to very many are not unpacked."""
    bomb = outer(inner(more=[("stdout2", bytes(8 * MOST))]), compress)
    assert len(bomb) < MOST // 10
    with pytest.raises(BrokenSandbox, match=f"more than {MOST} bytes"):
        read_output(bomb, MOST)


@pytest.mark.parametrize("claimed", [2, 1 << 50])
def test_a_sparse_file_claims_nothing(claimed: int) -> None:
    """A member whose size is only claimed takes no memory, and is no file of the wrapper's."""
    member = tarfile.TarInfo("stdout")
    member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.map": "0,1", "GNU.sparse.size": str(claimed)}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
        text = json.dumps(record(results=[])).encode()
        told = tarfile.TarInfo("outcome.json")
        told.size = len(text)
        archive.addfile(told, io.BytesIO(text))
    output = read_output(outer(file.getvalue()), MOST)
    assert {} == output.logs


def test_too_many_members_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small they are."""
    monkeypatch.setattr("common_compute_dirac.sandbox._MAX_MEMBERS", 10)
    with pytest.raises(BrokenSandbox, match="more than 10 members"):
        read_output(outer(inner(more=[(f"m{n}", b"") for n in range(10)])), MOST)


@pytest.mark.parametrize(
    "told",
    [
        [],
        {},
        record(how="well"),
        record(number=256),
        record(number="0"),
        record(results=[{}]),
        record(results=7),
        record(lost=None),
        record(how=["exit"]),
        record(sent=[{}]),
        record(sent=[SENT | {"path": "../x"}]),
        record(sent=[SENT | {"size_bytes": -1}]),
        record(sent=[SENT | {"sha256": "x"}]),
        record(image_digest="latest"),
        record(image_digest=7),
    ],
)
def test_a_record_of_another_form_is_none(told: Any) -> None:
    """What cannot be understood is told, and ends nothing else."""
    with pytest.raises(BrokenSandbox, match="record cannot be read"):
        read_output(outer(inner(told)), MOST)


@pytest.mark.parametrize("moment", [None, "now", float("inf"), -1, 1e300, True])
def test_a_time_that_is_none_is_left_out(moment: Any) -> None:
    """The end stands without it."""
    output = read_output(outer(inner(record(started=moment))), MOST)
    assert moment is True or output.outcome.started_at is None


@pytest.mark.parametrize("archive", [b"", b"rubbish", b"BZh9rubbish", b"\x1f\x8brubbish", b"\0" * 10_240])
def test_what_is_no_archive_is_told(archive: bytes) -> None:
    """Every fault is a sentence."""
    with pytest.raises(BrokenSandbox):
        read_output(archive, MOST)


def test_an_archive_that_breaks_off_is_told() -> None:
    """Whichever of the two it is, and wherever."""
    whole = inner()
    for end in range(0, len(whole), 512):
        try:
            output = read_output(outer(whole[:end]), MOST)
        except BrokenSandbox:
            continue
        assert {"d/r.csv": CONTENT} == output.results
    packed = outer(whole)
    with pytest.raises(BrokenSandbox):
        read_output(packed[: len(packed) // 2], MOST)


def test_a_wrapper_that_left_nothing_has_last_words() -> None:
    """They come into the reason, in one line and without control characters."""
    archive = bz2.compress(tar([("cc-wrapper.err", b"no\x1b Python\nhere")]))
    with pytest.raises(BrokenSandbox, match=r"left no output: no Python here$"):
        read_output(archive, MOST)
