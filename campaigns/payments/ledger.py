"""What is left of debts after their payments: worked out anew from the list's amounts and all payments, whatever came in which order.

A debt's list tells what was owed on the list's date. A payment posted before that date is inside those amounts; one posted on or after
it is not (nor one that came after a list whose date nobody gave), and is set against what the list told, oldest payment first. What
exceeds the debt is a refund candidate (過誤納). A reversal undoes its payment, or a part of it; where the list had counted the payment
but not the reversal, the debt rises again.

1. `ledger_base`: what the list told, per debt: by `of_debts` from the debts themselves, or by `campaigns.payments.listing` from a list
   that is just being merged.
2. `flow`: `ledger_line`, the payments with what of each counts, and `ledger_sum`, what each debt comes to.
3. `write`: payments, allocations and debts brought in line; rows that are right already are not touched.

The tables are temporary and of the caller's transaction; each function works on all debts of `ledger_base` at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.imports.staging import run

TABLES = "ledger_debt, ledger_base, ledger_line, ledger_sum"

# The last full list; loaded again, the same file changes nothing, so it is the first of those that count.
_LAST_FULL = """
WITH full_list AS (
  SELECT id, sha256 FROM import_file
  WHERE office_id = :office AND kind = 'debts' AND mode = 'full' AND status = 'done' AND NOT is_dry_run),
newest AS (SELECT sha256 FROM full_list ORDER BY id DESC LIMIT 1)
SELECT min(f.id) FROM full_list f JOIN newest n ON n.sha256 = f.sha256
WHERE f.id > coalesce((SELECT max(o.id) FROM full_list o, newest WHERE o.sha256 <> newest.sha256), 0)
"""

# An unchanged row of a list does not touch its debt: an open debt's amounts are those of the last full list, unless a later one told it.
_BASE_OF_DEBTS = """
CREATE TEMPORARY TABLE ledger_base ON COMMIT DROP AS
SELECT b.id AS debt_id, coalesce(b.listed_outstanding, b.outstanding) AS owed, coalesce(b.listed_received, b.received) AS received,
       b.assessed, f.id AS list_id, f.as_of, coalesce(NOT f.has_as_of, true) AS is_later_counted, z.as_of AS closed_as_of
FROM (SELECT DISTINCT id FROM ledger_debt) t JOIN debt b ON b.office_id = :office AND b.id = t.id
LEFT JOIN import_file f ON f.office_id = :office AND f.id = coalesce(b.listed_by,
  CASE WHEN b.status = 'open' THEN greatest(b.list_import_id, CAST(:last_full AS bigint)) ELSE b.list_import_id END)
LEFT JOIN import_file z ON b.status = 'not_listed' AND z.office_id = :office AND z.id = b.list_import_id
"""

_POSTED = "coalesce({0}.posted_on, ({0}.recorded_at AT TIME ZONE 'Asia/Tokyo')::date)"


def _counts(payment: str) -> str:
    """Whether the amounts of the debt's list do not hold a payment yet."""
    posted = _POSTED.format(payment)
    return f"(b.as_of IS NULL OR {posted} >= b.as_of OR b.is_later_counted AND coalesce({payment}.import_id > b.list_id, true))"


def _back(column: str) -> str:
    """What of a payment's column its reversal takes back; a reversal that names no amount means all of it."""
    return f"""CASE WHEN r.id IS NULL THEN 0 WHEN r.principal + r.demand_fee + r.late_charge = 0 THEN p.{column}
      ELSE least(r.{column}, p.{column}) END"""


