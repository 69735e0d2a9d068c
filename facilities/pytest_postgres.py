"""A real PostgreSQL for the tests that need one: a cluster of their own, on a socket in an own directory."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text


def _program(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else name


def _as_postgres(*command: str) -> list[str]:
    """Run as the package's own user where we are root: PostgreSQL refuses to be."""
    if os.getuid() != 0:
        return [*command]
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """Start PostgreSQL on a Unix socket alone, and give the URL of its maintenance database."""
    directory = Path(tempfile.mkdtemp(prefix="cc-postgres-"))
    if os.getuid() == 0:
        shutil.chown(directory, "postgres", "postgres")
    data, log = directory / "data", directory / "log"
    initdb = _as_postgres(_program("initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync")
    subprocess.run(initdb, check=True, capture_output=True, cwd=directory)
    options = f"-c listen_addresses='' -c unix_socket_directories={directory} -c fsync=off"
    pg_ctl = [_program("pg_ctl"), "-D", str(data), "-l", str(log), "-w"]
    subprocess.run(
        _as_postgres(*pg_ctl, "-o", options, "start"), check=True, capture_output=True, cwd=directory
    )
    yield f"postgresql+psycopg://postgres@/postgres?host={directory}"
    subprocess.run(
        _as_postgres(*pg_ctl, "-m", "fast", "stop"), check=True, capture_output=True, cwd=directory
    )
    shutil.rmtree(directory)


def new_database(cluster: str, name: str) -> str:
    """Make an empty database in the cluster, told apart by a name of any kind, and give its URL."""
    database = "t" + hashlib.sha256(name.encode()).hexdigest()[:16]
    engine = create_engine(cluster, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {database}"))
    engine.dispose()
    return cluster.replace("/postgres?", f"/{database}?")


@pytest.fixture
def postgres_url(postgres_cluster: str, request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty database of the test's own."""
    return new_database(postgres_cluster, request.node.nodeid)
