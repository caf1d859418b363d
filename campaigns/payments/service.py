"""Recording payments as the core system posted them: set against debts, promises judged, the work of who has paid withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from campaigns.debtors.service import refresh_listed
from campaigns.imports.staging import Progress, run, stage
from campaigns.payments.changes import summary
from campaigns.promises.settle import settle

STAGED: Mapping[str, str] = {
    "row": "integer",
    "debtor_no": "text",
    "tax_code": "text",
    "levy_year": "smallint",
    "base_year": "smallint",
    "term": "smallint",
    "notice_no": "text",
    "paid_on": "date",
    "posted_on": "date",
    "principal": "bigint",
    "demand_fee": "bigint",
    "late_charge": "bigint",
    "source_ref": "text",
    "is_reversal": "boolean",
}
_OPTIONAL = {"posted_on": pl.Date, "demand_fee": pl.Int64, "late_charge": pl.Int64, "is_reversal": pl.String}
_FACTS = ("debtor_no", "tax_code", "levy_year", "base_year", "term", "notice_no", "paid_on", "principal")


@dataclass(frozen=True, slots=True)
class PaymentCounts:
    """Rows of a payments file by what they did; `refused` are rows whose reference is known with other contents.

    `changes` is as in `ImportFile.changes`.
    """

    created: int
    updated: int
    unchanged: int
    refused: tuple[int, ...]
    changes: dict[str, Any] = field(default_factory=dict)


def _stage_payments(session: Session, frame: pl.DataFrame, progress: Progress | None) -> None:
    absent = [pl.lit(None, dtype=kind).alias(name) for name, kind in _OPTIONAL.items() if name not in frame.columns]
    whole = frame.with_columns(absent).with_columns(
        pl.col("demand_fee").fill_null(0), pl.col("late_charge").fill_null(0), pl.col("is_reversal").fill_null("0")
    )
    stage(session, "new_payment", whole, STAGED, progress)


def _take_known(session: Session) -> tuple[int, int, tuple[int, ...]]:
    """Takes rows whose reference is known out of the staged ones: posted later (updated), the same, or in conflict (row numbers)."""
    own, given = ", ".join(f"p.{name}" for name in _FACTS), ", ".join(f"s.{name}" for name in _FACTS)
    run(
        session,
        f"""CREATE TEMPORARY TABLE known_payment ON COMMIT DROP AS
            SELECT s.row, p.id, s.posted_on, p.posted_on AS was_posted_on,
                   ({own}, p.demand_fee, p.late_charge) IS DISTINCT FROM ({given}, s.demand_fee, s.late_charge)
                   AS differs, s.posted_on IS NOT NULL AND p.posted_on IS DISTINCT FROM s.posted_on AS is_posted
            FROM new_payment s JOIN payment p ON p.office_id = :office AND p.source_ref = s.source_ref AND p.is_reversal = s.is_reversal""",
    )
    run(session, "DELETE FROM new_payment s USING known_payment k WHERE k.row = s.row")
    updated = run(
        session,
        """UPDATE payment p SET posted_on = k.posted_on FROM known_payment k
           WHERE p.office_id = :office AND p.id = k.id AND k.is_posted AND NOT k.differs""",
    ).rowcount
    refused = tuple(run(session, "SELECT row FROM known_payment WHERE differs ORDER BY row").scalars())
    known = int(run(session, "SELECT count(*) FROM known_payment").scalar_one())
    return updated, known - updated - len(refused), refused


# A list whose date the office gave already holds what was posted before that date; setting such a payment against it again would count it
# twice (the usual case: the history of a year loaded when an office moves in).
_LISTED_UNTIL = """
SELECT max(as_of) FROM import_file WHERE office_id = :office AND kind = 'debts' AND status = 'done' AND has_as_of AND NOT is_dry_run
"""

_MATCH = """
CREATE TEMPORARY TABLE matched_payment ON COMMIT DROP AS
SELECT m.*, CASE WHEN m.debt_id IS NULL OR m.is_listed OR m.is_reversed THEN 0
                 ELSE greatest(least(m.principal, m.outstanding - m.before), 0) END AS applied
