"""One person's budget of attempts per cycle, over all channels and campaigns, kept even when many claim at once.

The caps per day and week are the gate's. Whoever claims work for a person holds that person until the attempt is on record: nobody else
claims for the same person meanwhile, and nobody waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.db import office_of
from campaigns.attempts.codes import LineResult
from campaigns.compliance.facts import COUNTS
from campaigns.planning.ladder import Ladder

SPENT = "cycle_budget"

# The key is the one under which the gate decides about a person. Locks come before the count: a later statement sees what was committed.
_HOLD = text("""
SELECT held.id, held.is_held, cycle.most, cycle.starts_on FROM (
  SELECT id, pg_try_advisory_xact_lock(:office, hashtext('gate p' || id)) AS is_held FROM (
    SELECT id FROM unnest(CAST(:debtors AS bigint[])) id ORDER BY id OFFSET 0) wanted OFFSET 0) held
LEFT JOIN (
  SELECT CAST(c.options #>> '{ladder,max_attempts}' AS integer) AS most, y.starts_on
  FROM campaign c JOIN campaign_cycle y ON y.office_id = c.office_id AND y.campaign_id = c.id AND y.state = 'open'
  WHERE c.office_id = :office AND c.id = :campaign) cycle ON true
""")
_SPENT = text(f"""
SELECT a.debtor_id FROM attempt a
WHERE a.office_id = :office AND a.debtor_id = ANY(:debtors) AND a.began_at >= :since AND a.began_at <= :now AND {COUNTS}
GROUP BY a.debtor_id HAVING count(*) >= :most
""")  # noqa: S608 - COUNTS is a constant


@dataclass(frozen=True, slots=True)
class Budget:
    """At most so many attempts since a day."""

    most: int
    since: date


def hold(session: Session, campaign_id: int, debtor_ids: Sequence[int]) -> tuple[set[int], Budget | None]:
    """Those of the debtors that this transaction now holds (the others are somebody else's for a moment), and the budget of the
    campaign's open cycle, None when no cycle is open."""
    values = {"office": office_of(session), "campaign": campaign_id, "debtors": sorted(set(debtor_ids))}
    rows = session.execute(_HOLD, values).all()
    known = [Budget(Ladder().max_attempts if row.most is None else row.most, row.starts_on) for row in rows[:1] if row.starts_on]
    return {row.id for row in rows if row.is_held}, known[0] if known else None


def spent(session: Session, debtor_ids: Sequence[int], budget: Budget, now: datetime) -> set[int]:
    """Those of the debtors whose budget is used up."""
    values = {
        "office": office_of(session),
        "debtors": list(debtor_ids),
        "since": datetime.combine(budget.since, time(0, 0), OFFICE_ZONE),
        "now": now,
        "most": budget.most,
        "failed": LineResult.FAILED.value,
    }
    return set(session.scalars(_SPENT, values))


def hold_within(session: Session, campaign_id: int, debtor_ids: Sequence[int], now: datetime) -> tuple[set[int], set[int]]:
    """Those of the debtors that this transaction now holds, and those of them whose budget in the campaign's cycle is used up.

    Who is not held must be left for later: somebody else's attempt may come on record any moment.
    """
    held, budget = hold(session, campaign_id, debtor_ids)
    return held, spent(session, list(held), budget, now) if budget is not None and held else set()
