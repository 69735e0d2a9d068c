"""The client: complete, and named as the contract names its operations."""

from __future__ import annotations

from common_compute_cli.client import Client
from common_compute_cli.specification import operation_ids


def test_every_operation_has_its_function() -> None:
    """For each operationId of the contract the client has a function of that name."""
    assert set() == {name for name in operation_ids() if not callable(getattr(Client, name, None))}
