"""Report as not run the tests whose programs cannot be installed here, and share tests out among processes.

`tools/install-test-needs` decides what is not run: what it could not install stands in `.setup/not-run`, and
the closing lines say why. A program that is missing without standing there lets its tests fail: a missing
installation never hides behind a skip.

Among several processes, a module is run by one of them, and so is all that uses a facility one at a time.
"""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

ONE_AT_A_TIME = ("dirac",)
"""Facilities whose tests disturb each other: some end and begin services that the others ask.

Slurm's stand side by side: each has jobs of its own.
"""

# A tenth of the time would go into looking for garbage among the tests.
gc.set_threshold(50_000, 20, 20)

NOT_RUN = Path(__file__).parent / ".setup" / "not-run"
_COUNTS = pytest.StashKey[Counter[str]]()


def read_reasons(file: Path) -> dict[str, str]:
    """Give the reason for each program that could not be installed, by the name that the marker uses."""
    if not file.exists():
        return {}
    return dict(line.split("\t", 1) for line in file.read_text(encoding="utf-8").splitlines())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests whose needs cannot be met, and count them by reason."""
    for item in items:
        needed = [name for marker in item.iter_markers("needs") for name in marker.args]
        for facility in set(ONE_AT_A_TIME) & set(needed):
            item.add_marker(pytest.mark.xdist_group(facility))
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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the counts of a process of several to the one that prints the closing lines."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["not_run"] = dict(session.config.stash.get(_COUNTS, Counter()))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the counts; each process has collected all tests, so that one's counts are everybody's."""
    if not_run := getattr(node, "workeroutput", {}).get("not_run"):
        node.config.stash[_COUNTS] = Counter(not_run)


class _ByModule(LoadGroupScheduling):
    """Hands out modules, and groups of tests."""

    def _split_scope(self, nodeid: str) -> str:
        group: str = super()._split_scope(nodeid)
        return nodeid.split("::", 1)[0] if group == nodeid else group


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByModule | None:
    """Hand tests out so that a module's fixtures are made once."""
    return _ByModule(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Tell the tests that were not run, and why."""
    del exitstatus
    for reason, count in sorted(config.stash.get(_COUNTS, Counter()).items()):
        terminalreporter.write_line(f"not run: {count} tests, because {reason}", yellow=True)
