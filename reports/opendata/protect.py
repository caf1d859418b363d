"""Keyed names of persons, and cells in which too few persons stand: pure, over whole tables."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from reports.opendata.tables import LEAST_PERSONS, PERSON


@dataclass(frozen=True, slots=True)
class Protected:
    """The table as it may be published, how many rows lost a value, and how many were left out."""

    table: pl.DataFrame
    coarsened: int
    left_out: int


def name_persons(table: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """`debtor_id` replaced by `person`, its HMAC-SHA-256 (RFC 2104) with the export's key, the first 64 bits in hexadecimal."""
    numbers = table["debtor_id"].unique().to_list()
    signs = [hmac.digest(key, str(number).encode(), "sha256")[:8].hex() for number in numbers]
    names = pl.DataFrame({"debtor_id": numbers, PERSON: signs}, schema={"debtor_id": pl.Int64, PERSON: pl.String})
    joined = table.join(names, on="debtor_id", how="left", maintain_order="left").drop("debtor_id")
    return joined.select(PERSON, *(name for name in joined.columns if name != PERSON))


def protect(table: pl.DataFrame, cell: Sequence[str], given_up: Sequence[str], least: int = LEAST_PERSONS) -> Protected:
    """The table without a combination of `cell` that fewer than `least` persons share.

    Column after column of `given_up` is emptied in the rows of small cells; what is small still is left out. Every other row is as it was.
    """
    rows, touched = table.with_row_index("row").with_columns(pl.lit(False).alias("touched")), pl.col("touched")
    for column in given_up:
        small = pl.col(PERSON).n_unique().over(list(cell)) < least
        had = pl.col(column).is_not_null()
        empty = pl.lit(None, dtype=table.schema[column])
        rows = rows.with_columns(
            pl.when(small).then(empty).otherwise(pl.col(column)).alias(column), (touched | (small & had)).alias("touched")
        )
    kept = rows.filter(pl.col(PERSON).n_unique().over(list(cell)) >= least)
    return Protected(kept.sort("row").drop("row", "touched"), int(kept["touched"].sum()), table.height - kept.height)


def facts_of(attempts: pl.DataFrame, least: int = LEAST_PERSONS) -> pl.DataFrame:
    """Counts by day, hour and channel of attempts as published; counts of fewer than `least` persons are empty."""

    def counted(flag: str, name: str) -> pl.Expr:
        persons = pl.col(PERSON).filter(pl.col(flag)).n_unique()
        count = pl.col(flag).sum().cast(pl.Int64)
        return pl.when((persons >= least) | (count == 0)).then(count).otherwise(None).alias(name)

    grouped = attempts.group_by("day", "hour", "channel").agg(
        pl.len().cast(pl.Int64).alias("attempts"),
        pl.col(PERSON).n_unique().cast(pl.Int64).alias("persons"),
        counted("is_contact", "contacts"),
        counted("is_right_party", "right_party_contacts"),
    )
    return grouped.filter(pl.col("persons") >= least).sort("day", "hour", "channel", nulls_last=True)
