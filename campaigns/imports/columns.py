"""A column of strings to a typed column, all at once: usual writings by polars, the rest value by distinct value.

Each reader takes the cells of one field (strings, null for empty, already trimmed) and gives `Read`: values, and per cell null or the
code of what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

import polars as pl

from callcenter.core import phones
from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.eras import parse_date, parse_year
from callcenter.core.errors import InvalidInput
from callcenter.core.money import MAX_YEN, parse_yen
from callcenter.core.text import FOLDED, KANA_FOLDED
from campaigns.imports.date_styles import parse_styled_date, parse_styled_year
from campaigns.imports.layouts import Field, normal_word

_DOMESTIC = r"^0[1-9][0-9]{8,9}$"
_SEPARATORS = r"[()\-. ]"


@dataclass(frozen=True)
class Read:
    """A typed column and, per cell, the code of what is wrong with it or null."""

    values: pl.Series
    problems: pl.Series


def _no_problem(cells: pl.Series) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, len(cells))


def _by_distinct(cells: pl.Series, parse: Callable[[str], Any], dtype: pl.DataType | type[pl.DataType]) -> Read:
    """Parses each distinct value once; `parse` raises InvalidInput, whose code becomes the problem."""
    distinct = cells.drop_nulls().unique()
    values: list[Any] = []
    problems: list[str | None] = []
    for text in distinct:
        try:
            values.append(parse(text))
            problems.append(None)
        except InvalidInput as problem:
            values.append(None)
            problems.append(problem.code)
    if not len(distinct):
        return Read(cells.cast(dtype), _no_problem(cells))
    found = pl.DataFrame({"cell": cells}).join(
        pl.DataFrame({"cell": distinct, "value": pl.Series(values, dtype=dtype), "problem": pl.Series(problems, dtype=pl.String)}),
        on="cell",
        how="left",
        maintain_order="left",
    )
    return Read(found["value"], found["problem"])


def read_text(cells: pl.Series, field: Field) -> Read:
    """Text as it is, or as the layout's code table translates it; too long is a problem."""
    if field.codes:
        return _recoded(cells, field)
    if not field.max_length:
        return Read(cells, _no_problem(cells))
    long = cells.str.len_chars() > field.max_length
    return Read(cells, _flag(long, "too_long"))


def _recoded(cells: pl.Series, field: Field) -> Read:
    """An office's own codes to ours; others stay as they are unless the table is strict."""

    def parse(text: str) -> str:
        ours = field.codes.get(normal_word(text), None if field.is_strict else text)
        if ours is None:
            raise InvalidInput("決められた値ではありません。", code="unknown_code")
        if field.max_length and len(ours) > field.max_length:
            raise InvalidInput("長すぎます。", code="too_long")
        return ours

    return _by_distinct(cells, parse, pl.String)


def read_code(cells: pl.Series, field: Field) -> Read:
    """A code such as 宛名番号: a string with its leading zeros; full-width letters and digits are made half-width."""
    return read_text(_half_width(cells), field)


def _half_width(cells: pl.Series) -> pl.Series:
    """NFKC, which changes nothing where all is ASCII."""
    is_ascii = (cells.str.len_bytes() == cells.str.len_chars()).all()
    return cells if is_ascii else cells.str.normalize("NFKC")


def _flag(mask: pl.Series, code: str) -> pl.Series:
    return pl.select(pl.when(mask).then(pl.lit(code)).otherwise(None)).to_series().cast(pl.String)


# The same days stand in every part of a file.
_day = lru_cache(maxsize=1 << 17)(parse_date)
_styled_day = lru_cache(maxsize=1 << 17)(parse_styled_date)


def read_date(cells: pl.Series, field: Field) -> Read:
    """Days in any of the styles of `callcenter.core.eras`, or in those that the layout names."""
    if field.styles:
        return _by_distinct(cells, partial(_styled_day, styles=field.styles), pl.Date)
    is_iso = cells.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
    days = pl.select(pl.when(is_iso).then(cells)).to_series().str.to_date("%Y-%m-%d", strict=False)
    others = pl.select(pl.when(days.is_null()).then(cells)).to_series()
    if others.is_null().all():
        return Read(days, _no_problem(cells))
    slow = _by_distinct(others, _day, pl.Date)
    return Read(pl.select(pl.coalesce(days, slow.values)).to_series(), slow.problems)


