"""How old the open debts of the list are, and how many of each age were still open a month later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from reports.words import Words

BOUNDS = (1, 31, 91, 181, 366, 731)
BUCKETS = (
    Words("納期限前", "not due yet"),
    Words("1〜30日", "1–30 days"),
    Words("31〜90日", "31–90 days"),
    Words("91〜180日", "91–180 days"),
    Words("181日〜1年", "181 days – 1 year"),
    Words("1〜2年", "1–2 years"),
    Words("2年を超える", "over 2 years"),
)


@dataclass(frozen=True, slots=True)
class Age:
    """Open debts of one age: persons, debts and yen of principal."""

    persons: int
    debts: int
    yen: int


@dataclass(frozen=True, slots=True)
class Roll:
    """Debts of one age that were open at the start of a month, and those of them still open at its end."""

    open_at_start: int
    still_open: int

    @property
    def rate(self) -> float | None:
        """The share that rolled on; None when there was none."""
        return self.still_open / self.open_at_start if self.open_at_start else None


_AGES = """
SELECT width_bucket(CAST(:today AS date) - due_on, CAST(:bounds AS integer[])) AS bucket,
  count(DISTINCT debtor_id) AS persons, count(*) AS debts,
  CAST(sum(outstanding) AS bigint) AS yen
FROM debt WHERE office_id = :office AND status = 'open' GROUP BY 1"""

_ROLLS = """
SELECT m.month, width_bucket(m.month - d.due_on, CAST(:bounds AS integer[])) AS bucket, count(*) AS open_at_start,
  count(*) FILTER (WHERE d.closed_on IS NULL OR d.closed_on >= m.following) AS still_open
FROM (SELECT due_on, (closed_at AT TIME ZONE :zone)::date AS closed_on FROM debt WHERE office_id = :office) d
JOIN (SELECT CAST(g AS date) AS month, CAST(g + interval '1 month' AS date) AS following
      FROM generate_series(CAST(:first AS timestamp), CAST(:last AS timestamp), interval '1 month') g) m
  ON d.due_on < m.month AND (d.closed_on IS NULL OR d.closed_on >= m.month)
GROUP BY 1, 2"""


def ages(session: Session, today: date) -> list[Age]:
    """Open debts by age as of today, one entry per bucket of BUCKETS."""
    values = {"office": office_of(session), "today": today, "bounds": list(BOUNDS)}
    found = {row.bucket: Age(row.persons, row.debts, row.yen) for row in session.execute(text(_AGES), values)}
    return [found.get(number, Age(0, 0, 0)) for number in range(len(BUCKETS))]


def rolls(session: Session, today: date, zone: str, months: int = 6) -> tuple[list[date], list[list[Roll]]]:
    """The last whole `months`, oldest first, and for each age (without those not due) the rolls of these months.

    Debts are counted by their due date and the day they were closed; one that came onto the list later counts as open before.
    """
    last = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    firsts = [last]
    while len(firsts) < months:
        firsts.append((firsts[-1] - timedelta(days=1)).replace(day=1))
    firsts.reverse()
    values = {"office": office_of(session), "zone": zone, "first": firsts[0], "last": last, "bounds": list(BOUNDS)}
    found = {(row.month, row.bucket): Roll(row.open_at_start, row.still_open) for row in session.execute(text(_ROLLS), values)}
    return firsts, [[found.get((month, bucket), Roll(0, 0)) for month in firsts] for bucket in range(1, len(BUCKETS))]
