"""The list's rows as the three tables they become: debtors, their numbers, their debts. Pure, columnar, part by part."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from campaigns.imports.columns import kana_keys, search_keys, split_phones

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
_SEED = 3_141_592


def debtor_rows(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Who is on a part of the list.

    Returns:
        One row per debtor, what the last of its rows says, with its number `row` and `says`, a hash of all particulars but 連絡禁止, of
        which one row's is enough; and per row of the part `owner`, the number of the debtor's row, and its own `says`.
    """
    fields = [name for name in DEBTOR_FIELDS if name in frame.columns]
    told = [name for name in (*fields, *PHONE_FIELDS) if name in frame.columns]
    says = pl.struct(name for name in told if name != "do_not_contact").hash(_SEED).reinterpret(signed=True)
    own = frame.select("row", "debtor_no", *told, says=says, owner=pl.col("row").max().over("debtor_no"))
    if "do_not_contact" in fields and (own["do_not_contact"] == "1").any():
        forbidden = (pl.col("do_not_contact") == "1").fill_null(False).any().over("debtor_no")
        own = own.with_columns(do_not_contact=forbidden.cast(pl.String))
    last = own.filter(pl.col("row") == pl.col("owner"))
    names = {"name_key": search_keys(last["name"])}
    if "name_kana" in fields:
        names["kana_key"] = kana_keys(last["name_kana"])
    return last.with_columns(**names), own.select("owner", "says")


def phone_rows(debtors: pl.DataFrame) -> pl.DataFrame:
    """One row per debtor and number: owner (the debtor's row), position (order of the columns), original, e164, line_type, remark.

    The same number written twice for a debtor counts once, at its first place.
    """
    parts = []
    for position, name in enumerate(PHONE_FIELDS, start=1):
        if name in debtors.columns:
            given = debtors.select("owner", cell=pl.col(name)).filter(pl.col("cell").is_not_null())
            parts.append(given.with_columns(split_phones(given["cell"])).with_columns(position=pl.lit(position, dtype=pl.Int16)))
    if not parts:
        return pl.DataFrame(schema=dict.fromkeys(["owner", "position", "original", "e164", "line_type", "remark", "same_as"], pl.String))
    phones = pl.concat(parts).with_columns(same_as=pl.coalesce("e164", "original"), remark=pl.col("remark").str.head(80))
    return phones.sort("owner", "position").unique(["owner", "same_as"], keep="first", maintain_order=True)


def debt_rows(frame: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """The rows with their debt's fields, status (open, settled, not_listed), `owner` and `says` (see `debtor_rows`)."""
    deleted = (pl.col("is_deleted") == "1").fill_null(False) if "is_deleted" in frame.columns else pl.lit(False)
    status = pl.when(deleted).then(pl.lit("not_listed")).when(pl.col("outstanding") == 0).then(pl.lit("settled")).otherwise(pl.lit("open"))
    fields = [name for name in DEBT_FIELDS if name in frame.columns]
    rows = frame.select("row", "debtor_no", *DEBT_KEY, *fields, status=status, is_deleted=deleted)
    if "received" in fields:  # an empty 収入済額 is what has been paid of 調定額 by the other two
        paid = (pl.col("assessed") - pl.col("outstanding")).clip(0)
        rows = rows.with_columns(received=pl.coalesce("received", paid))
    else:
        rows = rows.with_columns(received=(pl.col("assessed") - pl.col("outstanding")).clip(0))
    return rows.with_columns(own)
