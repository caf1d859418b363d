"""What workers run for reports: like every job it takes the office's id, looks again on arrival, and is harmless when it runs twice."""

from __future__ import annotations

from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from reports.facts.build import refresh

DAYS_A_TURN = 40


def refresh_facts(office_id: int) -> int:
    """Builds the facts of days that are over and not built, or changed since; returns how many days. The next turn goes on."""
    with transaction(office_id) as session:
        return refresh(session, utc_now(), most=DAYS_A_TURN)
