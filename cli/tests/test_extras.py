"""Extras: a missing package is told as the extra that brings it."""

from __future__ import annotations

import importlib

import pytest

from common_compute_cli.errors import ExtraMissing
from common_compute_cli.extras import needs


def test_a_missing_package_names_the_extra() -> None:
    """What somebody else's missing package means to the user is an installation command."""
    with pytest.raises(ExtraMissing) as error, needs("mocks"):
        importlib.import_module("nowhere_to_be_found.at_all")
    assert ("mocks", "nowhere_to_be_found") == (error.value.extra, error.value.module)
    assert "pip install 'common-compute[mocks]'" in str(error.value)


def test_a_missing_module_of_ours_is_a_defect() -> None:
    """No extra would bring a module that this distribution lacks."""
    with pytest.raises(ModuleNotFoundError), needs("mocks"):
        importlib.import_module("common_compute_cli.nowhere_to_be_found")
