"""All rooms' tables in one metadata, for migrations and checks."""

from __future__ import annotations

from importlib import import_module

from callcenter.core.db import Base

ROOMS_WITH_TABLES = (
    "callcenter.auth.models",
    "callcenter.core.live",
    "campaigns.attempts.models",
    "campaigns.compliance.models",
    "campaigns.debtors.models",
    "campaigns.imports.models",
    "campaigns.messages.models",
    "campaigns.messages.inbox.models",
    "campaigns.messages.senders.models",
    "campaigns.messages.tryouts.models",
    "campaigns.officers.models",
    "campaigns.payments.models",
    "campaigns.planning.models",
    "campaigns.promises.models",
    "campaigns.segmentation.models",
    "campaigns.sync.models",
    "campaigns.visits.models",
    "campaigns.worklist.models",
    "dialer.agents.models",
    "dialer.calls.models",
    "dialer.controls.models",
    "dialer.inbound.models",
    "dialer.ivr.models",
    "dialer.pacing.models",
    "dialer.recordings.models",
    "dialer.supervising.models",
    "reports.collection.models",
    "reports.control.models",
    "reports.facts.models",
    "reports.forecasts.models",
    "reports.pack.notes",
    "reports.saved_views",
    "reports.snapshots",
)
for room in ROOMS_WITH_TABLES:
    import_module(room)

metadata = Base.metadata
TENANT_FREE = frozenset({"office", "alembic_version", "sender_rate"})


def tenant_tables() -> list[str]:
    """Names of all tables that belong to an office, sorted."""
    return sorted(name for name in metadata.tables if name not in TENANT_FREE)
