"""Whether a promise to pay was kept: the rule, and the statement that applies it to many at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of


def judge(*, amount: int, paid: int, due_on: date, grace_days: int, threshold_percent: int, today: date) -> str:
    """The state a promise is in.

    Args:
        amount, paid: whole yen promised, and paid from the promise to its date plus grace.
        threshold_percent: share of the amount that counts as kept.

    Returns:
        kept as soon as enough is paid; after date plus grace part_kept or broken; before that open. A payment posted late but made in
        time (postings lag by one to two weeks) turns broken into kept.
    """
    if paid * 100 >= amount * threshold_percent:
        return "kept"
    if today <= due_on + timedelta(days=grace_days):
        return "open"
    return "part_kept" if paid > 0 else "broken"


_SETTLE = """
WITH paid AS (
    SELECT p.id, coalesce(sum(y.principal + y.demand_fee + y.late_charge), 0) AS yen
    FROM promise p LEFT JOIN payment y ON y.office_id = p.office_id AND y.debtor_id = p.debtor_id AND NOT y.is_reversal
      AND y.status <> 'reversed' AND y.paid_on BETWEEN p.made_on AND p.due_on + p.grace_days::integer
    WHERE p.office_id = :office AND p.state <> 'cancelled' {chosen}
    GROUP BY p.id),
judged AS (
    SELECT p.id, paid.yen, CASE
        WHEN paid.yen * 100 >= p.amount * p.threshold_percent THEN 'kept'
        WHEN :today <= p.due_on + p.grace_days::integer THEN 'open'
        WHEN paid.yen > 0 THEN 'part_kept' ELSE 'broken' END AS state
    FROM promise p JOIN paid ON paid.id = p.id WHERE p.office_id = :office)
UPDATE promise p SET state = j.state, paid = j.yen, settled_at = CASE WHEN j.state = 'open' THEN NULL ELSE :now END
FROM judged j WHERE p.office_id = :office AND p.id = j.id AND (p.state, p.paid) IS DISTINCT FROM (j.state, j.yen)
"""


def settle(session: Session, *, today: date, now: datetime, debtor_ids: Sequence[int] | None = None) -> int:
    """Judges the promises of some debtors (None: of all that are not cancelled) by what has been paid; how many changed.

    The same rule as `judge`; all money counts: principal, demand fee and late charge, net of reversals, on any debt of the debtor.
    """
    chosen = "" if debtor_ids is None else "AND p.debtor_id = ANY(CAST(:debtors AS bigint[]))"
    facts = {"office": office_of(session), "today": today, "now": now, "debtors": list(debtor_ids or ())}
    if debtor_ids is None:
        del facts["debtors"]
    return int(session.execute(text(_SETTLE.format(chosen=chosen)), facts).rowcount)  # type: ignore[attr-defined]
