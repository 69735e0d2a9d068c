"""Wrong arguments: one sentence, exit code 2, no stack trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from common_compute_cli.__main__ import run

NOBODY = "http://127.0.0.1:1/v1"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COMMON_COMPUTE_URL", "COMMON_COMPUTE_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run a command, and give its exit code and what it wrote to the standard error."""
    code = run(arguments)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err + captured.out
    return code, captured.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["job", "list"], "No server is named: give its address with --url, or set COMMON_COMPUTE_URL."),
        (["job", "list", "--url", "localhost:80"], "is no address of a server"),
        (["job", "list", "--url", NOBODY], f"Nothing answers at {NOBODY} (Connection refused)"),
        (
            ["job", "list", "--url", NOBODY, "--state", "done"],
            "'done' is no state of a job: the states are pending,",
        ),
        (["job", "submit", "--url", NOBODY, "missing.json"], "missing.json cannot be read: No such file"),
        (
            ["job", "list", "--url", NOBODY, "--token-file", "missing"],
            "The token file missing cannot be read",
        ),
        (["spec", "requirements", "--class", "fast"], "--class fast is not known: there are access, arrays,"),
        (["certify", "ftp://host"], "is no address of a server"),
        (["certify", NOBODY], f"Nothing answers at {NOBODY} (Connection refused)"),
        (["certify", NOBODY, "--only", "CC-XXX-001"], "There is no requirement CC-XXX-001"),
        (["certify", NOBODY, "--class", "fast"], "There is no class fast"),
        (["job", "frobnicate"], "No such command 'frobnicate'"),
        (["job", "submit"], "Missing argument 'FILE'"),
        (["job", "list", "--limit", "many"], "Invalid value for '--limit'"),
        (["--frobnicate"], "No such option: --frobnicate"),
    ],
)
def test_wrong_arguments_are_told_in_a_sentence(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be done is said, with what can, and the exit code is 2."""
    monkeypatch.chdir(tmp_path)
    code, told = complaint(capsys, *arguments)
    assert (2, True) == (code, words in told), told


@pytest.mark.parametrize("content", ["", "{", "nonsense"])
def test_a_file_that_is_no_json_is_named(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job specification that is no JSON is refused before anything is sent."""
    file = tmp_path / "job.json"
    file.write_text(content, encoding="utf-8")
    code, told = complaint(capsys, "job", "submit", str(file), "--url", NOBODY)
    assert (2, True) == (code, f"{file} is no JSON" in told)


@pytest.mark.parametrize("content", [b"", b"  \n", b"two words", "gehe\u00edm".encode(), b"\xff"])
def test_a_token_file_without_a_token_is_named(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can be no token is refused before anything is sent, and is not repeated."""
    file = tmp_path / "token"
    file.write_bytes(content)
    code, told = complaint(capsys, "job", "list", "--url", NOBODY, "--token-file", str(file))
    assert (2, True) == (code, str(file) in told)
    assert "words" not in told


def test_debug_shows_the_trace_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """--debug adds the stack trace, and changes nothing else."""
    for arguments in (
        ["--debug", "job", "list", "--url", NOBODY],
        ["job", "list", "--url", NOBODY, "--debug"],
    ):
        assert 2 == run(arguments)
        assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """--help works on every level and ends with 0."""
    for arguments in ([], ["job"], ["facility"], ["spec"], ["job", "submit"], ["certify"]):
        assert 0 == run([*arguments, "--help"])
        assert "Usage: common-compute" in capsys.readouterr().out
