"""Promises that a kept rate divides by though nobody can say yet whether they were kept: their time or the posting lag is not over."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from reports.exports.table import shown
from reports.figures import Figures, ratio
from reports.metrics import KEPT_RATE
from reports.queries.raw import TAKEN_BY, HeadlineQuery, filters_of
from reports.words import Words

LONGEST_GRACE = 400
"""Days; so that only the promises of about a year are looked through."""

_OPEN = """
SELECT count(*) FROM promise p LEFT JOIN attempt a ON a.office_id = p.office_id AND a.id = p.attempt_id
WHERE p.office_id = :office AND p.state = 'open' AND p.due_on BETWEEN CAST(:first AS date) - CAST(:longest AS integer) AND :last
  AND p.due_on + p.grace_days::integer BETWEEN :first AND :last {filters}"""


def undecided(session: Session, query: HeadlineQuery) -> int:
    """How many of the promises due in the query's period are still open."""
    values = {
        "office": office_of(session),
        "first": query.period.first,
        "last": query.period.last,
        "longest": LONGEST_GRACE,
        "channel": str(query.channel),
        "campaign": query.campaign_id,
        "staff": list(query.staff.ids) if query.staff else [],
    }
    return int(session.execute(text(_OPEN.format(filters=filters_of(query, TAKEN_BY))), values).scalar_one())


def undecided_words(figures: Figures, count: int) -> Words | None:
    """What stands beside a kept rate some of whose promises are still open, and the rate without them; None where there are none."""
    if not count or not figures.promises_due:
        return None
    decided = figures.promises_due - count
    rate = ratio(figures.promises_kept, decided) if decided >= max(figures.promises_kept, 1) else None
    without = Words("", "") if rate is None else Words(f"除くと{shown(rate, KEPT_RATE)}。", f" Without them: {shown(rate, KEPT_RATE)}.")
    return Words(
        f"うち{count:,}件は未定（期限前か入金の反映待ち）。{without.ja}",
        f"{count:,} of them are undecided (not past their date plus grace, or payments still to be posted).{without.en}",
    )
