"""Alembic's entry: it runs on the connection that `migrate.upgrade` holds."""

from alembic import context

from common_compute_connector.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
