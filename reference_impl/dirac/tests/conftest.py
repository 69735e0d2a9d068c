"""What the tests of the DIRAC connector share."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector.protocol import FacilityConfiguration
from common_compute_dirac.settings import Settings, read_settings

NOWHERE: dict[str, Any] = {
    "interpreter": sys.executable,
    "configuration_server": "dips://dirac.example.org:9135/Configuration/Server",
    "ca_directory": "/",
    "vo": "cta",
    "group": "cta_user",
    "certificate": sys.executable,
    "subject_rule": "/O=Grid/CN={caller}",
}


@pytest.fixture
def configuration(tmp_path: Path) -> Callable[..., FacilityConfiguration]:
    """Give the maker of tables that are in order, for a DIRAC that is nowhere; None leaves a setting out."""
    key = tmp_path / "hostkey.pem"
    key.touch(mode=0o600)

    def make(**more: Any) -> FacilityConfiguration:
        table = {
            name: value for name, value in (NOWHERE | {"key": str(key)} | more).items() if value is not None
        }
        return FacilityConfiguration("grid", "dirac", table)

    return make


@pytest.fixture
def settings(configuration: Callable[..., FacilityConfiguration]) -> Callable[..., Settings]:
    """Give the maker of their settings."""
    return lambda **more: read_settings(configuration(**more))


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run tests that are coroutines, each on an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True
