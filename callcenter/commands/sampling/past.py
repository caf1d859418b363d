"""What was paid before the list: installments of earlier months with the payments that closed them, and the office's monthly totals.

So that the demo's ageing, roll rates and collection rates look like a town's that has been collecting for a while.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from callcenter.commands.sampling.draws import Draws, days_of, padded
from callcenter.core.eras import fiscal_year

MONTHS = 6
# Days since due at a month's start up to which an age reaches, and the share that is still unpaid a month later: the older the staler.
STAYS = ((30, 0.74), (90, 0.85), (180, 0.915), (365, 0.945), (730, 0.965), (100_000, 0.982))
POSTED = timedelta(days=27)
"""A month's payments are in by this day after its first."""

# City taxes: name, yen assessed of the current year and carried over, per cent received at the end of the fiscal year's accounts.
TOTALS = (
    ("市県民税", 6_240_000_000, 214_000_000, 99.1, 43.6),
    ("固定資産税・都市計画税", 7_150_000_000, 176_000_000, 99.4, 45.7),
    ("軽自動車税", 310_000_000, 12_400_000, 98.7, 41.2),
)
# Of what a year receives, the share that is in by the end of April, May … to the end of the May after it.
CURRENT_IN = (0.03, 0.19, 0.34, 0.47, 0.58, 0.64, 0.71, 0.77, 0.85, 0.90, 0.945, 0.982, 0.994, 1.0)
CARRIED_IN = (0.08, 0.17, 0.25, 0.33, 0.41, 0.49, 0.56, 0.63, 0.70, 0.77, 0.85, 0.94, 0.98, 1.0)
EFFECT = {
    "contract_yen": 26_400_000,
    "saved_yen": 9_800_000,
    "assessed_yen": sum(current + carried for _, current, carried, _, _ in TOTALS),
    "rate_before": Decimal("97.74"),
    "rate_after": Decimal("97.97"),
}
"""What the office compares for this fiscal year: the contract and what it saved, and the collection rate without and with it."""
GAINED = (0.2, 1.4)
"""Points of the collection rates that this year ends ahead of last: since the call center works."""
LATER = 1.06
"""Last year's money came later: its shares to this power."""


@dataclass(frozen=True, slots=True)
class Past:
    """The earlier list's `debts` (typed as the list's, with `month` of their payment) as of `listed`, and each month's first."""

    debts: pl.DataFrame
    listed: date
    months: tuple[date, ...]

    def payments(self, draws: Draws, month: date) -> pl.DataFrame:
        """What closed its debts in one month, typed as `payments.payments` has it."""
        rows = self.debts.filter(pl.col("month") == month)
        size, what = rows.height, f"past.{month}"
        paid = pl.lit(month) + days_of(draws.below(size, f"{what}.day", 14))
        return rows.with_columns(
            paid_on=paid.cast(pl.Date),
            posted_on=(paid + days_of(draws.below(size, f"{what}.lag", 8) + 5)).cast(pl.Date),
            principal="outstanding",
            demand_fee=draws.chance(size, f"{what}.fee", 0.5).cast(pl.Int64) * 100,
            late_charge=(draws.below(size, f"{what}.late", 9) + 1) * 100 * draws.chance(size, f"{what}.late.is", 0.1).cast(pl.Int64),
            source_ref=f"P{month:%y%m}" + padded(pl.int_range(size, eager=True) + 1, 7),
            is_reversal=pl.lit(False),
        )


def months_before(today: date) -> tuple[date, ...]:
    """The firsts of the last whole months, oldest first."""
    found = [today.replace(day=1)]
    while len(found) <= MONTHS:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return tuple(reversed(found[1:]))


def past(draws: Draws, debts: pl.DataFrame, today: date) -> Past:
    """Installments that were paid in the last whole months, by debtors of the list: so many that each age's share stays unpaid.

    Going back month by month, each installment that is still unpaid at a month's end stands for those like it that were paid in it.
    """
    months = months_before(today)
    open_then = debts.filter(pl.col("hold") == 0).with_columns(month=pl.lit(None, dtype=pl.Date))
    for month in reversed(months):
        age = (pl.lit(month) - pl.col("due_on")).dt.total_days()
        stays = pl.lit(1.0)
        for bound, share in reversed(STAYS):
            stays = pl.when(age <= bound).then(pl.lit(share)).otherwise(stays)
        left = (1 - stays) / stays
        drawn = draws.share(open_then.height, f"past.{month}")
        paid = open_then.filter((age > 0) & (drawn < left)).with_columns(month=pl.lit(month))
        open_then = pl.concat([open_then, paid])
    found = open_then.filter(pl.col("month").is_not_null())
    notices = padded(pl.int_range(found.height, eager=True) * 7 + 17_000_003, 12)
    return Past(found.with_columns(notice_no=notices), months[0] - timedelta(days=3), months)


def totals_csv(today: date) -> bytes:
    """The office's monthly totals of this fiscal year and the one before, up to the last whole month."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("年度", "年月", "税目", "区分", "調定額", "収入済額", "不納欠損額"))
    last = months_before(today)[-1]
    for year, gained, power in ((fiscal_year(last) - 1, (0.0, 0.0), LATER), (fiscal_year(last), GAINED, 1.0)):
        for place, (current_in, carried_in) in enumerate(zip(CURRENT_IN, CARRIED_IN, strict=True)):
            month = date(year + (place + 3) // 12, (place + 3) % 12 + 1, 1)
            if month > last:
                break
            for tax, current, carried, rate, carried_rate in TOTALS:
                received = int(current * (rate + gained[0]) / 100 * current_in**power)
                writer.writerow((year, f"{month:%Y-%m}", tax, "現年", current, received, 0))
                received = int(carried * (carried_rate + gained[1]) / 100 * carried_in**power)
                writer.writerow((year, f"{month:%Y-%m}", tax, "滞繰", carried, received, int(carried * 0.05) if place >= 11 else 0))
    return out.getvalue().encode("utf-8")
