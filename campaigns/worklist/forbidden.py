"""Taking back queued work of debtors who must not be contacted any more, whatever made it so, in one statement each for many.

The gate asks again before each contact; this keeps what it would refuse for good out of the queues.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of

_REASON = """
SELECT CASE WHEN d.do_not_contact THEN 'do_not_contact' WHEN NOT d.is_listed THEN 'settled'
            WHEN EXISTS (SELECT FROM debt b WHERE b.office_id = :office AND b.debtor_id = d.id AND b.status = 'open' AND b.hold <> 0)
              THEN 'hold'
            WHEN EXISTS (SELECT FROM suppression s WHERE s.office_id = :office AND s.debtor_id = d.id AND s.reason <> 'wished_time'
              AND (s.channel IS NULL OR s.channel = {channel}) AND s.lifted_at IS NULL AND s.starts_at <= :now
              AND (s.ends_at IS NULL OR s.ends_at > greatest({moment}, :now))) THEN 'suppressed' END AS reason
FROM debtor d WHERE d.office_id = :office AND d.id = {debtor}
"""
_ITEMS = f"""
UPDATE work_item w SET state = 'withdrawn', reason = f.reason, updated_at = :now FROM (
  SELECT i.id, r.reason FROM work_item i
  CROSS JOIN LATERAL ({_REASON.format(debtor="i.debtor_id", channel="i.channel", moment="i.not_before")}) r
  WHERE i.office_id = :office AND i.state = 'ready' AND r.reason IS NOT NULL) f
WHERE w.office_id = :office AND w.id = f.id
"""
_MESSAGES = f"""
UPDATE message m SET state = 'withdrawn', reason = f.reason, updated_at = :now FROM (
  SELECT i.id, r.reason FROM message i CROSS JOIN LATERAL ({_REASON.format(debtor="i.debtor_id", channel="'sms'", moment=":now")}) r
  WHERE i.office_id = :office AND i.state = 'ready' AND r.reason IS NOT NULL) f
WHERE m.office_id = :office AND m.id = f.id
"""


def withdraw_forbidden(session: Session, now: datetime) -> int:
    """Withdraws ready items and messages of debtors who owe nothing, are held, not to be contacted or suppressed; returns how many.

    What is claimed or under way is left to the gate and to whoever holds it.
    """
    facts = {"office": office_of(session), "now": now}
    withdrawn = 0
    for statement in (_ITEMS, _MESSAGES):
        done: CursorResult[Any] = session.execute(text(statement), facts)  # type: ignore[assignment]
        withdrawn += done.rowcount
    return withdrawn
