"""Migrates an empty PostgreSQL and lets Alembic say whether the tables in the code differ from it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests import servers


def main() -> None:
    """Raises when the migrations and the models disagree."""
    root = servers.new_root()
    try:
        os.environ["DATABASE_URL"] = servers.shared(root, "postgres", servers.start_postgres)
        from alembic import command

        import callcenter.tables  # noqa: F401
        from callcenter.core.db import dispose_engines
        from callcenter.schema import alembic_config, migrate_if_needed

        migrate_if_needed()
        command.check(alembic_config())
        dispose_engines()
    finally:
        servers.stop_all(root)


if __name__ == "__main__":
    main()
