"""Judging promises by what has been paid: the statement that applies `state.judge` to many at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.promises.moving import move_judged
from campaigns.promises.terms import load_terms

NET_YEN = """CASE WHEN z.id IS NULL THEN y.principal + y.demand_fee + y.late_charge
         WHEN z.principal + z.demand_fee + z.late_charge = 0 THEN 0
         ELSE greatest(y.principal - z.principal, 0) + greatest(y.demand_fee - z.demand_fee, 0)
            + greatest(y.late_charge - z.late_charge, 0) END"""
"""All yen of a payment `y` less what its reversal `z` took back; a reversal that names no amount takes back all of it."""

ITS_REVERSAL = "payment z ON z.office_id = y.office_id AND z.source_ref = y.source_ref AND z.is_reversal"

PAID_IN_TIME = f"""
    SELECT sum({NET_YEN}) AS yen FROM payment y LEFT JOIN {ITS_REVERSAL}
    WHERE y.office_id = p.office_id AND y.debtor_id = p.debtor_id AND NOT y.is_reversal
      AND y.paid_on BETWEEN p.made_on AND p.due_on + p.grace_days::integer
"""
"""What the debtor of the promise `p` paid from the promise to its date plus grace, on any debt, net of reversals and parts taken back."""

# A file of payments with a date given by the office says: payments made up to that day are in. One that is being imported counts, too.
COMPLETE_TO = """
SELECT max(as_of) FROM import_file
WHERE office_id = :office AND kind = 'payments' AND status IN ('done', 'running') AND has_as_of AND NOT is_dry_run
"""

_LAG = """
UPDATE promise p SET lag_days = :lag WHERE p.office_id = :office AND p.state = 'open' AND p.lag_days <> :lag {chosen}
"""

_JUDGE = f"""
CREATE TEMPORARY TABLE judged_promise ON COMMIT DROP AS
SELECT p.id, coalesce(paid.yen, 0) AS yen, CASE
    WHEN coalesce(paid.yen, 0) * 100 >= p.amount * p.threshold_percent THEN 'kept'
    WHEN :today <= p.due_on + p.grace_days::integer THEN 'open'
    WHEN coalesce(CAST(:complete_to AS date) < p.due_on + p.grace_days::integer, true)
      AND :today <= p.due_on + p.grace_days::integer + p.lag_days::integer THEN 'open'
    WHEN paid.yen > 0 THEN 'part_kept' ELSE 'broken' END AS state
FROM promise p LEFT JOIN LATERAL ({PAID_IN_TIME}) paid ON true
WHERE p.office_id = :office AND p.state NOT IN ('cancelled', 'superseded') {{chosen}}
"""


def complete_to(session: Session) -> date | None:
    """The last day whose payments are all known to be posted, as the office said with its files of payments."""
    found: date | None = session.scalar(text(COMPLETE_TO), {"office": office_of(session)})
    return found


def settle(session: Session, *, today: date, now: datetime, debtor_ids: Sequence[int] | None = None) -> int:
    """Judges the promises of some debtors (None: of all) that stand; how many changed.

    All money counts: principal, demand fee and late charge, net of reversals, on any debt of the debtor. A change of the office's posting
    lag reaches the promises that are still open.
    """
    office = office_of(session)
    chosen = "" if debtor_ids is None else "AND p.debtor_id = ANY(CAST(:debtors AS bigint[]))"
    among = {} if debtor_ids is None else {"debtors": list(debtor_ids)}
    session.execute(text(_LAG.format(chosen=chosen)), {"office": office, "lag": load_terms(session).posting_lag_days, **among})
    session.execute(text("DROP TABLE IF EXISTS judged_promise"))
    session.execute(text(_JUDGE.format(chosen=chosen)), {"office": office, "today": today, "complete_to": complete_to(session), **among})
    return move_judged(session, now)
