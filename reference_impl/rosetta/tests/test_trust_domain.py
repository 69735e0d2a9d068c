"""Execution under the server's own account is for one trust domain."""

import asyncio

import pytest

from common_compute_connector.assembly import assemble
from common_compute_connector.clock import SystemClock
from common_compute_connector.configuration import configuration_of
from common_compute_connector.errors import ConfigurationError


def _assemble(tmp_path, access):
    (tmp_path / "tokens").write_text("0123456789abcdef0123456789abcdef alice\n")
    (tmp_path / "tokens").chmod(0o600)
    table = {
        "service": {"id": "org.example.test"},
        "store": {"url": f"sqlite:///{tmp_path}/jobs.db", "results": str(tmp_path / "results")},
        "access": access,
        "facility": [{"id": "here", "connector": "internal", "root": str(tmp_path / "jobs")}],
    }
    return assemble(configuration_of(table, tmp_path), SystemClock())


def test_internal_execution_is_refused_where_callers_are_told_apart(tmp_path):
    """Callers of one account could read each other's jobs, so `bearer` over it is a fault of the configuration."""
    with pytest.raises(ConfigurationError, match="here: its jobs run under the server's own account"):
        _assemble(tmp_path, {"kind": "bearer", "tokens_file": "tokens"})


def test_internal_execution_serves_one_trust_domain(tmp_path):
    """Without callers to tell apart it is in order."""
    app = _assemble(tmp_path, {"kind": "none"})
    assert app.service.facilities.get("here").connector.shares_server_account
    asyncio.run(app.stop())
