"""Show jobs while they are waited for: live bars on a terminal, one line per change elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from common_compute_cli import output
from common_compute_cli.specification import terminal_states
from common_compute_cli.wire import Document

_TITLE_WIDTH = 34


class JobProgress:
    """The jobs that are followed, by id; a context manager that gives the terminal back."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: dict[str, str] = {}
        self._bars: dict[str, TaskID] = {}
        self._live = Progress(
            TextColumn("  "),
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}", markup=False, table_column=_cut(_TITLE_WIDTH)),
            BarColumn(bar_width=10),
            TextColumn("{task.fields[told]}", markup=False, table_column=_cut(None)),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, job: Document) -> None:
        """Show a job as it is now."""
        title, told, ended, total = describe(job)
        if self._console.is_terminal:
            title = output.plain(job.get("name") or job["id"]).plain
            bar = self._bars.get(job["id"])
            if bar is None:
                bar = self._bars[job["id"]] = self._live.add_task(title, total=None, told="")
            is_over = job["state"] in terminal_states()
            self._live.update(bar, completed=total if is_over else ended, total=total, told=told)
        elif self._lines.get(job["id"]) != told:
            self._lines[job["id"]] = told
            self._console.print(f"   {title}: {told}", markup=False, soft_wrap=True)


def _cut(width: int | None) -> Column:
    """Give a column that is cut at a width, or where the terminal ends."""
    return Column(no_wrap=True, overflow="ellipsis", max_width=width)


def describe(job: Document) -> tuple[str, str, int, int]:
    """Give a job's title, its state in words, and how many of how many tasks have ended."""
    title = f"{job.get('name') or 'job'} {job['id']}"
    counts = job.get("task_counts")
    told = job["state"]
    if counts is None:
        ended, total = int(job["state"] in terminal_states()), 1
    else:
        ended, total = sum(counts[name] for name in terminal_states()), counts["total"]
        told += f", {ended} of {total} ended"
    if words := output.ending(job):
        told += f" ({words})"
    return title, output.plain(told).plain, ended, total
