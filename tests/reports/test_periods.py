"""Periods: which moments belong to them, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from callcenter.core.errors import InvalidInput
from reports.cuts import Cut
from reports.eras import day_in_both, key_in_era, month_in_both
from reports.periods import Period, month_to_date, read_period, same_weekday_before


def test_bounds_are_the_offices_days() -> None:
    start, end = read_period("2026-09-01", "2026/9/30").bounds
    assert start == datetime(2026, 8, 31, 15, 0, tzinfo=UTC)
    assert end == datetime(2026, 9, 30, 15, 0, tzinfo=UTC)


def test_a_day_of_a_zone_with_summer_time_may_be_short() -> None:
    start, end = Period(date(2026, 3, 29), date(2026, 3, 29), ZoneInfo("Europe/Berlin")).bounds
    assert (end - start).total_seconds() == 23 * 3600


@pytest.mark.parametrize(
    ("first", "last"), [("2026-09-02", "2026-09-01"), ("", "2026-09-01"), ("x", "2026-09-01"), ("1400-01-01", "2026-09-01")]
)
def test_refused(first: str, last: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_period(first, last)
    assert caught.value.code == "usage"


def test_usual_periods() -> None:
    assert month_to_date(date(2026, 9, 17)).first == date(2026, 9, 1)
    assert Period(date(2026, 9, 1), date(2026, 9, 30)).days == 30
    assert same_weekday_before(date(2026, 9, 17)).first == date(2026, 9, 10)


def test_a_month_is_of_the_era_that_begins_in_it_and_a_day_is_not() -> None:
    assert [key_in_era(Cut.DAY, day) for day in ("2019-04-30", "2019-05-01", "2026-11-02")] == ["H31.4.30", "R1.5.1", "R8.11.2"]
    assert [key_in_era(Cut.MONTH, month) for month in ("2019-04", "2019-05", "1989-01", "2027-01")] == ["H31.4", "R1.5", "H1.1", "R9.1"]
    assert [key_in_era(Cut.DAY, key) for key in ("", "x", "2026-02-30", "1500-01-01")] == [None] * 4
    assert key_in_era(Cut.HOUR, "09") is None
    assert [month_in_both(date(2019, month, 1)) for month in (4, 5)] == ["平成31年（2019年）4月", "令和元年（2019年）5月"]
    assert day_in_both(date(2026, 11, 2)) == "令和8年（2026年）11月2日"