def read_year(cells: pl.Series, field: Field) -> Read:
    """Fiscal years, western or of an era, or in the styles that the layout names."""
    parse = partial(parse_styled_year, styles=field.styles) if field.styles else parse_year
    return _by_distinct(cells, parse, pl.Int64)


def read_yen(cells: pl.Series, field: Field) -> Read:
    """Whole yen: plain digits and digits with commas at once, other writings by distinct value."""
    plain = cells.str.contains(r"^(?:[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})$")
    fast = pl.select(pl.when(plain).then(cells.str.replace_all(",", "", literal=True))).to_series().cast(pl.Int64)
    if (plain | cells.is_null()).fill_null(True).all():
        return Read(fast, _no_problem(cells))
    slow = _by_distinct(pl.select(pl.when(~plain).then(cells)).to_series(), parse_yen, pl.Int64)
    assert MAX_YEN < 10**12
    return Read(pl.select(pl.coalesce(fast, slow.values)).to_series(), slow.problems)


def read_integer(cells: pl.Series, field: Field) -> Read:
    """A whole number within the field's bounds; full-width digits and leading zeros are fine."""
    low, high = field.bounds

    def parse(text: str) -> int:
        digits = normal_word(text)
        if not digits.isascii() or not digits.isdigit():
            raise InvalidInput("数字ではありません。", code="bad_integer")
        if not low <= int(digits) <= high:
            raise InvalidInput("範囲の外です。", code="out_of_range")
        return int(digits)

    return _by_distinct(cells, parse, pl.Int64)


def read_choice(cells: pl.Series, field: Field) -> Read:
    """One of the field's code values, compared without differences of width and spaces."""

    def parse(text: str) -> str:
        word = normal_word(text)
        if word.isdigit() and word not in field.codes:
            word = word.lstrip("0") or "0"
        if word not in field.codes:
            raise InvalidInput("決められた値ではありません。", code="unknown_code")
        return field.codes[word]

    return _by_distinct(cells, parse, pl.String)


def parse_moment(text: str) -> datetime | None:
    """A moment written as a day and a time of day in the office's zone: 2026-09-01 14:05[:30], 令和8年9月1日 14時5分, 20260901140530."""
    plain = phones.plain(text).replace("T", " ").removesuffix("+09:00").strip()
    if plain.isdigit() and len(plain) in (12, 14):
        day_text, clock = plain[:8], ":".join(plain[at : at + 2] for at in range(8, len(plain), 2))
    else:
        day_text, _, clock = plain.partition(" ")
        clock = clock.strip().replace("時", ":").replace("分", ":").replace("秒", "").strip(":")
    try:
        day = parse_date(day_text)
        if day is None and not clock.strip("0:"):
            return None
        if day is None:
            raise ValueError("a time of day without a day")
        hour, minute, second = [int(part) for part in [*clock.split(":"), "0"]][:3]
        moment = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=OFFICE_ZONE)
    except (ValueError, InvalidInput):
        raise InvalidInput("日時として読めません。", code="bad_moment") from None
    return moment


def read_moment(cells: pl.Series, field: Field) -> Read:
    """Moments in the office's zone, as UTC."""
    usual = cells.str.contains(r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}(:\d{2})?$")
    padded = pl.select(pl.when(cells.str.len_chars() == 16).then(cells + ":00").otherwise(cells)).to_series()
    naive = pl.select(pl.when(usual).then(padded)).to_series().str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)
    fast = naive.dt.replace_time_zone(str(OFFICE_ZONE)).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    left = pl.select(pl.when(fast.is_null()).then(cells)).to_series()
    if left.is_null().all():
        return Read(fast, _no_problem(cells))
    slow = _by_distinct(left, lambda text: _as_utc(parse_moment(text)), pl.Datetime("us"))
    return Read(pl.select(pl.coalesce(fast, slow.values.dt.replace_time_zone("UTC"))).to_series(), slow.problems)


def _as_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else (moment - (moment.utcoffset() or timedelta())).replace(tzinfo=None)


