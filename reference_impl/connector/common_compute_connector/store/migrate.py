"""Bring a database to the present schema with Alembic."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

_LOCK = 7_261_093  # any number of our own: PostgreSQL's replicas start at the same time


def upgrade(engine: Engine) -> None:
    """Run the migrations that the database has not seen; one process at a time does it."""
    configuration = Config()
    configuration.set_main_option(
        "script_location", str(files("common_compute_connector.store").joinpath("migrations"))
    )
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
