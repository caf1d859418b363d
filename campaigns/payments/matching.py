"""Payments that found no debt: matched by themselves when the debt appears, or by hand."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.imports.staging import run
from campaigns.payments import ledger

_SAME_DEBT = """b.office_id = p.office_id AND b.debtor_id = d.id AND b.tax_code = p.tax_code AND b.levy_year = p.levy_year
  AND b.base_year = p.base_year AND b.term = p.term AND b.notice_no = p.notice_no"""

_WAITING = "p.office_id = :office AND p.debt_id IS NULL AND NOT p.is_reversal"

_MATCH = f"""
CREATE TEMPORARY TABLE matched_late ON COMMIT DROP AS
SELECT p.id, d.id AS debtor_id, b.id AS debt_id FROM payment p
JOIN debtor d ON d.office_id = p.office_id AND d.debtor_no = p.debtor_no LEFT JOIN debt b ON {_SAME_DEBT}
WHERE {_WAITING} AND (b.id IS NOT NULL OR p.debtor_id IS DISTINCT FROM d.id)
"""

_SET = """
UPDATE payment p SET debtor_id = m.debtor_id, debt_id = m.debt_id FROM matched_late m WHERE p.office_id = :office AND p.id = m.id
"""


def match_unmatched(session: Session, now: datetime, *, last_full: int | None = None) -> list[int]:
    """Sets payments that waited against debts that are there now; returns the debtors concerned."""
    run(session, "DROP TABLE IF EXISTS matched_late")
    run(session, _MATCH)
    found = sorted(set(run(session, "SELECT debtor_id FROM matched_late").scalars()))
    if found:
        run(session, _SET)
        ledger.reckon(session, "SELECT debt_id AS id FROM matched_late WHERE debt_id IS NOT NULL", now, last_full=last_full)
    return found