def split_phones(cells: pl.Series) -> pl.DataFrame:
    """Numbers as written to columns original, e164, line_type, remark; equal to `phones.parse_phone` cell by cell.

    Ten- and eleven-digit domestic numbers are classified by all but their last four digits, which never decide what a line is.
    """
    shape = r"^([^0-9+]*?)(\(?[0-9][0-9()\-. ]*[0-9])([^0-9+]*)$"
    normal = _half_width(cells).str.replace_all(f"[{phones.DASHES}]", "-").str.strip_chars()
    parts = normal.str.extract_groups(shape).struct.rename_fields(["before", "number", "after"]).struct.unnest()
    digits = parts["number"].str.replace_all(_SEPARATORS, "")
    frame = pl.DataFrame({"original": cells.str.strip_chars(), "digits": digits, "before": parts["before"], "after": parts["after"]})
    usual = pl.col("digits").str.contains(_DOMESTIC)
    frame = frame.with_columns(prefix=pl.when(usual).then(pl.col("digits").str.head(-4) + "0000"))
    frame = frame.join(_classified(frame["prefix"].drop_nulls().unique()), on="prefix", how="left", maintain_order="left")
    edges = phones.REMARK_EDGES
    remark = pl.concat_str(pl.col("before").str.strip_chars(edges), pl.lit(" "), pl.col("after").str.strip_chars(edges))
    fast = frame.select(
        "original",
        e164=pl.when(pl.col("is_valid")).then(pl.lit("+81") + pl.col("digits").str.slice(1)),
        line_type=pl.col("line_type"),
        remark=pl.when(pl.col("prefix").is_not_null()).then(remark.str.strip_chars(" ")),
    )
    return _with_unusual(fast)


_classify = lru_cache(maxsize=1 << 16)(phones.classify)


def _classified(prefixes: pl.Series) -> pl.DataFrame:
    """What `phones.classify` says of one number for each prefix."""
    found = [_classify(prefix) for prefix in prefixes]
    return pl.DataFrame(
        {
            "prefix": prefixes,
            "is_valid": pl.Series([e164 is not None for e164, _ in found], dtype=pl.Boolean),
            "line_type": pl.Series([str(line_type) for _, line_type in found], dtype=pl.String),
        }
    )


def _with_unusual(fast: pl.DataFrame) -> pl.DataFrame:
    """Fills in the numbers of unusual shape one by one."""
    left = fast.filter(pl.col("line_type").is_null() & pl.col("original").is_not_null())["original"].unique()
    if not len(left):
        return fast
    found = [phones.parse_phone(text) for text in left]
    slow = pl.DataFrame(
        {
            "original": left,  # as it stands in the cell: a line break around a number is no part of what is kept of it
            "is_slow": pl.repeat(True, len(left), eager=True),
            "kept": pl.Series([phone and phone.original for phone in found], dtype=pl.String),
            "e164_slow": pl.Series([phone and phone.e164 for phone in found], dtype=pl.String),
            "line_slow": pl.Series([phone and str(phone.line_type) for phone in found], dtype=pl.String),
            "remark_slow": pl.Series([phone and phone.remark for phone in found], dtype=pl.String),
        }
    )
    joined = fast.join(slow, on="original", how="left", maintain_order="left")
    return joined.select(
        original=pl.when(pl.col("is_slow").is_null()).then("original").otherwise("kept"),
        e164=pl.coalesce("e164", "e164_slow"),
        line_type=pl.coalesce("line_type", "line_slow"),
        remark=pl.coalesce("remark", "remark_slow"),
    )


READERS: dict[str, Callable[[pl.Series, Field], Read]] = {
    "code": read_code,
    "text": read_text,
    "date": read_date,
    "year": read_year,
    "yen": read_yen,
    "phone": read_text,
    "integer": read_integer,
    "choice": read_choice,
    "moment": read_moment,
}


def search_keys(names: pl.Series) -> pl.Series:
    """`callcenter.core.text.search_key` of each name; an empty key for an empty name."""
    return _keys(names, FOLDED)


def kana_keys(readings: pl.Series) -> pl.Series:
    """`callcenter.core.text.kana_key` of each reading; an empty key for an empty one."""
    return _keys(readings, KANA_FOLDED)


def _keys(texts: pl.Series, table: Mapping[str, str]) -> pl.Series:
    folded = texts.str.normalize("NFKC").str.replace_many(list(table), list(table.values()))
    return folded.str.to_lowercase().str.replace_all(r"\s+", "").str.normalize("NFKC").fill_null("")
