"""Output: nothing of a server's words commands the terminal, and every state has its colour."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from common_compute_cli import output
from common_compute_cli.progress import JobProgress, describe
from common_compute_cli.specification import job_states

COUNTS = {"total": 3, "pending": 0, "queued": 0, "running": 1, "succeeded": 1, "failed": 1, "cancelled": 0}
JOB = {"id": "j", "name": "fit", "state": "running"}


def test_every_state_has_a_colour() -> None:
    """The colours are those of the contract's states, all of them and no other."""
    assert set(job_states()) == set(output.STATE_STYLES)


def test_a_servers_words_are_only_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences and markup in a server's words reach the terminal as text."""
    output.table(["NAME"], [("\x1b]0;owned\x07[bold]x[/bold]\x9b31m",)], empty="")
    shown = capsys.readouterr().out
    assert "[bold]x[/bold]" in shown
    assert not {"\x1b", "\x07", "\x9b"} & set(shown)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * 1024**4, "5.0 TiB"), (2**60, "1048576.0 TiB")],
)
def test_sizes_are_told_in_powers_of_1024(count: int, expected: str) -> None:
    """A size has one digit after the point and the largest unit that fits."""
    assert expected == output.size(count)


def test_an_array_is_described_by_its_tasks() -> None:
    """The progress of an array is how many of its tasks have ended, in whatever way."""
    assert ("fit j", "running, 2 of 3 ended", 2, 3) == describe({**JOB, "task_counts": COUNTS})


def test_an_ending_is_described_with_its_reason() -> None:
    """What a job ended with stands beside its state."""
    job = {**JOB, "state": "failed", "exit_code": 3, "reason": {"code": "exit-nonzero"}}
    assert ("fit j", "failed (exit code 3, exit-nonzero)", 1, 1) == describe(job)


def test_without_a_terminal_each_change_is_one_line() -> None:
    """The same news twice is one line."""
    written = io.StringIO()
    with JobProgress(Console(file=written)) as progress:
        for state in ("pending", "running", "running", "succeeded"):
            progress.show({**JOB, "state": state})
    assert ["fit j: pending", "fit j: running", "fit j: succeeded"] == [
        line.strip() for line in written.getvalue().splitlines()
    ]
