"""Report as not run the tests whose programs this machine cannot install, and why, in the closing lines.

`tools/install-test-needs` decides: what it could not install stands in `.setup/not-run`. A program that is
missing without standing there lets its tests fail: a missing installation never hides behind a skip.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

NOT_RUN = Path(__file__).parent / ".setup" / "not-run"
_COUNTS = pytest.StashKey[Counter[str]]()


def read_reasons(file: Path) -> dict[str, str]:
    """Give the reason for each program that could not be installed, by the name that the marker uses."""
    if not file.exists():
        return {}
    return dict(line.split("\t", 1) for line in file.read_text(encoding="utf-8").splitlines())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests whose needs cannot be met, and count them by reason.

    What needs the Slurm facility is long as well: together these tests take more than `make test` may.
    """
    for item in items:
        if any("slurm" in marker.args for marker in item.iter_markers("needs")):
            item.add_marker("long")
    reasons = read_reasons(NOT_RUN)
    counts = config.stash.setdefault(_COUNTS, Counter())
    kept, left_out = [], []
    for item in items:
        needed = [name for marker in item.iter_markers("needs") for name in marker.args]
        unmet = [reasons[name] for name in needed if name in reasons]
        (left_out if unmet else kept).append(item)
        counts.update(unmet[:1])
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Tell the tests that were not run, and why."""
    del exitstatus
    for reason, count in sorted(config.stash.get(_COUNTS, Counter()).items()):
        terminalreporter.write_line(f"not run: {count} tests, because {reason}", yellow=True)
