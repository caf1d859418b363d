"""Payments posted after the list's date (postings lag by one to two weeks): kept promises, others who paid, reversals, strays."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from callcenter.commands.sampling.draws import Draws, days_of, padded

KEPT = 0.55
OTHERS = 0.04


def _payers(draws: Draws, people: int, attempts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Who pays how much when: debtor, plan (all, first, part), paid_on."""
    promises = attempts.filter(pl.col("promised_on").is_not_null()).select("debtor", "promised_on", made_on=pl.col("began").dt.date())
    size = promises.height
    keeps, tries = draws.chance(size, "keeps", KEPT), draws.chance(size, "tries.part", 0.2)
    early = days_of(draws.below(size, "early", 4))
    kept = promises.with_columns(
        plan=pl.when(keeps).then(pl.lit("all")).when(tries).then(pl.lit("part")),
        paid_on=pl.max_horizontal(pl.col("promised_on") - early, "made_on"),
    ).filter(pl.col("plan").is_not_null())
    other = pl.DataFrame({"debtor": pl.int_range(people, eager=True)}).filter(draws.chance(people, "pays", OTHERS))
    other = other.join(promises, on="debtor", how="anti", maintain_order="left")
    day = pl.lit(as_of) + days_of(draws.below(other.height, "day", 16) - 10)
    other = other.with_columns(plan=draws.pick(other.height, "plan", ("all", "first", "part"), (60, 15, 25)), paid_on=day.cast(pl.Date))
    return pl.concat([kept.select("debtor", "plan", "paid_on"), other.select("debtor", "plan", "paid_on")])


def payments(draws: Draws, debts: pl.DataFrame, people: int, attempts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Typed rows: the debt's key, paid_on, posted_on, principal, demand_fee, late_charge, source_ref, is_reversal, is_known.

    `is_known` is false where the payment names no debt of the list.
    """
    rows = debts.join(_payers(draws, people, attempts, as_of), on="debtor", how="inner", maintain_order="left")
    rows = rows.filter((pl.col("plan") == "all") | (pl.col("turn") == 0))
    size = rows.height
    part = (pl.col("outstanding") * 3 // 1000 * 100).clip(100)
    extra = draws.chance(size, "extra", 0.02).cast(pl.Int64) * 1000
    posted = pl.col("paid_on") + days_of(draws.below(size, "lag", 8) + 5)
    rows = rows.with_columns(
        principal=pl.when(pl.col("plan") == "part").then(pl.min_horizontal(part, "outstanding")).otherwise(pl.col("outstanding") + extra),
        posted_on=pl.max_horizontal(posted, pl.lit(as_of + timedelta(days=1))),
        demand_fee=pl.when(pl.col("plan") == "all").then(draws.chance(size, "fee", 0.5).cast(pl.Int64) * 100).otherwise(0),
        late_charge=(draws.below(size, "late", 9) + 1) * 100 * draws.chance(size, "late.is", 0.1).cast(pl.Int64),
        source_ref="R" + padded(pl.int_range(size, eager=True) + 1, 10),
        is_reversal=pl.lit(False),
        is_known=pl.lit(True),
    )
    stray = draws.chance(size, "stray", 0.01)
    rows = rows.with_columns(
        notice_no=pl.when(stray).then(pl.lit("8") + pl.col("notice_no").str.slice(1)).otherwise("notice_no"), is_known=~stray
    )
    back = rows.filter(draws.chance(size, "back", 0.01)).with_columns(
        is_reversal=pl.lit(True), posted_on=pl.col("posted_on") + pl.duration(days=2)
    )
    return pl.concat([rows, back])


def written_payments(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows as the core system writes them."""
    return rows.select(
        pl.col("debtor_no").alias("宛名番号"),
        pl.col("tax_code").alias("税目コード"),
        pl.col("levy_year").cast(pl.String).alias("賦課年度"),
        pl.col("base_year").cast(pl.String).alias("相当年度"),
        pl.col("term").cast(pl.String).alias("期別"),
        pl.col("notice_no").alias("通知書番号"),
        pl.col("paid_on").dt.strftime("%Y-%m-%d").alias("納付日"),
        pl.col("posted_on").dt.strftime("%Y%m%d").alias("反映日"),
        pl.col("principal").cast(pl.String).alias("収納額"),
        pl.col("demand_fee").cast(pl.String).alias("督促手数料収納額"),
        pl.col("late_charge").cast(pl.String).alias("延滞金収納額"),
        pl.col("source_ref").alias("収納履歴番号"),
        pl.when("is_reversal").then(pl.lit("1")).otherwise(pl.lit("0")).alias("取消区分"),
    )


def bad_payments(written: pl.DataFrame) -> tuple[pl.DataFrame, list[dict[str, object]]]:
    """Rows to put at the end that must be refused: a day that does not exist, a negative sum, a reference twice."""
    changes: tuple[tuple[dict[str, str], str, str], ...] = (
        ({"納付日": "2026-13-01", "収納履歴番号": "X1"}, "納付日", "bad_date"),
        ({"収納額": "-100", "収納履歴番号": "X2"}, "収納額", "negative_amount"),
        ({}, "", "duplicate"),
    )
    base = next(written.head(1).iter_rows(named=True), None)
    if base is None:
        return written, []
    rows = [base | change for change, _, _ in changes]
    truth: list[dict[str, object]] = [
        {"row": written.height + 2 + index, "column": column, "code": code} for index, (_, column, code) in enumerate(changes)
    ]
    return pl.DataFrame(rows, schema=written.schema), truth
