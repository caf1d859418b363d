"""How long decisions stay on record: the office's rules say so, and a daily job forgets what is older."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.compliance.policy import ContactPolicy

AT_ONCE = 10_000

# Refusals of sets are forgotten once they have ended; those that still hold stay, however old.
_FORGET = text("""
DELETE FROM compliance_decision WHERE office_id = :office AND id IN (
  SELECT id FROM compliance_decision WHERE office_id = :office
    AND (at < :contact_before AND check_id IS NULL OR at < :set_before AND ended_at < :set_before AND check_id IS NOT NULL)
  LIMIT :at_once)
""")


def forget(session: Session, policy: ContactPolicy, now: datetime) -> int:
    """Removes some thousand decisions that are older than the rules say; returns how many, 0 when none is left."""
    done: Any = session.execute(
        _FORGET,
        {
            "office": office_of(session),
            "contact_before": now - timedelta(days=policy.keep_contact_days),
            "set_before": now - timedelta(days=policy.keep_set_days),
            "at_once": AT_ONCE,
        },
    )
    return int(done.rowcount)
