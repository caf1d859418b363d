"""Periods: which moments belong to them, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from callcenter.core.errors import InvalidInput
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