FROM (
    SELECT s.*, d.id AS debtor_id, b.id AS debt_id, b.outstanding, r.is_reversed,
           coalesce(s.posted_on < CAST(:listed_until AS date), false) AS is_listed,
           coalesce(sum(s.principal) FILTER (WHERE NOT coalesce(s.posted_on < CAST(:listed_until AS date), false) AND NOT r.is_reversed)
             OVER (PARTITION BY b.id ORDER BY s.paid_on, s.row ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM new_payment s
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM payment z WHERE z.office_id = :office AND z.source_ref = s.source_ref AND z.is_reversal)
                        AS is_reversed) r
    LEFT JOIN debtor d ON d.office_id = :office AND d.debtor_no = s.debtor_no
    LEFT JOIN debt b ON b.office_id = :office AND b.debtor_id = d.id AND b.tax_code = s.tax_code AND b.levy_year = s.levy_year
      AND b.base_year = s.base_year AND b.term = s.term AND b.notice_no = s.notice_no
    WHERE NOT s.is_reversal
) m
"""

_COLUMNS = """source_ref, is_reversal, debtor_no, tax_code, levy_year, base_year, term, notice_no, debtor_id, debt_id, paid_on, posted_on,
principal, demand_fee, late_charge, refund, status, import_id, recorded_at"""

_INSERT = f"""
INSERT INTO payment (office_id, {_COLUMNS})
SELECT :office, source_ref, false, debtor_no, tax_code, levy_year, base_year, term, notice_no, debtor_id, debt_id, paid_on, posted_on,
       principal, demand_fee, late_charge, CASE WHEN debt_id IS NULL OR is_listed OR is_reversed THEN 0 ELSE principal - applied END,
       CASE WHEN is_reversed THEN 'reversed' WHEN debt_id IS NULL THEN 'unmatched' ELSE 'matched' END, :import_id, :now
FROM matched_payment
"""

_ALLOCATE = """
INSERT INTO allocation (office_id, payment_id, debt_id, principal, at)
SELECT :office, p.id, m.debt_id, m.applied, :now FROM matched_payment m
JOIN payment p ON p.office_id = :office AND p.source_ref = m.source_ref AND NOT p.is_reversal WHERE m.applied > 0
"""

_REDUCE = """
UPDATE debt b SET outstanding = b.outstanding - t.applied, received = b.received + t.applied,
       refund_candidate = b.refund_candidate + t.refund,
       status = CASE WHEN b.status = 'open' AND b.outstanding = t.applied THEN 'settled' ELSE b.status END,
       closed_at = CASE WHEN b.status = 'open' AND b.outstanding = t.applied THEN :now ELSE b.closed_at END, updated_at = :now
FROM (SELECT debt_id, sum(applied) AS applied, sum(principal - applied) AS refund FROM matched_payment
      WHERE debt_id IS NOT NULL AND NOT is_listed AND NOT is_reversed GROUP BY debt_id) t
WHERE b.office_id = :office AND b.id = t.debt_id
"""

_MATCH_REVERSALS = """
CREATE TEMPORARY TABLE reversal ON COMMIT DROP AS
SELECT s.*, o.id AS original_id, o.debtor_id, o.debt_id, o.refund, coalesce(a.yen, 0) AS applied
FROM new_payment s
LEFT JOIN payment o ON o.office_id = :office AND o.source_ref = s.source_ref AND NOT o.is_reversal AND o.status <> 'reversed'
LEFT JOIN LATERAL (SELECT sum(principal) AS yen FROM allocation a WHERE a.office_id = :office AND a.payment_id = o.id) a ON true
WHERE s.is_reversal
"""

# A reversal posted after the list of a payment that the list already held: the list's amounts rise by it.
_REVERSE_LISTED = """
UPDATE reversal r SET applied = least(o.principal, b.received) FROM payment o, debt b
WHERE o.office_id = :office AND o.id = r.original_id AND b.office_id = :office AND b.id = o.debt_id AND r.applied = 0 AND o.refund = 0
  AND o.posted_on < CAST(:listed_until AS date) AND coalesce(r.posted_on >= CAST(:listed_until AS date), true)
