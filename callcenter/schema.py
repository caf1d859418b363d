"""The schema's version: brings an empty or older database up to date, one process at a time."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from callcenter.core.db import get_engine
from callcenter.core.errors import StoreUnavailable

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
LOCK_KEY = 4_217_001


def alembic_config() -> Config:
    """Alembic's settings without its ini file, so that an installed package can migrate, too."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def head_revision() -> str:
    """The newest revision this program knows."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert head is not None
    return head


def migrate_if_needed() -> tuple[str | None, str]:
    """Brings the database up to date; waits for another process that is doing the same.

    Returns:
        The revision before (None for an empty database) and after.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    head = head_revision()
    try:
        with get_engine().connect() as connection:
            if (before := current(connection)) == head:
                return before, head
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK_KEY})
            connection.commit()
            try:
                before = current(connection)
                if before != head:
                    config = alembic_config()
                    config.attributes["connection"] = connection
                    command.upgrade(config, "head")
                    connection.commit()
            finally:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK_KEY})
                connection.commit()
            return before, head
    except OperationalError as problem:
        raise StoreUnavailable("The database does not answer.", hint="Check DATABASE_URL and that PostgreSQL is running.") from problem


def current(connection: Connection) -> str | None:
    """The revision a database is at; None when it is empty."""
    revision = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    return revision
