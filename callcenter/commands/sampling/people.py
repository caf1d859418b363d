"""Debtors of 架空市: persons in households and companies, with addresses and telephone numbers that cannot exist."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from callcenter.commands.sampling.draws import Draws, padded
from callcenter.commands.sampling.words import (
    BUILDINGS,
    FIXED_AREAS,
    GIVEN_NAMES,
    MOBILE_HEAD,
    PHONE_REMARKS,
    SURNAMES,
    TOWNS,
    TRADES,
)
from callcenter.core.eras import format_era, format_era_digits, format_era_short

# Published: a telephone number is known for 66.1 % of delinquents.
PHONE_KNOWN = 0.661
COMPANIES = 0.08


def _column(pairs: tuple[list[str], ...], part: int, index: pl.Series) -> pl.Series:
    return pl.Series([pair[part] for pair in pairs], dtype=pl.String).gather(index)


def written_days(days: list[date], draws: Draws, index: pl.Series, what: str) -> pl.Series:
    """`days[index]` in the mixture of styles that core systems write."""
    styles = (
        lambda day: day.isoformat(),
        lambda day: day.strftime("%Y%m%d"),
        lambda day: f"{day.year}/{day.month}/{day.day}",
        format_era,
        format_era_short,
        format_era_digits,
    )
    table = pl.Series([write(day) for write in styles for day in days], dtype=pl.String)
    style = draws.weighted(len(index), f"{what}.style", (40, 15, 10, 10, 10, 15))
    return table.gather(style * len(days) + index)


def _names(draws: Draws, size: int, is_company: pl.Series, household: pl.Series) -> dict[str, pl.Series]:
    """Household members share their surname."""
    family = draws.below(size, "surname", len(SURNAMES)).gather(household)
    given = draws.below(size, "given", len(GIVEN_NAMES))
    trade = draws.below(size, "trade", len(TRADES))
    person = _column(SURNAMES, 0, family) + "　" + _column(GIVEN_NAMES, 0, given)
    company = "株式会社" + _column(SURNAMES, 0, family) + _column(TRADES, 0, trade)
    person_kana = _column(SURNAMES, 1, family) + " " + _column(GIVEN_NAMES, 1, given)
    company_kana = "ｶ)" + _column(SURNAMES, 1, family) + _column(TRADES, 1, trade)
    return {"name": company.zip_with(is_company, person), "name_kana": company_kana.zip_with(is_company, person_kana)}


def _address(draws: Draws, size: int, household: pl.Series) -> pl.Series:
    block = draws.below(size, "block", 6) + 1
    lot = draws.below(size, "lot", 40) + 1
    house = draws.below(size, "house", 25) + 1
    street = (
        "架空市"
        + draws.pick(size, "town", TOWNS)
        + block.cast(pl.String)
        + "丁目"
        + lot.cast(pl.String)
        + "番"
        + house.cast(pl.String)
        + "号"
    )
    room = draws.pick(size, "building", BUILDINGS) + (draws.below(size, "room", 400) + 101).cast(pl.String)
    flat = draws.chance(size, "flat", 0.25)
    return (street + "　" + room).zip_with(flat, street).gather(household)


def _mobiles(size: int) -> pl.Series:
    """Numbers 060-9xxx-xxxx, each debtor another one."""
    digits = padded(pl.int_range(size, eager=True) * 7_654_321 % 10_000_000, 7)
    return MOBILE_HEAD[:3] + "-" + MOBILE_HEAD[3] + digits.str.slice(0, 3) + "-" + digits.str.slice(3)


def _landlines(draws: Draws, size: int, household: pl.Series) -> pl.Series:
    """One landline per household, on exchanges that do not exist."""
    area = pl.Series(FIXED_AREAS).gather(household % len(FIXED_AREAS))
    digits = padded((household // len(FIXED_AREAS)) * 76_543 % 200_000, 6)
    line = area + "-" + digits.str.slice(0, 2) + "-" + digits.str.slice(2)
    return line + draws.pick(size, "line.remark", ("", *PHONE_REMARKS), (85, 3, 4, 3, 2, 1, 2))


def _phones(draws: Draws, size: int, is_company: pl.Series, household: pl.Series) -> dict[str, pl.Series]:
    nothing = pl.Series([""]).new_from_index(0, size)
    known = draws.chance(size, "known", PHONE_KNOWN)
    has_mobile = known & draws.chance(size, "mobile", 0.72) & ~is_company
    has_line = known & (~has_mobile | draws.chance(size, "line", 0.35))
    mobile = _mobiles(size)
    plain = mobile.str.replace_all("-", "")
    mobile = plain.zip_with(draws.chance(size, "plain", 0.3), mobile)
    mobile = ("+81 " + plain.str.slice(1)).zip_with(draws.chance(size, "abroad", 0.02), mobile)
    wide = mobile.str.replace_many(list("0123456789-"), list("０１２３４５６７８９－"))
    mobile = wide.zip_with(draws.chance(size, "wide", 0.04), mobile)
    line = _landlines(draws, size, household)
    first = mobile.zip_with(has_mobile, line.zip_with(has_line, nothing))
    second = line.zip_with(has_mobile & has_line, nothing)
    useless = draws.pick(size, "useless", ("不明", "000-0000-0000", "なし"))
    first = useless.zip_with(~known & draws.chance(size, "useless.is", 0.03), first)
    return {"phone1": first, "phone2": second, "phone3": nothing}


def debtors(draws: Draws, size: int, as_of: date) -> pl.DataFrame:
    """`size` debtors: the columns of the list that belong to a person, as strings, and `has_phone`, `is_company`."""
    is_company = draws.chance(size, "company", COMPANIES)
    opens = draws.chance(size, "household", 0.82) | is_company
    household = opens.cast(pl.Int64).cum_sum() - (1 if size and opens[0] else 0)
    births = [date(1940, 1, 1) + timedelta(days=day * 3) for day in range(8_000)]
    birth = written_days(births, draws, draws.below(size, "birth", len(births)), "birth")
    empty = pl.Series(["0000-00-00"]).new_from_index(0, size)
    phones = _phones(draws, size, is_company, household)
    kind = pl.Series(["2"]).new_from_index(0, size).zip_with(is_company, pl.Series(["1"]).new_from_index(0, size))
    columns = {
        "debtor_no": padded(pl.int_range(size, eager=True) * 3 + 1_000_001, 10),
        "kind": kind,
        **_names(draws, size, is_company, household),
        "birth": empty.zip_with(is_company, birth),
        "postal": "999-" + padded(draws.below(size, "postal", len(TOWNS)).gather(household) + 1, 4),
        "address": _address(draws, size, household),
        "household_no": padded(household + 1, 8),
        **phones,
        "do_not_contact": draws.pick(size, "forbidden", ("0", "1"), (98.5, 1.5)),
        "has_phone": phones["phone1"].str.contains("[0-9０-９]") & (phones["phone1"] != "000-0000-0000"),
        "is_company": is_company,
        "has_mobile": phones["phone1"].str.contains("60|６０") & ~phones["phone1"].str.starts_with("04"),
    }
    return pl.DataFrame(columns)
