"""Collection rates of a fiscal year at the end of a month, by vintage and tax, beside last year's same month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reports.collection.models import CARRIED_OVER, CURRENT, CollectionTotal
from reports.words import Words

TOTAL = "total"
VINTAGES = (CURRENT, CARRIED_OVER, TOTAL)
VINTAGE_WORDS = {
    CURRENT: Words("現年課税分", "Current year"),
    CARRIED_OVER: Words("滞納繰越分", "Carried over"),
    TOTAL: Words("合計", "Total"),
}


@dataclass(frozen=True, slots=True)
class Sums:
    """Yen assessed, received and written off."""

    assessed: int = 0
    received: int = 0
    written_off: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.assessed + other.assessed, self.received + other.received, self.written_off + other.written_off)

    @property
    def outstanding(self) -> int:
        """What is still to come."""
        return max(0, self.assessed - self.received - self.written_off)

    @property
    def rate(self) -> Decimal | None:
        """Received ÷ assessed in per cent with one decimal, never rounded up (99.96 is 99.9); None without an assessment."""
        if self.assessed <= 0:
            return None
        return Decimal(self.received * 1000 // self.assessed) / 10


@dataclass(frozen=True, slots=True)
class Compared:
    """This year's sums and last year's at the same month."""

    this: Sums
    last: Sums

    @property
    def change(self) -> Decimal | None:
        """The difference of the rates in points; None where either is unknown."""
        if self.this.rate is None or self.last.rate is None:
            return None
        return self.this.rate - self.last.rate


@dataclass(frozen=True, slots=True)
class Collection:
    """A fiscal year as of a month: the whole by vintage, each tax by vintage, and the rates of the months before, of both years."""

    fiscal_year: int
    month: date
    whole: dict[str, Compared]
    by_tax: dict[str, dict[str, Compared]]
    months: tuple[date, ...]
    trend: dict[str, tuple[list[Decimal | None], list[Decimal | None]]]


def years_known(session: Session) -> list[tuple[int, date]]:
    """Fiscal years with totals, newest first, and their newest month."""
    rows = session.execute(select(CollectionTotal.fiscal_year, CollectionTotal.month).distinct())
    newest: dict[int, date] = {}
    for year, month in rows:
        newest[year] = max(month, newest.get(year, month))
    return sorted(newest.items(), reverse=True)


def month_known(session: Session, fiscal_year: int, month: date) -> date | None:
    """The newest month with totals of the year that is not after `month`; None where there is none."""
    asked = select(func.max(CollectionTotal.month)).where(CollectionTotal.fiscal_year == fiscal_year, CollectionTotal.month <= month)
    return session.scalar(asked)


def collection(session: Session, fiscal_year: int, month: date) -> Collection:
    """The figures of `fiscal_year` at the end of `month`."""
    found = session.scalars(select(CollectionTotal).where(CollectionTotal.fiscal_year.in_([fiscal_year, fiscal_year - 1]))).all()
    before = same_month_last_year(month)
    this = [row for row in found if row.fiscal_year == fiscal_year]
    last = [row for row in found if row.fiscal_year == fiscal_year - 1]
    months = tuple(sorted({row.month for row in this if row.month <= month}))
    taxes = sorted({row.tax_code for row in this if row.month == month})
    return Collection(
        fiscal_year,
        month,
        _compared(this, last, month, before),
        {tax: _compared(_of(this, tax), _of(last, tax), month, before) for tax in taxes},
        months,
        {
            vintage: (
                [_summed(this, one, vintage).rate for one in months],
                [_summed(last, same_month_last_year(one), vintage).rate for one in months],
            )
            for vintage in VINTAGES
        },
    )


def same_month_last_year(month: date) -> date:
    """The month a year before."""
    return month.replace(year=month.year - 1)


def _of(rows: Iterable[CollectionTotal], tax: str) -> list[CollectionTotal]:
    return [row for row in rows if row.tax_code == tax]


def _compared(this: Iterable[CollectionTotal], last: Iterable[CollectionTotal], month: date, before: date) -> dict[str, Compared]:
    now, then = _by_vintage(this, month), _by_vintage(last, before)
    return {vintage: Compared(now[vintage], then[vintage]) for vintage in VINTAGES}


def _summed(rows: Iterable[CollectionTotal], month: date, vintage: str) -> Sums:
    return _by_vintage(rows, month)[vintage]


def _by_vintage(rows: Iterable[CollectionTotal], month: date) -> dict[str, Sums]:
    sums: dict[str, Sums] = defaultdict(Sums)
    for row in rows:
        if row.month == month:
            one = Sums(row.assessed, row.received, row.written_off)
            sums[row.vintage] += one
            sums[TOTAL] += one
    return sums
