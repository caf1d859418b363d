"""The schema's version: brings an empty or older database up to date, one process at a time.

Every process looks at its start whether there is anything to do; Alembic, which takes a while to import, is so only where there is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from callcenter.core.db import get_engine
from callcenter.core.errors import StoreUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
LOCK_KEY = 4_217_001


def alembic_config() -> Config:
    """Alembic's settings without its ini file, so that an installed package can migrate, too."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def head_revision() -> str:
    """The newest revision this program knows: each file's name begins with its own, and they follow one another."""
    return max(path.stem.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


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
                    from alembic import command

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
    revision: str | None = None
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is not None:
        revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    connection.rollback()
    return revision
