"""The list's rows as the three tables they become: debtors, their numbers, their debts. Pure, columnar."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from campaigns.imports.columns import search_keys, split_phones

# Field of the list → column of the table, with the type it is staged as and what an empty cell means.
DEBTOR_FIELDS: Mapping[str, tuple[str, str, str]] = {
    "debtor_kind": ("kind", "text", "'person'"),
    "name": ("name", "text", "''"),
    "name_kana": ("name_kana", "text", "''"),
    "birth_date": ("birth_date", "date", "NULL"),
    "postal_code": ("postal_code", "text", "''"),
    "address": ("address", "text", "''"),
    "household_no": ("household_no", "text", "''"),
    "do_not_contact": ("do_not_contact", "boolean", "false"),
}
DEBT_FIELDS: Mapping[str, tuple[str, str, str]] = {
    "tax_name": ("tax_name", "text", "''"),
    "due_on": ("due_on", "date", "NULL"),
    "assessed": ("assessed", "bigint", "0"),
    "received": ("received", "bigint", "0"),
    "outstanding": ("outstanding", "bigint", "0"),
    "demand_fee": ("demand_fee", "bigint", "0"),
    "late_charge": ("late_charge", "bigint", "0"),
    "demand_sent_on": ("demand_sent_on", "date", "NULL"),
    "vintage": ("vintage", "text", "'current'"),
    "hold": ("hold", "smallint", "0"),
    "remark": ("remark", "text", "''"),
}
DEBT_KEY = ("tax_code", "levy_year", "base_year", "term", "notice_no")
PHONE_FIELDS = ("phone1", "phone2", "phone3")


def debtor_rows(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """One row per debtor, the last of the file's; and per row of the file whether it says the same as that one.

    One row's 連絡禁止 is enough to forbid contact.
    """
    fields = [name for name in DEBTOR_FIELDS if name in frame.columns]
    own = frame.select("debtor_no", *fields, *(name for name in PHONE_FIELDS if name in frame.columns))
    if "do_not_contact" in fields:
        forbidden = (pl.col("do_not_contact") == "1").fill_null(False).any().over("debtor_no")
        own = own.with_columns(do_not_contact=forbidden.cast(pl.String))
    last = own.unique("debtor_no", keep="last", maintain_order=True)
    says = pl.struct(pl.all().exclude("debtor_no")).hash()
    told = own.select("debtor_no", mine=says).join(last.select("debtor_no", kept=says), on="debtor_no", how="left", maintain_order="left")
    names = {"name_key": search_keys(last["name"])}
    if "name_kana" in fields:
        names["kana_key"] = search_keys(last["name_kana"])
    return last.with_columns(**names), told["mine"] == told["kept"]


def phone_rows(debtors: pl.DataFrame) -> pl.DataFrame:
    """One row per debtor and number: debtor_no, position (order of the columns), original, e164, line_type, remark.

    The same number written twice for a debtor counts once, at its first place.
    """
    parts = []
    for position, name in enumerate(PHONE_FIELDS, start=1):
        if name in debtors.columns:
            given = debtors.select("debtor_no", cell=pl.col(name)).filter(pl.col("cell").is_not_null())
            parts.append(given.with_columns(split_phones(given["cell"])).with_columns(position=pl.lit(position, dtype=pl.Int16)))
    if not parts:
        return pl.DataFrame(
            schema=dict.fromkeys(["debtor_no", "position", "original", "e164", "line_type", "remark", "same_as"], pl.String)
        )
    phones = pl.concat(parts).with_columns(same_as=pl.coalesce("e164", "original"), remark=pl.col("remark").str.head(80))
    return phones.sort("position", maintain_order=True).unique(["debtor_no", "same_as"], keep="first", maintain_order=True)


def debt_rows(frame: pl.DataFrame, is_told: pl.Series) -> pl.DataFrame:
    """The rows with their debt's fields, status (open, settled, not_listed) and `is_told`: says of its debtor what is kept."""
    deleted = (pl.col("is_deleted") == "1").fill_null(False) if "is_deleted" in frame.columns else pl.lit(False)
    status = pl.when(deleted).then(pl.lit("not_listed")).when(pl.col("outstanding") == 0).then(pl.lit("settled")).otherwise(pl.lit("open"))
    fields = [name for name in DEBT_FIELDS if name in frame.columns]
    rows = frame.select("row", "debtor_no", *DEBT_KEY, *fields, status=status, is_deleted=deleted)
    if "received" in fields:  # an empty 収入済額 is what has been paid of 調定額 by the other two
        paid = (pl.col("assessed") - pl.col("outstanding")).clip(0)
        rows = rows.with_columns(received=pl.coalesce("received", paid))
    else:
        rows = rows.with_columns(received=(pl.col("assessed") - pl.col("outstanding")).clip(0))
    return rows.with_columns(is_told=is_told)