"""

_INSERT_REVERSALS = f"""
INSERT INTO payment (office_id, {_COLUMNS})
SELECT :office, source_ref, true, debtor_no, tax_code, levy_year, base_year, term, notice_no, debtor_id, debt_id, paid_on, posted_on,
       principal, demand_fee, late_charge, 0, CASE WHEN original_id IS NULL THEN 'unmatched' ELSE 'reversal' END, :import_id, :now
FROM reversal
"""

_ALLOCATE_REVERSALS = """
INSERT INTO allocation (office_id, payment_id, debt_id, principal, at)
SELECT :office, p.id, r.debt_id, -r.applied, :now FROM reversal r
JOIN payment p ON p.office_id = :office AND p.source_ref = r.source_ref AND p.is_reversal WHERE r.applied > 0
"""

_RAISE = """
UPDATE debt b SET outstanding = b.outstanding + t.applied, received = greatest(b.received - t.applied, 0),
       refund_candidate = greatest(b.refund_candidate - t.refund, 0), updated_at = :now,
       status = CASE WHEN b.status = 'settled' AND b.outstanding + t.applied > 0 THEN 'open' ELSE b.status END,
       closed_at = CASE WHEN b.status = 'settled' AND b.outstanding + t.applied > 0 THEN NULL ELSE b.closed_at END
FROM (SELECT debt_id, sum(applied) AS applied, sum(refund) AS refund FROM reversal WHERE debt_id IS NOT NULL GROUP BY debt_id) t
WHERE b.office_id = :office AND b.id = t.debt_id
"""

_MARK_REVERSED = """
UPDATE payment o SET status = 'reversed', refund = 0 FROM reversal r WHERE o.office_id = :office AND o.id = r.original_id
"""

_PAID = (_MATCH, _INSERT, _ALLOCATE, _REDUCE)
_REVERSED = (_MATCH_REVERSALS, _REVERSE_LISTED, _INSERT_REVERSALS, _ALLOCATE_REVERSALS, _RAISE, _MARK_REVERSED)


def record(
    session: Session, frame: pl.DataFrame, *, import_id: int | None, now: datetime, progress: Progress | None = None
) -> PaymentCounts:
    """Records the rows of a payments file (`ParsedFile.frame`), each reference once.

    1. References that are known change nothing (but for a posting day that came later).
    2. Payments are set against their debts in the order they were made; what exceeds the debt is a refund candidate (過誤納).
    3. Reversals undo their payment.
    4. Debtors who owe nothing any more leave the list and their ready work is withdrawn; promises are judged.

    A payment of an unknown debt is kept as unmatched.
    """
    _stage_payments(session, frame, progress)
    updated, unchanged, refused = _take_known(session)
    facts = {"now": now, "import_id": import_id, "listed_until": run(session, _LISTED_UNTIL).scalar()}
    created = int(run(session, "SELECT count(*) FROM new_payment").scalar_one())
    for statement in (*_PAID, *_REVERSED):
        run(session, statement, **facts)
    if created:
        _after(session, now)
    return PaymentCounts(created, updated, unchanged, refused, summary(session))


def _after(session: Session, now: datetime) -> None:
    """What follows new payments: settled debtors leave the list, promises are judged."""
    refresh_listed(session, now, "paid")
    paying = run(
        session,
        """SELECT debtor_id FROM matched_payment WHERE debtor_id IS NOT NULL
           UNION SELECT debtor_id FROM reversal WHERE debtor_id IS NOT NULL""",
    )
    settle(session, today=local_day(now), now=now, debtor_ids=list(paying.scalars()))
