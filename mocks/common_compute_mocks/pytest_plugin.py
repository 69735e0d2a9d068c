"""Fixtures with a mock in the place of a Common Compute server, for tests of clients that use `requests`.

`common_compute` has both facilities, `common_compute_rosetta` and `common_compute_dirac` have one. Each test
gets a mock of its own. The marker `common_compute_mock(...)` takes the members of `MockSettings`, such as
`scenarios=["slow_queue"]`, `bearer=True`, `seed=7` or `request_seconds=1`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from common_compute_mocks.in_process.mock import InProcessMock

_MARKER = "common_compute_mock"


def pytest_configure(config: pytest.Config) -> None:
    """Announce the marker."""
    config.addinivalue_line(
        "markers", f"{_MARKER}(**settings): how the mock of `common_compute` is set up, as in MockSettings"
    )


@pytest.fixture
def common_compute(request: pytest.FixtureRequest) -> Iterator[InProcessMock]:
    """Give a mock with both facilities, `rosetta` and `dirac`, that answers at `common_compute.url`."""
    yield from _mocked(request)


@pytest.fixture
def common_compute_rosetta(request: pytest.FixtureRequest) -> Iterator[InProcessMock]:
    """Give a mock with the facility `rosetta` alone."""
    yield from _mocked(request, "rosetta")


@pytest.fixture
def common_compute_dirac(request: pytest.FixtureRequest) -> Iterator[InProcessMock]:
    """Give a mock with the facility `dirac` alone."""
    yield from _mocked(request, "dirac")


def _mocked(request: pytest.FixtureRequest, *facilities: str) -> Iterator[InProcessMock]:
    # Whoever has this plug-in installed and uses none of its fixtures pays for no import.
    from common_compute_connector.errors import ConfigurationError
    from common_compute_mocks.in_process import InProcessMock, MockSettings, intercepted

    marker = request.node.get_closest_marker(_MARKER)
    wanted = dict(marker.kwargs) if marker else {}
    if facilities:
        wanted["facilities"] = facilities
    try:
        mock = InProcessMock(MockSettings(**wanted))
    except (ConfigurationError, TypeError) as error:
        pytest.fail(f"@pytest.mark.{_MARKER}: {error}", pytrace=False)
    try:
        with intercepted(mock):
            yield mock
    finally:
        mock.close()
