"""All rooms' tables in one metadata, for migrations and checks."""

from __future__ import annotations

import dialer.agents.models
import dialer.calls.models
import dialer.ivr.models  # noqa: F401 - importing registers the tables
from callcenter.core.db import Base

metadata = Base.metadata
TENANT_FREE = frozenset({"office", "alembic_version"})


def tenant_tables() -> list[str]:
    """Names of all tables that belong to an office, sorted."""
    return sorted(name for name in metadata.tables if name not in TENANT_FREE)
