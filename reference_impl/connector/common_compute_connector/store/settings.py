"""Small facts about the service itself, each kept once under a name."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from common_compute_connector.store.schema import settings


def keep_once(connection: Connection, name: str, value: str) -> str:
    """Keep a value if there is none yet, and give the one that is kept."""
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert
    connection.execute(insert(settings).values(name=name, value=value).on_conflict_do_nothing())
    return str(connection.execute(select(settings.c.value).where(settings.c.name == name)).scalar_one())


def replace_setting(connection: Connection, name: str, value: str) -> None:
    """Keep a value in place of the one before."""
    keep_once(connection, name, value)
    connection.execute(settings.update().where(settings.c.name == name).values(value=value))
