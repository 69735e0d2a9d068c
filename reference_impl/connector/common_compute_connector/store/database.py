"""The database of a URL: PostgreSQL for several processes, or an SQLite file for one."""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import SingletonThreadPool

from common_compute_connector.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Database:
    """An engine and, for a file, the lock that keeps other processes out."""

    engine: Engine
    lock: IO[bytes] | None = None

    def close(self) -> None:
        """Close all connections and let others in."""
        self.engine.dispose()
        if self.lock is not None:
            self.lock.close()


def open_database(url: str, readers: int) -> Database:
    """Open a database for a writer, a listener and so many readers.

    Raises:
        ConfigurationError: another process has this SQLite file.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return Database(create_engine(parsed, pool_size=readers + 3, pool_pre_ping=True))
    return Database(_sqlite(parsed), _lock(Path(parsed.database or "")))


def _lock(file: Path) -> IO[bytes]:
    # Two processes would each take the other's leases for those of a dead one, and submit jobs twice.
    lock = file.with_name(f"{file.name}.lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigurationError(
            [f"{file} is served by another process: stop that one, or use PostgreSQL for several servers."]
        ) from None
    return lock


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url, poolclass=SingletonThreadPool, connect_args={"check_same_thread": False, "timeout": 30}
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        # pysqlite must not open transactions behind SQLAlchemy's back, or savepoints fail.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # a job is on disk before its 201 leaves
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
