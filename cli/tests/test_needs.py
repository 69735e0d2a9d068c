"""The programs that tests need: whoever cannot install them is told which tests were not run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).parents[2] / "conftest.py"
TESTS = """
import pytest

@pytest.mark.needs("postgres")
def test_with_a_database():
    assert False

def test_without():
    pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """Give a suite of two tests, one of which needs a program, under the repository's conftest."""
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    pytester.makepyfile(TESTS)
    pytester.makeini("[pytest]\nmarkers = needs(*names): x\n")
    return pytester


def test_what_cannot_be_installed_is_told_in_the_closing_lines(suite: pytest.Pytester) -> None:
    """A test whose program cannot be installed is not run, and the closing lines say why."""
    (suite.path / ".setup").mkdir()
    (suite.path / ".setup" / "not-run").write_text(
        "postgres\tpostgresql is not installed\n", encoding="utf-8"
    )
    result = suite.runpytest_inprocess()
    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.fnmatch_lines(["not run: 1 tests, because postgresql is not installed"])


def test_several_processes_tell_it_as_well(suite: pytest.Pytester) -> None:
    """Shared out among processes, what was not run is told once, by the one that prints the closing lines."""
    (suite.path / ".setup").mkdir()
    (suite.path / ".setup" / "not-run").write_text(
        "postgres\tpostgresql is not installed\n", encoding="utf-8"
    )
    result = suite.runpytest_subprocess("-n2", "--dist=loadgroup")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["not run: 1 tests, because postgresql is not installed"])


def test_what_is_merely_missing_fails(suite: pytest.Pytester) -> None:
    """A test whose program was not declared absent runs, and fails without it."""
    result = suite.runpytest_inprocess()
    result.assert_outcomes(passed=1, failed=1)
