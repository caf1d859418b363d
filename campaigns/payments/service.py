"""Recording payments as the core system posted them: set against debts, promises judged, the work of who has paid withdrawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy.orm import Session

from campaigns.imports.staging import Progress, run, stage
from campaigns.payments import ledger
from campaigns.payments.changes import summary
from campaigns.payments.following import follow, judge_all

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


def _whole(frame: pl.DataFrame) -> pl.DataFrame:
    absent = [pl.lit(None, dtype=kind).alias(name) for name, kind in _OPTIONAL.items() if name not in frame.columns]
    return frame.with_columns(absent).with_columns(
        pl.col("demand_fee").fill_null(0), pl.col("late_charge").fill_null(0), pl.col("is_reversal").fill_null("0")
    )


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


_COLUMNS = """source_ref, is_reversal, debtor_no, tax_code, levy_year, base_year, term, notice_no, debtor_id, debt_id, paid_on, posted_on,
principal, demand_fee, late_charge, status, import_id, recorded_at"""

_INSERT = f"""
INSERT INTO payment (office_id, {_COLUMNS})
SELECT :office, s.source_ref, s.is_reversal, s.debtor_no, s.tax_code, s.levy_year, s.base_year, s.term, s.notice_no, d.id, b.id,
       s.paid_on, s.posted_on, s.principal, s.demand_fee, s.late_charge,
       CASE WHEN s.is_reversal OR b.id IS NULL THEN 'unmatched' ELSE 'matched' END, :import_id, :now
FROM new_payment s LEFT JOIN debtor d ON NOT s.is_reversal AND d.office_id = :office AND d.debtor_no = s.debtor_no
LEFT JOIN debt b ON b.office_id = :office AND b.debtor_id = d.id AND b.tax_code = s.tax_code AND b.levy_year = s.levy_year
  AND b.base_year = s.base_year AND b.term = s.term AND b.notice_no = s.notice_no
ORDER BY s.is_reversal, s.paid_on, s.row
"""

# What the file touched: its new rows, those that learnt their posting day, and the payments and reversals of the same references.
_TOUCHED = """
CREATE TEMPORARY TABLE touched_payment ON COMMIT DROP AS
SELECT p.id, p.source_ref, p.is_reversal, p.debtor_id, p.debt_id, n.is_new FROM (
  SELECT source_ref, true AS is_new FROM new_payment
  UNION SELECT k.source_ref, false FROM known_payment u JOIN payment k ON k.office_id = :office AND k.id = u.id
    WHERE u.is_posted AND NOT u.differs) n
JOIN payment p ON p.office_id = :office AND p.source_ref = n.source_ref
"""

# A reversal belongs where its payment does, whichever of the two came first; one of a payment without a debt is settled here.
_LINK_REVERSALS = """
UPDATE payment r SET status = 'reversal', debtor_id = o.debtor_id, debt_id = o.debt_id
FROM touched_payment t JOIN payment o ON o.office_id = :office AND o.id = t.id AND NOT o.is_reversal
WHERE r.office_id = :office AND r.source_ref = o.source_ref AND r.is_reversal
  AND (r.status, r.debtor_id, r.debt_id) IS DISTINCT FROM ('reversal', o.debtor_id, o.debt_id)
"""
_REVERSE_UNMATCHED = """
UPDATE payment o SET reversed = z.yen, status = CASE WHEN z.yen >= z.total THEN 'reversed' ELSE 'unmatched' END FROM (
  SELECT p.id, p.principal + p.demand_fee + p.late_charge AS total,
         CASE WHEN r.principal + r.demand_fee + r.late_charge = 0 THEN p.principal + p.demand_fee + p.late_charge
              ELSE least(r.principal, p.principal) + least(r.demand_fee, p.demand_fee) + least(r.late_charge, p.late_charge) END AS yen
  FROM touched_payment t JOIN payment p ON p.office_id = :office AND p.id = t.id AND NOT p.is_reversal AND p.debt_id IS NULL
  JOIN payment r ON r.office_id = :office AND r.source_ref = p.source_ref AND r.is_reversal) z
WHERE o.office_id = :office AND o.id = z.id
"""

_PAYING = """
SELECT p.debtor_id, bool_or(t.is_new AND NOT p.is_reversal AND NOT p.is_listed AND p.status <> 'reversed') AS is_news
FROM touched_payment t JOIN payment p ON p.office_id = :office AND p.id = t.id WHERE p.debtor_id IS NOT NULL GROUP BY p.debtor_id
"""

_IS_COMPLETE = "SELECT has_as_of FROM import_file WHERE office_id = :office AND id = CAST(:import_id AS bigint)"


def record(
    session: Session, frames: Iterable[pl.DataFrame], *, import_id: int | None, now: datetime, progress: Progress | None = None
) -> PaymentCounts:
    """Records the rows of a payments file (the `ParsedFile.frame` of its parts), each reference once.

    1. References that are known change nothing (but for a posting day that came later).
    2. Payments are set against their debts in the order they were made; what exceeds the debt is a refund candidate (過誤納).
    3. Reversals undo their payment or a part of it, and wait for it where they come first (`campaigns.payments.ledger`).
    4. The queued work of who paid is withdrawn; debtors who owe nothing any more leave the list, reversals bring them back; promises
       are judged, and all of them where the office said that the file holds all payments made up to a day.

    A payment of an unknown debt is kept as unmatched.
    """
    stage(session, "new_payment", map(_whole, frames), STAGED)
    say = progress or (lambda _step, _done, _total: None)
    say("payments", 0, 0)
    updated, unchanged, refused = _take_known(session)
    created = run(session, _INSERT, now=now, import_id=import_id).rowcount
    if created or updated:
        run(session, _TOUCHED)
        run(session, _LINK_REVERSALS)
        run(session, _REVERSE_UNMATCHED)
        ledger.reckon(session, "SELECT debt_id AS id FROM touched_payment WHERE debt_id IS NOT NULL", now)
        paying = {row.debtor_id: row.is_news for row in run(session, _PAYING)}
        follow(session, list(paying), now, news=[debtor_id for debtor_id, is_news in paying.items() if is_news])
    if run(session, _IS_COMPLETE, import_id=import_id).scalar():
        judge_all(session, now)
    return PaymentCounts(created, updated, unchanged, refused, summary(session))
