"""A database of a benchmark's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sqlalchemy import Engine, create_engine, text

from callcenter.core.db import dispose_engines, get_engine, sqlalchemy_url
from callcenter.core.settings import get_settings
from callcenter.schema import migrate_if_needed


@contextmanager
def database(kept: str = "") -> Iterator[Engine]:
    """A fresh, migrated database on the configured server, else on an embedded one; gone afterwards.

    Args:
        kept: the name of one that stays for later runs, and may be there from an earlier one.
    """
    with ExitStack() as stack:
        if "DATABASE_URL" not in os.environ:
            from callcenter.core.embedded import ensure_stores

            os.environ["DATABASE_URL"] = stack.enter_context(ensure_stores(get_settings())).database_url
            stack.callback(os.environ.pop, "DATABASE_URL", None)
        given = os.environ["DATABASE_URL"]
        name = kept or f"bench_{os.getpid()}"
        admin = create_engine(sqlalchemy_url(given), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            if not kept or not connection.scalar(text("SELECT count(*) FROM pg_database WHERE datname = :name"), {"name": name}):
                connection.execute(text(f'CREATE DATABASE "{name}"'))
        server = admin.url.set(database=name).render_as_string(hide_password=False)
        os.environ["DATABASE_URL"] = server.replace("postgresql+psycopg://", "postgresql://")
        get_settings.cache_clear()
        try:
            migrate_if_needed()
            yield get_engine()
        finally:
            dispose_engines()
            os.environ["DATABASE_URL"] = given
            get_settings.cache_clear()
            if not kept:
                with admin.connect() as connection:
                    connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
            admin.dispose()
