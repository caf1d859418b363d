"""Columns are read as their cells would be one by one: days, years, amounts and numbers against plain references."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.core.eras import format_era, format_era_digits, format_era_short, parse_date, parse_year
from callcenter.core.errors import InvalidInput
from callcenter.core.money import parse_yen
from callcenter.core.phones import parse_phone
from campaigns.imports.columns import read_date, read_integer, read_year, read_yen, split_phones
from campaigns.imports.layouts import Field

DAY, YEAR = Field("day", ("日",), "date"), Field("year", ("年度",), "year")
YEN, TERM = Field("yen", ("円",), "yen"), Field("term", ("期別",), "integer", bounds=(1, 99))

days = st.dates(date(1868, 1, 25), date(2117, 12, 31))  # 令和 99 is the last year of two digits
STYLES: list[Callable[[date], str]] = [
    lambda day: day.isoformat(),
    lambda day: day.strftime("%Y%m%d"),
    lambda day: f"{day.year}/{day.month}/{day.day}",
    lambda day: f"{day.year}年{day.month}月{day.day}日",
    format_era,
    format_era_short,
    lambda day: unicodedata.normalize("NFKC", format_era(day)).translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)}),
]
noise = st.text(st.sampled_from("0123456789０９-/.年月日令和平成昭RHS元,円¥ △+ab"), max_size=12)


def one_by_one(cells: list[str | None], parse: Callable[[str], Any]) -> tuple[list[Any], list[str | None]]:
    """What a loop over the cells gives: values, and codes of what is wrong."""
    values: list[Any] = []
    problems: list[str | None] = []
    for cell in cells:
        try:
            values.append(None if cell is None else parse(cell))
            problems.append(None)
        except InvalidInput as problem:
            values.append(None)
            problems.append(problem.code)
    return values, problems


@settings(deadline=None)
@given(st.lists(st.tuples(days, st.sampled_from(STYLES)), min_size=1, max_size=20))
def test_a_day_is_the_same_in_every_style(written: list[tuple[date, Callable[[date], str]]]) -> None:
    read = read_date(pl.Series([style(day) for day, style in written]), DAY)
    assert read.values.to_list() == [day for day, _ in written]
    assert read.problems.null_count() == len(written)


@given(st.dates(date(1912, 7, 30), date(2117, 12, 31)))
def test_seven_digits_are_the_same_day(day: date) -> None:
    digits = format_era_digits(day)
    if len(digits) == 7:
        assert read_date(pl.Series([digits]), DAY).values.to_list() == [day]


@settings(deadline=None)
@pytest.mark.parametrize(
    ("reader", "field", "parse"), [(read_date, DAY, parse_date), (read_year, YEAR, parse_year), (read_yen, YEN, parse_yen)]
)
@given(cells=st.lists(st.one_of(st.none(), noise.filter(bool), days.map(str)), min_size=1, max_size=20))
def test_columns_agree_with_single_cells(reader: Any, field: Field, parse: Any, cells: list[str | None]) -> None:
    read = reader(pl.Series(cells, dtype=pl.String), field)
    assert (read.values.to_list(), read.problems.to_list()) == one_by_one(cells, parse)


@settings(deadline=None)
@given(st.lists(st.integers(0, 999_999_999_999), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_an_amount_is_the_same_in_every_writing(amounts: list[int], draw: Any) -> None:
    writings = [str, lambda yen: f"{yen:,}", lambda yen: f"{yen:,}円", lambda yen: f"¥{yen}", lambda yen: f"{yen}".zfill(12)]
    full = {ord(str(n)): chr(0xFF10 + n) for n in range(10)} | {ord(","): "，"}
    cells = [draw.choice(writings)(yen) for yen in amounts]
    cells = [cell.translate(full) if draw.random() < 0.3 else cell for cell in cells]
    assert read_yen(pl.Series(cells), YEN).values.to_list() == amounts


@given(st.lists(st.text(st.sampled_from("0123456789０１９-. a"), min_size=1, max_size=4), min_size=1, max_size=10))
def test_whole_numbers_keep_their_bounds(cells: list[str]) -> None:
    read = read_integer(pl.Series(cells), TERM)
    for cell, value, problem in zip(cells, read.values, read.problems, strict=True):
        digits = "".join(unicodedata.normalize("NFKC", cell).split())
        if re.fullmatch(r"[0-9]+", digits):
            assert (value, problem) == ((int(digits), None) if 1 <= int(digits) <= 99 else (None, "out_of_range"))
        else:
            assert (value, problem) == (None, "bad_integer")


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("0123456789０３-－()（）+ 内線呼出"), min_size=1, max_size=16), min_size=1, max_size=10))
def test_phones_agree_with_single_cells(cells: list[str]) -> None:
    trimmed = [cell.strip(" \t\u3000\xa0") or "x" for cell in cells]
    found = split_phones(pl.Series(trimmed))
    for cell, e164, line_type, remark in zip(trimmed, found["e164"], found["line_type"], found["remark"], strict=True):
        phone = parse_phone(cell)
        assert phone is not None
        assert (e164, line_type, remark) == (phone.e164, str(phone.line_type), phone.remark)
