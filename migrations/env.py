"""Alembic's environment: all rooms' tables in one metadata, PostgreSQL only."""

from __future__ import annotations

from alembic import context

from callcenter.core.db import get_engine
from callcenter.tables import metadata


def run() -> None:
    """Runs the migrations on the connection handed over, or on the process's own database."""
    given = context.config.attributes.get("connection")
    if given is not None:
        context.configure(connection=given, target_metadata=metadata, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    with get_engine().connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()


run()
