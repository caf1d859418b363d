"""What of the payments needs people: unmatched ones, refund candidates, files and days; and a summary for other pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.promises.settle import complete_to

LARGEST_CSV = 100_000


class Why(StrEnum):
    """Why a payment is unmatched: nobody of that number, no such debt, or a reversal whose payment has not come."""

    DEBTOR = "debtor"
    DEBT = "debt"
    REVERSAL = "reversal"


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show: one reason, what has stood for at least so many days, one tax."""

    why: Why | None = None
    days: int = 0
    tax_code: str = ""


@dataclass(frozen=True, slots=True)
class PaymentQuality:
    """The state of the office's payments at a glance; `oldest_days` since the oldest unmatched one was posted, None without any.

    `complete_to` is the day to which postings are known to be complete, `last_file_at` when the last file of payments was taken.
    """

    unmatched: int
    unmatched_yen: int
    unknown_debtors: int
    unknown_debts: int
    lone_reversals: int
    oldest_days: int | None
    refunds: int
    refund_yen: int
    assigned: int
    waiting_promises: int
    complete_to: date | None
    last_file_at: datetime | None
    last_posted_on: date | None

    @property
    def open_tasks(self) -> int:
        """What somebody has to look at."""
        return self.unmatched + self.refunds


_POSTED = "coalesce(p.posted_on, (p.recorded_at AT TIME ZONE 'Asia/Tokyo')::date)"
_WHY = "CASE WHEN p.is_reversal THEN 'reversal' WHEN p.debtor_id IS NULL THEN 'debtor' ELSE 'debt' END"
_YEN = "(p.principal + p.demand_fee + p.late_charge - p.reversed)"
_FACTS = f"""p.id, p.source_ref, p.debtor_no, p.tax_code, p.levy_year, p.base_year, p.term, p.notice_no, p.paid_on, p.posted_on,
  p.debtor_id, p.debt_id, p.principal, p.refund, {_YEN} AS yen, CAST(:today AS date) - {_POSTED} AS days"""

_SUMMARY = f"""
SELECT count(*) FILTER (WHERE status = 'unmatched') AS unmatched,
       coalesce(sum({_YEN}) FILTER (WHERE status = 'unmatched' AND NOT is_reversal), 0) AS unmatched_yen,
       count(*) FILTER (WHERE status = 'unmatched' AND {_WHY} = 'debtor') AS unknown_debtors,
       count(*) FILTER (WHERE status = 'unmatched' AND {_WHY} = 'debt') AS unknown_debts,
       count(*) FILTER (WHERE status = 'unmatched' AND is_reversal) AS lone_reversals,
       CAST(:today AS date) - min({_POSTED}) FILTER (WHERE status = 'unmatched') AS oldest_days,
       count(*) FILTER (WHERE refund > 0) AS refunds, coalesce(sum(refund), 0) AS refund_yen,
       count(*) FILTER (WHERE assigned_at IS NOT NULL) AS assigned
FROM payment p WHERE office_id = :office AND (status = 'unmatched' OR refund > 0 OR assigned_at IS NOT NULL)
"""
_WAITING = """
SELECT count(*) FROM promise WHERE office_id = :office AND state = 'open' AND due_on + grace_days < CAST(:today AS date)
"""
_LAST_FILE = """
SELECT max(finished_at) FROM import_file WHERE office_id = :office AND kind = 'payments' AND status = 'done' AND NOT is_dry_run
"""
_LAST_POSTED = "SELECT max(posted_on) FROM payment WHERE office_id = :office"

_FILES = """
SELECT f.id, f.original_name, f.created_at, f.finished_at, f.status, f.rows, f.created, f.rejected, f.as_of, f.has_as_of,
       coalesce(n.yen, 0) AS yen, coalesce(n.unmatched, 0) AS unmatched, coalesce(n.refunds, 0) AS refunds, n.first_paid, n.last_paid
FROM import_file f LEFT JOIN LATERAL (
  SELECT sum(principal + demand_fee + late_charge) FILTER (WHERE NOT is_reversal)
         - coalesce(sum(principal + demand_fee + late_charge) FILTER (WHERE is_reversal), 0) AS yen,
         count(*) FILTER (WHERE status = 'unmatched') AS unmatched, count(*) FILTER (WHERE refund > 0) AS refunds,
         min(paid_on) AS first_paid, max(paid_on) AS last_paid
  FROM payment p WHERE p.office_id = f.office_id AND p.import_id = f.id) n ON true
WHERE f.office_id = :office AND f.kind = 'payments' AND NOT f.is_dry_run ORDER BY f.id DESC OFFSET :start LIMIT :count
"""
_DAYS = """
SELECT d::date AS day, coalesce(sum(p.principal + p.demand_fee + p.late_charge), 0) AS yen, count(p.id) AS payments
FROM generate_series(CAST(:first AS date), CAST(:last AS date), interval '1 day') d
LEFT JOIN payment p ON p.office_id = :office AND p.posted_on = d::date AND NOT p.is_reversal AND p.status <> 'reversed'
GROUP BY 1 ORDER BY 1
"""


