"""Days and years in every style that core systems write."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.eras import (
    fiscal_year,
    format_era,
    format_era_digits,
    format_era_short,
    format_fiscal_year,
    parse_date,
    parse_year,
)
from callcenter.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025-09-01", date(2025, 9, 1)),
        ("20250901", date(2025, 9, 1)),
        ("2025/9/1", date(2025, 9, 1)),
        ("2025年9月1日", date(2025, 9, 1)),
        ("令和7年9月1日", date(2025, 9, 1)),
        ("令和 7年 9月 1日", date(2025, 9, 1)),
        ("R7.9.1", date(2025, 9, 1)),
        ("Ｒ７．９．１", date(2025, 9, 1)),
        ("R07.09.01", date(2025, 9, 1)),
        ("R070901", date(2025, 9, 1)),
        ("5070901", date(2025, 9, 1)),
        ("4310430", date(2019, 4, 30)),
        ("3640107", date(1989, 1, 7)),
        ("2150101", date(1926, 1, 1)),
        ("1330101", date(1900, 1, 1)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("平成31年6月30日", date(2019, 6, 30)),
        ("2025-09-01 00:00:00", date(2025, 9, 1)),
        ("2024-02-29", date(2024, 2, 29)),
    ],
)
def test_days(text: str, day: date) -> None:
    assert parse_date(text) == day


@pytest.mark.parametrize("text", ["", None, " ", "　", "0000-00-00", "00000000", "0000/00/00", "0000000"])
def test_empty_days(text: str | None) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-29",
        "2025-13-01",
        "きのう",
        "R0.1.1",
        "令和元年4月30日",
        "H32.1.1",
        "6070901",
        "R7.9",
        "2025-9-1-1",
        "202509",
        "2025-09-01 12:00",
        "-1",
    ],
)
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        parse_date(text)
    assert problem.value.code == "bad_date"
    assert problem.value.hint


@given(st.dates(date(1873, 1, 1), date(2117, 12, 31)))
def test_what_is_written_is_read(day: date) -> None:
    assert parse_date(format_era(day)) == parse_date(format_era_short(day)) == parse_date(format_era_digits(day)) == day


@pytest.mark.parametrize(
    ("text", "year"),
    [("2025", 2025), ("令和7", 2025), ("令和7年度", 2025), ("R7", 2025), ("R07", 2025), ("令和元年度", 2019), ("平成31", 2019), ("", None)],
)
def test_years(text: str, year: int | None) -> None:
    assert parse_year(text) == year


@pytest.mark.parametrize("text", ["7", "07", "R0", "平成32", "20255", "七年", "1500", "2025-04"])
def test_what_is_no_year(text: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        parse_year(text)
    assert problem.value.code == "bad_year"


@given(st.integers(1912, 2099))
def test_fiscal_years_are_read_as_written(year: int) -> None:
    assert parse_year(format_fiscal_year(year)) == year


def test_fiscal_years_begin_in_april() -> None:
    assert (fiscal_year(date(2026, 3, 31)), fiscal_year(date(2026, 4, 1))) == (2025, 2026)