_LINES = f"""
CREATE TEMPORARY TABLE ledger_line ON COMMIT DROP AS
WITH known AS (
  SELECT p.id, p.debt_id, p.paid_on, p.principal, p.demand_fee, p.late_charge, r.id AS reversal_id, b.owed, b.assessed,
         {_counts("p")} AS is_counted, r.id IS NOT NULL AND ({_counts("p")} OR {_counts("r")}) AS is_back_counted,
         coalesce({_POSTED.format("r")} >= b.closed_as_of, false) AS is_revived,
         {_back("principal")} AS back, {_back("demand_fee")} AS back_fee, {_back("late_charge")} AS back_charge
  FROM ledger_base b JOIN payment p ON p.office_id = :office AND p.debt_id = b.debt_id AND NOT p.is_reversal
  LEFT JOIN payment r ON r.office_id = :office AND r.source_ref = p.source_ref AND r.is_reversal),
asked AS (
  SELECT k.*, CASE WHEN is_counted THEN principal - back ELSE 0 END AS net,
         CASE WHEN is_back_counted AND NOT is_counted THEN back ELSE 0 END AS wanted FROM known k),
raised AS (
  SELECT a.*, CASE WHEN assessed = 0 THEN wanted ELSE greatest(least(wanted, assessed - owed - coalesce(sum(wanted) OVER (
    PARTITION BY debt_id ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)), 0) END AS raised FROM asked a),
owing AS (SELECT r.*, owed + sum(raised) OVER (PARTITION BY debt_id) AS owing FROM raised r)
SELECT o.*, greatest(least(net, owing - coalesce(sum(net) OVER (
  PARTITION BY debt_id ORDER BY paid_on, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)), 0) AS applied FROM owing o
"""

_SUMS = """
CREATE TEMPORARY TABLE ledger_sum ON COMMIT DROP AS
SELECT b.*, b.owed + s.raised - s.applied AS outstanding, greatest(b.received - s.raised + s.applied, 0) AS received_now,
       s.refund, s.is_changed, s.is_revived
FROM ledger_base b JOIN (
  SELECT debt_id, coalesce(sum(raised), 0) AS raised, coalesce(sum(applied), 0) AS applied, coalesce(sum(net - applied), 0) AS refund,
         bool_or(is_counted OR is_back_counted) AS is_changed, bool_or(is_revived) AS is_revived
  FROM ledger_line GROUP BY debt_id) s ON s.debt_id = b.debt_id
"""

_PAYMENTS = """
UPDATE payment p SET status = t.status, is_listed = t.is_listed, refund = t.refund, reversed = t.reversed FROM (
  SELECT id, CASE WHEN reversal_id IS NOT NULL AND back + back_fee + back_charge >= principal + demand_fee + late_charge
                  THEN 'reversed' ELSE 'matched' END AS status,
         NOT is_counted AS is_listed, net - applied AS refund, back + back_fee + back_charge AS reversed FROM ledger_line) t
WHERE p.office_id = :office AND p.id = t.id
  AND (p.status, p.is_listed, p.refund, p.reversed) IS DISTINCT FROM (t.status, t.is_listed, t.refund, t.reversed)
"""

_REVERSALS = """
UPDATE payment r SET status = 'reversal', debtor_id = o.debtor_id, debt_id = o.debt_id, is_listed = NOT l.is_back_counted
FROM ledger_line l JOIN payment o ON o.office_id = :office AND o.id = l.id
WHERE r.office_id = :office AND r.id = l.reversal_id
  AND (r.status, r.debtor_id, r.debt_id, r.is_listed) IS DISTINCT FROM ('reversal', o.debtor_id, o.debt_id, NOT l.is_back_counted)
"""

_STANDING = """
CREATE TEMPORARY TABLE ledger_standing ON COMMIT DROP AS
SELECT id AS payment_id, debt_id, applied AS principal, demand_fee - back_fee AS demand_fee, late_charge - back_charge AS late_charge
FROM ledger_line WHERE is_counted AND applied + demand_fee - back_fee + late_charge - back_charge > 0
UNION ALL
SELECT reversal_id, debt_id, -raised, -back_fee, -back_charge
FROM ledger_line WHERE is_back_counted AND NOT is_counted AND raised + back_fee + back_charge > 0
"""

_DROP_ALLOCATIONS = """
DELETE FROM allocation a USING ledger_base b WHERE a.office_id = :office AND a.debt_id = b.debt_id
  AND NOT EXISTS (SELECT FROM ledger_standing s WHERE s.payment_id = a.payment_id AND s.debt_id = a.debt_id)
"""

_ALLOCATE = """
INSERT INTO allocation (office_id, payment_id, debt_id, principal, demand_fee, late_charge, at)
SELECT :office, payment_id, debt_id, principal, demand_fee, late_charge, :now FROM ledger_standing
ON CONFLICT (office_id, payment_id, debt_id) DO UPDATE SET principal = excluded.principal, demand_fee = excluded.demand_fee,
  late_charge = excluded.late_charge, at = excluded.at
WHERE (allocation.principal, allocation.demand_fee, allocation.late_charge)
      IS DISTINCT FROM (excluded.principal, excluded.demand_fee, excluded.late_charge)
"""