def _ask(session: Session, statement: str, **facts: Any) -> Sequence[RowMapping]:
    return session.execute(text(statement), {"office": office_of(session), **facts}).mappings().all()


def summary(session: Session, today: date) -> PaymentQuality:
    """The state of this office's payments."""
    (counts,) = _ask(session, _SUMMARY, today=today)
    (waiting,), (file,), (posted,) = (_ask(session, sql, today=today) for sql in (_WAITING, _LAST_FILE, _LAST_POSTED))
    return PaymentQuality(
        **dict(counts),
        waiting_promises=waiting["count"],
        complete_to=complete_to(session),
        last_file_at=file["max"],
        last_posted_on=posted["max"],
    )


def _page(session: Session, which: str, order: str, facts: Mapping[str, Any], start: int, count: int) -> tuple[Sequence[RowMapping], int]:
    total = _ask(session, f"SELECT count(*) FROM payment p WHERE p.office_id = :office AND {which}", **facts)[0]["count"]
    rows = _ask(
        session,
        f"""SELECT {_FACTS}, {_WHY} AS why, d.id AS shown_debtor_id, d.debtor_no AS shown_debtor_no, b.tax_name, b.status AS debt_status
            FROM payment p LEFT JOIN debtor d ON d.office_id = p.office_id AND d.id = p.debtor_id
            LEFT JOIN debt b ON b.office_id = p.office_id AND b.id = p.debt_id
            WHERE p.office_id = :office AND {which} ORDER BY {order} OFFSET :start LIMIT :count""",
        **facts,
        start=start,
        count=count,
    )
    return rows, total


def _narrowed(chosen: Filter, today: date) -> tuple[str, dict[str, Any]]:
    facts: dict[str, Any] = {"today": today}
    where = ""
    if chosen.why is not None:
        where, facts["why"] = f" AND {_WHY} = :why", chosen.why.value
    if chosen.days:
        where, facts["days"] = f"{where} AND CAST(:today AS date) - {_POSTED} >= :days", chosen.days
    if chosen.tax_code:
        where, facts["tax"] = f"{where} AND p.tax_code = :tax", chosen.tax_code
    return where, facts


def unmatched(session: Session, chosen: Filter, today: date, *, start: int = 0, count: int = 50) -> tuple[Sequence[RowMapping], int]:
    """Payments that stand against no debt, the oldest first, and how many there are."""
    where, facts = _narrowed(chosen, today)
    return _page(session, f"p.status = 'unmatched'{where}", f"{_POSTED}, p.id", facts, start, count)


def refunds(session: Session, chosen: Filter, today: date, *, start: int = 0, count: int = 50) -> tuple[Sequence[RowMapping], int]:
    """Payments beyond their debt (過誤納), the oldest first, and how many there are."""
    where, facts = _narrowed(chosen, today)
    return _page(session, f"p.refund > 0{where}", f"{_POSTED}, p.id", facts, start, count)


def assigned(session: Session, today: date, *, start: int = 0, count: int = 50) -> tuple[Sequence[RowMapping], int]:
    """Payments set against a debt by hand, the newest first, and how many there are."""
    return _page(session, "p.assigned_at IS NOT NULL", "p.assigned_at DESC, p.id DESC", {"today": today}, start, count)


def tax_codes(session: Session) -> list[str]:
    """The taxes of unmatched payments and refund candidates."""
    rows = _ask(
        session, "SELECT DISTINCT tax_code FROM payment WHERE office_id = :office AND (status = 'unmatched' OR refund > 0) ORDER BY 1"
    )
    return [row["tax_code"] for row in rows]


def files(session: Session, *, start: int = 0, count: int = 30) -> Sequence[RowMapping]:
    """The files of payments, the newest first, with what they brought."""
    return _ask(session, _FILES, start=start, count=count)


def postings_by_day(session: Session, first: date, last: date) -> Sequence[RowMapping]:
    """Yen and number of payments by the day they were posted."""
    return _ask(session, _DAYS, first=first, last=last)
