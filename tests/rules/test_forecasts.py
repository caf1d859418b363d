"""The forecast against the naive seasonal one on made-up towns, and its plain properties."""

from __future__ import annotations

from datetime import date, timedelta
from math import isclose
from random import Random

import pytest

from reports.forecasts.method import (
    Before,
    History,
    backtest,
    calls_coming_in,
    calls_per_operator,
    days_to_come,
    expect,
    naive,
    usual_operators,
)

FIRST = date(2026, 6, 1)


def town(seed: int, days: int = 100, trend: float = 0.0) -> History:
    """Weekdays from 9 to 17: 14 calls an operator in half an hour, fewer at noon, more on Mondays; calls that come in, most after lunch."""
    random, found = Random(seed), {}
    for number in range(days):
        day = FIRST + timedelta(days=number)
        if day.weekday() >= 5:
            continue
        cells = {}
        for slot in range(18, 34):
            operators = random.choice((3, 4, 4, 5))
            rate = 14 * (0.6 if slot in (24, 25) else 1) * (1.2 if day.weekday() == 0 else 1) * (1 + trend * number / days)
            calls = sum(random.gauss(rate, 3) for _ in range(operators))
            inbound = sum(random.random() < 0.04 for _ in range(60 if slot in (26, 27) else 25))
            cells[slot] = (max(0, round(calls)), operators, inbound)
        found[day] = cells
    return History(found)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("trend", [0.0, 0.5])
def test_it_is_closer_than_last_week(seed: int, trend: float) -> None:
    history = town(seed, trend=trend)
    for cell in (calls_per_operator, calls_coming_in):
        found = backtest(history, cell)
        assert found is not None
        assert found.error < found.naive_error
        assert found.coverage is not None
        assert 0.68 <= found.coverage <= 0.92


def test_a_town_that_never_changes_is_told_exactly() -> None:
    history = History({FIRST + timedelta(days=7 * week): {20: (30, 3, 2)} for week in range(12)})
    day = FIRST + timedelta(weeks=12)
    assert isclose(Before(history, day, calls_per_operator).forecast(20) or 0, 10)
    assert isclose(Before(history, day, calls_coming_in).forecast(20) or 0, 2)
    (row,) = expect(history, day, 5, backtest(history, calls_per_operator), None)
    assert isclose(row.attempts or 0, 50)
    assert row.inbound_bars is None
    assert usual_operators(history) == 3


def test_days_to_come_do_not_change_a_forecast() -> None:
    history = town(1)
    day = history.open_days[-10]
    past = History({one: cells for one, cells in history.days.items() if one < day})
    for slot in history.slots():
        assert Before(history, day, calls_coming_in).forecast(slot) == Before(past, day, calls_coming_in).forecast(slot)
        assert naive(history, day, slot, calls_coming_in) == naive(past, day, slot, calls_coming_in)


def test_nothing_known_is_nothing_said() -> None:
    empty = History({})
    assert Before(empty, FIRST, calls_coming_in).forecast(20) is None
    assert backtest(empty, calls_coming_in) is None
    assert expect(empty, FIRST, 4, None, None) == []
    assert usual_operators(empty) == 1
    assert days_to_come(empty, FIRST, 5, lambda _: False) == []


def test_coming_days_are_those_on_which_one_works() -> None:
    found = days_to_come(town(2), date(2026, 9, 18), 3, lambda day: day == date(2026, 9, 21))
    assert found == [date(2026, 9, 18), date(2026, 9, 22), date(2026, 9, 23)]
