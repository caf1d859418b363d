"""延滞金: the published example with its working, the edges of the rule, and properties over random input."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.payments.charges import Nothing, PartPayment, Rounding, base_of, first_phase_end, late_charge
from campaigns.payments.rates import rates, read_rates
from tests.rules.charge_reference import one_month_on, reference_charge

days = st.dates(min_value=date(2000, 1, 1), max_value=date(2026, 12, 31))
parts = st.lists(st.tuples(days, st.integers(0, 3_000_000)), max_size=4)
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
        (10**15, date(2025, 6, 2), date(2025, 7, 2)),
        (50_000, date(1999, 6, 2), date(2014, 7, 2)),
        (50_000, date(2026, 6, 2), date(2027, 1, 1)),
        (50_000, date(9999, 12, 30), date(9999, 12, 31)),
    ],
)
def test_bad_amounts_and_unknown_rates_are_refused(principal: int, due: date, paid: date) -> None:
    with pytest.raises(InvalidInput):
        late_charge(principal, due, paid)


def test_no_rate_is_needed_where_nothing_is_charged() -> None:
    assert late_charge(1_999, date(1990, 6, 2), date(2030, 7, 2)).nothing is Nothing.SMALL_BASE
    assert late_charge(50_000, date(2030, 6, 2), date(2030, 6, 2)).nothing is Nothing.PAID_IN_TIME
    assert late_charge(2_000, date(2026, 6, 2), date(2026, 6, 3)).nothing is Nothing.SMALL_SUM


def test_part_payments_beyond_the_principal_are_refused() -> None:
    for parts in ([PartPayment(date(2025, 6, 5), 10_001)], [PartPayment(date(2025, 6, 5), 6_000)] * 2, [PartPayment(date(2025, 6, 5), -1)]):
        with pytest.raises(InvalidInput):
            late_charge(10_000, date(2025, 6, 2), date(2025, 7, 2), part_payments=parts)


def test_what_was_paid_by_the_due_date_was_never_late() -> None:
    part = PartPayment(date(2025, 6, 2), 40_000)
    paid = late_charge(100_000, date(2025, 6, 2), date(2025, 12, 31), part_payments=[part])
    assert paid == late_charge(60_000, date(2025, 6, 2), date(2025, 12, 31))
    assert paid.base == 60_000


def test_a_year_that_changes_nothing_cuts_nothing() -> None:
    """14.6 % held in phase 2 whatever the year: fractions are dropped once, for it is one rate."""
    result = late_charge(100_000, date(2006, 5, 31), date(2013, 12, 31))
    assert [(s.first, s.last, s.rate_tenths) for s in result.segments] == [
        (date(2006, 6, 1), date(2006, 6, 30), 41),
        (date(2006, 7, 1), date(2013, 12, 31), 146),
    ]


def test_the_rate_table_has_no_gap_and_names_its_sources() -> None:
    for before, after in pairwise(rates()):
        assert after.first == before.last + timedelta(days=1)
    assert (rates()[0].first, rates()[-1].last) == (date(2000, 1, 1), date(2026, 12, 31))
    assert all(period.sources for period in rates())


@pytest.mark.parametrize(
    "row",
    [
        "from = 2027-01-02\nto = 2027-12-31\nphase_1 = 2.8\nphase_2 = 9.1\nsources = ['x']",  # a day without a rate
        "from = 2026-06-01\nto = 2027-12-31\nphase_1 = 2.8\nphase_2 = 9.1\nsources = ['x']",  # two rates for a day
        "from = 2027-01-01\nto = 2027-12-31\nphase_1 = 7.4\nphase_2 = 9.1\nsources = ['x']",
        "from = 2027-01-01\nto = 2027-12-31\nphase_1 = 2.85\nphase_2 = 9.1\nsources = ['x']",
        "from = 2027-01-01\nto = 2027-12-31\nphase_1 = 2.8\nphase_2 = 9.1\nsources = []",
        "from = 2027-01-01\nto = 2026-12-31\nphase_1 = 2.8\nphase_2 = 9.1\nsources = ['x']",
        "from = 2027-01-01\nphase_1 = 2.8\nphase_2 = 9.1\nsources = ['x']",
        "from = ",
    ],
)
def test_a_table_that_can_not_hold_is_refused(row: str) -> None:
    before = "[[rate]]\nfrom = 2026-01-01\nto = 2026-12-31\nphase_1 = 2.8\nphase_2 = 9.1\nsources = ['a']\n[[rate]]\n"
    with pytest.raises(InvalidInput):
        read_rates(before + row)


@given(due=days)
def test_a_month_walked_day_by_day_ends_on_the_same_day(due: date) -> None:
    assert first_phase_end(due) == one_month_on(due)


def within(principal: int, wished: list[tuple[date, int]]) -> list[tuple[date, int]]:
    """Part payments that together stay within the principal."""
    found = []
    for when, yen in wished:
        found.append((when, min(yen, principal)))
        principal -= found[-1][1]
    return found


@given(principal=st.integers(0, 5_000_000), due=days, late=st.integers(-40, 1500), wished=parts, rounding=roundings)
def test_agrees_with_a_count_day_by_day(principal: int, due: date, late: int, wished: list[tuple[date, int]], rounding: Rounding) -> None:
    paid, history = min(due + timedelta(days=late), date(2026, 12, 31)), within(principal, wished)
    result = late_charge(principal, due, paid, rounding, [PartPayment(when, yen) for when, yen in history])
    charge, total, segments = reference_charge(principal, due, paid, history, rounding.value)
    assert (result.charge, result.before_truncation) == (charge, total)
    assert [(s.first, s.last, s.rate_tenths, s.base) for s in result.segments] == segments
    assert all(s.days == (s.last - s.first).days + 1 for s in result.segments)


@given(principal=st.integers(0, 50_000_000), due=days, paid=days, rounding=roundings)
def test_segments_tile_the_delay_and_add_up(principal: int, due: date, paid: date, rounding: Rounding) -> None:
    result = late_charge(principal, due, paid, rounding)
    assert result.charge % 100 == 0
    assert result.charge == 0 or 1_000 <= result.charge <= result.before_truncation
    assert sum(s.yen for s in result.segments) == result.before_truncation
    assert (result.charge == 0) == (result.nothing is not None)
    if paid > due and result.base:
        assert result.segments[0].first == due + timedelta(days=1)
        assert result.segments[-1].last == paid
        for before, after in pairwise(result.segments):
            assert after.first == before.last + timedelta(days=1)


@given(principal=st.integers(0, 5_000_000), more=st.integers(0, 5_000), due=days, paid=days, later=st.integers(0, 400), rounding=roundings)
def test_more_days_or_more_yen_never_cost_less(principal: int, more: int, due: date, paid: date, later: int, rounding: Rounding) -> None:
    usual = late_charge(principal, due, paid, rounding)
    after = min(paid + timedelta(days=later), date(2026, 12, 31))
    for dearer in (late_charge(principal, due, after, rounding), late_charge(principal + more, due, paid, rounding)):
        assert usual.before_truncation <= dearer.before_truncation
        assert usual.charge <= dearer.charge


@given(principal=st.integers(0, 50_000_000), due=days, paid=days)
def test_rounding_per_phase_never_loses_more_than_per_segment(principal: int, due: date, paid: date) -> None:
    by_segment = late_charge(principal, due, paid, Rounding.SEGMENT)
    by_phase = late_charge(principal, due, paid, Rounding.PHASE)
    assert by_segment.before_truncation <= by_phase.before_truncation


@given(principal=st.integers(0, 5_000_000), due=days, paid=days, paid_part=st.integers(0, 5_000_000), part_day=days)
def test_a_part_payment_only_lowers_what_comes_after_it(principal: int, due: date, paid: date, paid_part: int, part_day: date) -> None:
    """Until that day as if nothing had been paid, from the next day on as if only the rest had ever been owed."""
    yen = min(principal, paid_part)
    split = late_charge(principal, due, paid, part_payments=[PartPayment(part_day, yen)])
    whole, rest = late_charge(principal, due, paid), late_charge(principal - yen, due, paid)

    def by_day(result: object, first: date, last: date) -> Fraction:
        exact = Fraction(0)
        for s in result.segments:  # type: ignore[attr-defined]
            days = (min(s.last, last) - max(s.first, first)).days + 1
            exact += Fraction(s.base * s.rate_tenths * max(days, 0), 365_000)
        return exact

    end = date(2026, 12, 31)
    assert by_day(split, date(2000, 1, 1), end) == by_day(whole, date(2000, 1, 1), part_day) + by_day(
        rest, part_day + timedelta(days=1), end
    )
    assert split.before_truncation <= whole.before_truncation
