"""The server processes that share a store, so that none joins with another configuration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, text, update

from common_compute_connector.errors import ConfigurationError
from common_compute_connector.store.parts import drop_leases, renew_leases
from common_compute_connector.store.schema import replicas, to_micros


@dataclass(frozen=True, slots=True)
class Replica:
    """A server process: its name, its host, and the digest of its configuration."""

    id: str
    host: str
    configuration: str


SINGLE = Replica("single", "", "")
"""The one process on a store that cannot be shared."""


def join(connection: Connection, replica: Replica, now: datetime, until: datetime) -> None:
    """Enter a process among those that are alive.

    Raises:
        ConfigurationError: one of them runs on another configuration.
    """
    # Two that start at the same time must see each other.
    connection.execute(text("LOCK TABLE replicas IN EXCLUSIVE MODE"))
    connection.execute(delete(replicas).where(replicas.c.alive_until < to_micros(now)))
    others = connection.execute(
        select(replicas.c.host).where(replicas.c.configuration != replica.configuration)
    ).scalars()
    if hosts := sorted(set(others)):
        raise ConfigurationError(
            [
                f"a server on {', '.join(hosts)} shares this database and runs on another configuration: "
                "give all servers the same file, or stop that one first"
            ]
        )
    connection.execute(
        insert(replicas).values(
            id=replica.id,
            host=replica.host,
            configuration=replica.configuration,
            alive_until=to_micros(until),
        )
    )


def stay(connection: Connection, replica: Replica, until: datetime) -> None:
    """Tell that a process is alive, and keep its leases."""
    connection.execute(
        update(replicas).where(replicas.c.id == replica.id).values(alive_until=to_micros(until))
    )
    renew_leases(connection, replica.id, until)


def leave(connection: Connection, replica: Replica) -> None:
    """Take a process out, and give its leases back."""
    connection.execute(delete(replicas).where(replicas.c.id == replica.id))
    drop_leases(connection, replica.id)
