"""Downloads: whole and as announced, below their directory, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from common_compute_cli.client import Client
from common_compute_cli.downloads import download_results
from common_compute_cli.errors import DamagedDownload, NothingAnswers, WrongUsage


def result(path: str, content: bytes, **members: Any) -> dict[str, Any]:
    """Give a result's entry."""
    digest = hashlib.sha256(content).hexdigest()
    return {"id": "r", "path": path, "size_bytes": len(content), "sha256": digest, **members}


def client(results: list[dict[str, Any]], contents: Mapping[str, bytes | Exception]) -> Client:
    """Give a client of a job with these results."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/results"):
            return httpx.Response(200, json={"complete": True, "results": results})
        content = contents[request.url.path.rpartition("/")[2]]
        if isinstance(content, Exception):
            raise content
        return httpx.Response(200, stream=httpx.ByteStream(content))

    return Client("http://127.0.0.1:9/v1", transport=httpx.MockTransport(answer))


def files(directory: Path) -> dict[str, bytes]:
    """Give every file below a directory."""
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_results_lie_where_their_paths_say(tmp_path: Path) -> None:
    """A result's path is kept, below one directory per task in an array."""
    results = [result("a/b.txt", b"x"), result("a/b.txt", b"y", id="s", task_index=3)]
    list(download_results(client(results, {"r": b"x", "s": b"y"}), "j", tmp_path))
    assert {"a/b.txt": b"x", "task-0003/a/b.txt": b"y"} == files(tmp_path)


def test_other_bytes_than_announced_are_no_result(tmp_path: Path) -> None:
    """A download whose sha256 differs is told with both, and leaves nothing behind."""
    with pytest.raises(DamagedDownload) as error:
        list(download_results(client([result("a", b"right")], {"r": b"wrong"}), "j", tmp_path))
    assert hashlib.sha256(b"right").hexdigest() == error.value.expected
    assert hashlib.sha256(b"wrong").hexdigest() == error.value.actual
    assert {} == files(tmp_path)


def test_an_earlier_file_survives_a_failed_download(tmp_path: Path) -> None:
    """What lay there before is replaced by a whole result only."""
    (tmp_path / "a").write_bytes(b"before")
    cut = client([result("a", b"right")], {"r": httpx.ConnectError("away")})
    with pytest.raises(NothingAnswers):
        list(download_results(cut, "j", tmp_path))
    assert {"a": b"before"} == files(tmp_path)


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/etc/passwd", "a\x00b", "."])
def test_no_server_writes_outside_the_directory(path: str, tmp_path: Path) -> None:
    """A path that leaves the directory, or is none, is refused."""
    with pytest.raises(WrongUsage):
        list(download_results(client([result(path, b"x")], {"r": b"x"}), "j", tmp_path / "in"))
    assert {} == files(tmp_path)


def test_a_result_that_was_sent_elsewhere_is_left_out(tmp_path: Path) -> None:
    """A result with a location has no bytes here."""
    assert [] == list(
        download_results(client([result("a", b"x", location="https://e/x")], {}), "j", tmp_path)
    )
