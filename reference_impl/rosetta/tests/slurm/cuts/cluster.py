"""The cluster that submissions are cut on, as the facility's description tells, and the tables of its ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OBSERVE_EVERY_SECONDS = 3

_FACILITY = """
[[facility]]
id = "{way}"
connector = "ssh"
host = "127.0.0.1"
port = {port}
host_key = "{host_key}"
account = "{account}"
key_file = "{key_file}"
root = "{root}/{way}"

[facility.slurm]
observe_every_seconds = {observe_every_seconds}
"""


@dataclass(frozen=True)
class Cluster:
    """Where the real facility is, as its description tells, and one account there."""

    address: str
    port: int
    host_key: str
    account: str
    key_file: Path
    home: Path
    """The account's home as this machine sees it."""
    versions: dict[str, str]

    @classmethod
    def of(cls, description: dict[str, Any], host: str, account: str) -> Cluster:
        """Take what is needed from `facility status --json`."""
        reached = description["hosts"][host]
        return cls(
            reached["address"],
            reached["port"],
            reached["host_key"],
            account,
            Path(description["users"][account]["private_key"]),
            Path(reached["room"]) / "home" / account,
            description["versions"],
        )

    def tables(self, root: str, ports: Mapping[str, int]) -> str:
        """Configure a facility for each way, at the port of its proxy."""
        return "".join(
            _FACILITY.format(
                way=way,
                port=port,
                host_key=self.host_key,
                account=self.account,
                key_file=self.key_file,
                root=root,
                observe_every_seconds=OBSERVE_EVERY_SECONDS,
            )
            for way, port in ports.items()
        )