# A debt that a list no longer held stays so, unless a reversal since that list tells why it is owed after all.
_DEBTS = """
UPDATE debt b SET outstanding = t.outstanding, received = t.received_now, refund_candidate = t.refund, status = t.status,
       closed_at = CASE WHEN t.status = 'open' THEN NULL ELSE coalesce(b.closed_at, :now) END, updated_at = :now,
       listed_outstanding = t.listed_outstanding, listed_received = t.listed_received, listed_by = t.listed_by
FROM (
  SELECT k.*, CASE WHEN is_kept THEN owed END AS listed_outstanding, CASE WHEN is_kept THEN received END AS listed_received,
         CASE WHEN is_kept THEN list_id END AS listed_by,
         CASE WHEN outstanding = 0 THEN 'settled' WHEN is_closed AND NOT is_revived THEN 'not_listed' ELSE 'open' END AS status
  FROM (SELECT s.*, d.status = 'not_listed' AS is_closed, s.is_changed OR d.status = 'not_listed' AS is_kept
        FROM ledger_sum s JOIN debt d ON d.office_id = :office AND d.id = s.debt_id) k) t
WHERE b.office_id = :office AND b.id = t.debt_id
  AND (b.outstanding, b.received, b.refund_candidate, b.status, b.listed_outstanding, b.listed_received, b.listed_by) IS DISTINCT FROM
      (t.outstanding, t.received_now, t.refund, t.status, t.listed_outstanding, t.listed_received, t.listed_by)
"""

# A debt from which its only payment was taken away goes back to what its list told.
_FREED = """
UPDATE debt b SET outstanding = s.owed, received = s.received, refund_candidate = 0, listed_outstanding = NULL, listed_received = NULL,
       listed_by = NULL, updated_at = :now,
       status = CASE WHEN s.owed = 0 THEN 'settled' WHEN b.status = 'settled' THEN 'open' ELSE b.status END,
       closed_at = CASE WHEN s.owed > 0 AND b.status = 'settled' THEN NULL ELSE b.closed_at END
FROM ledger_base s WHERE b.office_id = :office AND b.id = s.debt_id AND b.listed_outstanding IS NOT NULL
  AND NOT EXISTS (SELECT FROM ledger_line l WHERE l.debt_id = s.debt_id)
"""


def begin(session: Session) -> None:
    """Forgets what an earlier reckoning in this transaction left."""
    run(session, f"DROP TABLE IF EXISTS {TABLES}, ledger_standing")


def last_full_list(session: Session) -> int | None:
    """The import of the last full list that is done: an open debt's amounts are no older."""
    found: int | None = run(session, _LAST_FULL).scalar()
    return found


def of_debts(session: Session, debts: str, *, last_full: int | None = None, **facts: object) -> None:
    """Fills `ledger_base` with the debts whose ids the statement `debts` selects as `id`.

    Args:
        last_full: a full list that is being merged and not done yet.
    """
    begin(session)
    run(session, f"CREATE TEMPORARY TABLE ledger_debt ON COMMIT DROP AS {debts}", **facts)
    run(session, _BASE_OF_DEBTS, last_full=last_full if last_full is not None else last_full_list(session))


def flow(session: Session) -> None:
    """Works out what of each payment counts and what each debt comes to."""
    run(session, _LINES)
    run(session, _SUMS)


def write(session: Session, now: datetime) -> None:
    """Brings payments, allocations and debts in line with what was worked out."""
    run(session, _PAYMENTS)
    run(session, _REVERSALS)
    run(session, _STANDING)
    run(session, _DROP_ALLOCATIONS)
    run(session, _ALLOCATE, now=now)
    run(session, _DEBTS, now=now)
    run(session, _FREED, now=now)


def reckon(session: Session, debts: str, now: datetime, *, last_full: int | None = None, **facts: object) -> None:
    """All of it for the debts that the statement `debts` selects as `id`."""
    of_debts(session, debts, last_full=last_full, **facts)
    flow(session)
    write(session, now)


def reckon_ids(session: Session, debt_ids: Iterable[int], now: datetime) -> None:
    """The same for some debts by their ids."""
    reckon(session, "SELECT unnest(CAST(:ids AS bigint[])) AS id", now, ids=list(debt_ids))
