"""履行監視: plans and their instalments follow the payments, many at once, by the rule of `schedule.stand`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.promises.schedule import TRANSITIONS
from campaigns.promises.settle import ITS_REVERSAL, NET_YEN, complete_to
from campaigns.promises.terms import load_terms

_ALLOWED = ", ".join(f"('{before}', '{after}')" for before, more in sorted(TRANSITIONS.items()) for after in sorted({*more, before}))

_MONEY = f"""
CREATE TEMPORARY TABLE plan_money ON COMMIT DROP AS
SELECT m.plan_id, m.paid_on, sum(m.yen) OVER (PARTITION BY m.plan_id ORDER BY m.paid_on) AS total FROM (
  SELECT q.id AS plan_id, y.paid_on, sum({NET_YEN}) AS yen
  FROM instalment_plan q JOIN payment y ON y.office_id = q.office_id AND y.debtor_id = q.debtor_id AND NOT y.is_reversal
    AND y.paid_on >= q.agreed_on
  LEFT JOIN {ITS_REVERSAL}
  WHERE q.office_id = :office AND q.state <> 'ended' {{chosen}} GROUP BY q.id, y.paid_on) m
"""

_STANDING = """
CREATE TEMPORARY TABLE plan_standing ON COMMIT DROP AS
SELECT c.id, c.plan_id, c.due_on, greatest(least(coalesce(p.paid, 0) - (c.owed - c.amount), c.amount), 0) AS paid, CASE
    WHEN s.settled_on <= c.due_on + c.grace_days::integer THEN 'paid'
    WHEN s.settled_on IS NOT NULL THEN 'late'
    WHEN :today <= c.due_on + c.grace_days::integer THEN 'due'
    WHEN coalesce(CAST(:complete_to AS date) < c.due_on + c.grace_days::integer, true)
      AND :today <= c.due_on + c.grace_days::integer + CAST(:lag AS integer) THEN 'due'
    ELSE 'missed' END AS state
FROM (SELECT i.*, q.grace_days, sum(i.amount) OVER (PARTITION BY i.plan_id ORDER BY i.number) AS owed
      FROM instalment i JOIN instalment_plan q ON q.office_id = i.office_id AND q.id = i.plan_id
      WHERE i.office_id = :office AND q.state <> 'ended' {chosen}) c
LEFT JOIN LATERAL (SELECT max(total) AS paid FROM plan_money m WHERE m.plan_id = c.plan_id) p ON true
LEFT JOIN LATERAL (SELECT min(paid_on) AS settled_on FROM plan_money m WHERE m.plan_id = c.plan_id AND m.total >= c.owed) s ON true
"""

_INSTALMENTS = """
UPDATE instalment i SET paid = s.paid, state = s.state FROM plan_standing s
WHERE i.office_id = :office AND i.id = s.id AND (i.paid, i.state) IS DISTINCT FROM (s.paid, s.state)
"""

_PLANS = f"""
UPDATE instalment_plan q SET state = t.state, missed = t.missed, paid = t.paid, next_due_on = t.next_due_on, updated_at = :now
FROM (
  SELECT s.plan_id, sum(s.paid) AS paid, count(*) FILTER (WHERE s.state IN ('missed', 'late')) AS missed,
         min(s.due_on) FILTER (WHERE s.state IN ('due', 'missed')) AS next_due_on,
         CASE WHEN bool_and(s.state IN ('paid', 'late')) THEN 'completed'
              WHEN count(*) FILTER (WHERE s.state = 'missed') > min(p.allowed_misses) THEN 'broken' ELSE 'good_standing' END AS state
  FROM plan_standing s JOIN instalment_plan p ON p.office_id = :office AND p.id = s.plan_id GROUP BY s.plan_id) t
WHERE q.office_id = :office AND q.id = t.plan_id AND (q.state, t.state) IN ({_ALLOWED})
  AND (q.state, q.missed, q.paid, q.next_due_on) IS DISTINCT FROM (t.state, t.missed, t.paid, t.next_due_on)
"""


def monitor(session: Session, *, today: date, now: datetime, debtor_ids: Sequence[int] | None = None) -> int:
    """Judges the plans of some debtors (None: of all) that an officer has not ended; how many changed.

    What a debtor paid since the agreement counts, on any debt, net of reversals. A broken plan no longer holds back contact: the gate and
    the rules ask for good standing.
    """
    chosen = "" if debtor_ids is None else "AND q.debtor_id = ANY(CAST(:debtors AS bigint[]))"
    facts = {"office": office_of(session), "today": today, "now": now, "debtors": list(debtor_ids or ())}
    facts |= {"lag": load_terms(session).posting_lag_days, "complete_to": complete_to(session)}
    session.execute(text("DROP TABLE IF EXISTS plan_money, plan_standing"))
    changed = 0
    for statement in (_MONEY, _STANDING, _INSTALMENTS, _PLANS):
        ready = statement.replace("{chosen}", chosen)
        wanted = {name: value for name, value in facts.items() if f":{name}" in ready}
        changed = int(session.execute(text(ready), wanted).rowcount)  # type: ignore[attr-defined]
    return changed
