"""延滞金: the published example with its working, the edges of the rule, and properties over random input."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.payments.charges import RATES, PartPayment, Rounding, base_of, first_phase_end, late_charge

days = st.dates(min_value=date(2014, 1, 1), max_value=date(2026, 12, 31))
roundings = st.sampled_from(list(Rounding))


def test_published_example_of_toyohashi() -> None:
    """65,000 yen due 2021-05-31 paid 2022-01-31: 133 + 2,883 + 480 = 3,496, charged 3,400."""
    result = late_charge(65_000, date(2021, 5, 31), date(2022, 1, 31))
    assert (result.charge, result.before_truncation, result.base) == (3_400, 3_496, 65_000)
    assert [(s.first, s.last, s.days, s.rate_tenths, s.yen) for s in result.segments] == [
        (date(2021, 6, 1), date(2021, 6, 30), 30, 25, 133),
        (date(2021, 7, 1), date(2021, 12, 31), 184, 88, 2_883),
        (date(2022, 1, 1), date(2022, 1, 31), 31, 87, 480),
    ]


def test_per_phase_keeps_the_fractions_until_the_phase_ends() -> None:
    """Two segments of phase 2 carry fractions that make one more yen together."""
    due, paid = date(2021, 5, 31), date(2022, 1, 2)
    by_segment = late_charge(65_000, due, paid, Rounding.SEGMENT)
    by_phase = late_charge(65_000, due, paid, Rounding.PHASE)
    assert [s.yen for s in by_segment.segments] == [133, 2_883, 30]
    assert [s.yen for s in by_phase.segments] == [133, 2_883, 31]
    assert by_phase.before_truncation == int(Fraction(65_000 * 25 * 30, 365_000)) + int(Fraction(65_000 * (88 * 184 + 87 * 2), 365_000))


@pytest.mark.parametrize(
    ("due", "end"),
    [
        (date(2021, 5, 31), date(2021, 6, 30)),
        (date(2021, 9, 1), date(2021, 10, 1)),
        (date(2021, 6, 30), date(2021, 7, 31)),
        (date(2022, 1, 31), date(2022, 2, 28)),
        (date(2023, 12, 25), date(2024, 1, 25)),
        (date(2022, 1, 30), date(2022, 2, 28)),
        (date(2024, 1, 29), date(2024, 2, 29)),
    ],
)
def test_one_month_is_counted_as_the_civil_code_does(due: date, end: date) -> None:
    assert first_phase_end(due) == end


@pytest.mark.parametrize(("principal", "base"), [(0, 0), (1_999, 0), (2_000, 2_000), (2_999, 2_000), (65_999, 65_000)])
def test_base_drops_what_bears_no_charge(principal: int, base: int) -> None:
    assert base_of(principal) == base


def test_leap_years_count_366_days_over_365() -> None:
    result = late_charge(1_000_000, date(2023, 11, 1), date(2024, 12, 31))
    assert sum(s.days for s in result.segments if s.first.year == 2024 or s.last.year == 2024) >= 366
    assert result.segments[-1].yen == int(Fraction(1_000_000 * 87 * result.segments[-1].days, 365_000))


def test_a_sum_below_1000_yen_is_not_charged() -> None:
    result = late_charge(65_000, date(2021, 5, 31), date(2021, 8, 15))
    assert 0 < result.before_truncation < 1_000
    assert result.charge == 0


def test_paid_in_time_costs_nothing_and_has_no_working() -> None:
    result = late_charge(65_000, date(2021, 5, 31), date(2021, 5, 31))
    assert (result.charge, result.segments) == (0, ())


def test_a_part_payment_rebases_from_the_day_after_it() -> None:
    result = late_charge(100_000, date(2025, 6, 2), date(2025, 12, 31), part_payments=[PartPayment(date(2025, 9, 30), 60_500)])
    assert [(s.first, s.base) for s in result.segments] == [
        (date(2025, 6, 3), 100_000),
        (date(2025, 7, 3), 100_000),
        (date(2025, 10, 1), 39_000),
    ]


def test_a_part_payment_that_leaves_less_than_2000_yen_ends_the_charge() -> None:
    result = late_charge(50_000, date(2025, 6, 2), date(2025, 12, 31), part_payments=[PartPayment(date(2025, 9, 30), 48_500)])
    assert result.segments[-1].last == date(2025, 9, 30)


@pytest.mark.parametrize(
    ("principal", "due", "paid"),
    [
        (-1, date(2025, 6, 2), date(2025, 7, 2)),
        (50_000, date(2013, 6, 2), date(2014, 7, 2)),
        (50_000, date(2026, 6, 2), date(2027, 1, 1)),
    ],
)
def test_bad_amounts_and_unknown_rates_are_refused(principal: int, due: date, paid: date) -> None:
    with pytest.raises(InvalidInput):
        late_charge(principal, due, paid)


def test_part_payments_beyond_the_principal_are_refused() -> None:
    with pytest.raises(InvalidInput):
        late_charge(10_000, date(2025, 6, 2), date(2025, 7, 2), part_payments=[PartPayment(date(2025, 6, 5), 10_001)])


def test_the_rate_table_has_no_gap_and_names_its_sources() -> None:
    for before, after in pairwise(RATES):
        assert after.first_year == before.last_year + 1
    assert all(period.source for period in RATES)


@given(principal=st.integers(0, 50_000_000), due=days, paid=days, rounding=roundings)
def test_segments_tile_the_delay_and_add_up(principal: int, due: date, paid: date, rounding: Rounding) -> None:
    result = late_charge(principal, due, paid, rounding)
    assert result.charge % 100 == 0
    assert result.charge == 0 or 1_000 <= result.charge <= result.before_truncation
    assert sum(s.yen for s in result.segments) == result.before_truncation
    if paid > due and result.base:
        assert result.segments[0].first == due + timedelta(days=1)
        assert result.segments[-1].last == paid
        for before, after in pairwise(result.segments):
            assert after.first == before.last + timedelta(days=1)


@given(principal=st.integers(0, 50_000_000), due=days, paid=days)
def test_a_naive_day_by_day_sum_agrees(principal: int, due: date, paid: date) -> None:
    """Counting each day on its own, at its own year's rate, gives the exact sum; rounding loses less than a yen a segment."""
    result = late_charge(principal, due, paid, Rounding.SEGMENT)
    if paid <= due:
        return
    end = first_phase_end(due)
    by_year = {y: (p.phase_1, p.phase_2) for p in RATES for y in range(p.first_year, p.last_year + 1)}
    counted: dict[int, int] = {}
    day = due + timedelta(days=1)
    while day <= paid:
        rate = by_year[day.year][0 if day <= end else 1]
        counted[rate] = counted.get(rate, 0) + 1
        day += timedelta(days=1)
    exact = sum(Fraction(result.base * rate * n, 365_000) for rate, n in counted.items())
    assert 0 <= exact - result.before_truncation < max(1, len(result.segments))


@given(principal=st.integers(0, 50_000_000), due=days, paid=days)
def test_rounding_per_phase_never_loses_more_than_per_segment(principal: int, due: date, paid: date) -> None:
    by_segment = late_charge(principal, due, paid, Rounding.SEGMENT)
    by_phase = late_charge(principal, due, paid, Rounding.PHASE)
    assert by_segment.before_truncation <= by_phase.before_truncation


@given(principal=st.integers(0, 5_000_000), due=days, paid=days, paid_part=st.integers(0, 5_000_000), part_day=days)
def test_paying_a_part_never_costs_more(principal: int, due: date, paid: date, paid_part: int, part_day: date) -> None:
    whole = late_charge(principal, due, paid)
    part = late_charge(principal, due, paid, part_payments=[PartPayment(part_day, min(principal, paid_part))])
    assert part.before_truncation <= whole.before_truncation
