"""Control charts: published examples, plain reasoning, and properties."""

from __future__ import annotations

from datetime import date, timedelta
from math import isclose

from hypothesis import given
from hypothesis import strategies as st

from reports.control.limits import Change, Point, Rule, change, judge, student

FIRST = date(2026, 4, 1)


def series(*values: float | None, n: float = 0) -> list[Point]:
    return [Point(FIRST + timedelta(days=place), value, n) for place, value in enumerate(values)]


def test_the_xmr_chart_of_ten_values() -> None:
    """Mean 10, mean moving range 2: the natural limits are 10 ± 5.32 (D. J. Wheeler's 2.66)."""
    judged = judge(series(9, 11, 9, 11, 9, 11, 9, 11, 9, 11, 15.3, 15.4), is_share=False)
    before = judged[10].limits
    assert before is not None
    assert isclose(before.center, 10)
    assert isclose(before.high - before.center, 5.32)
    assert judged[10].rules == ()
    assert judge(series(*[9, 11] * 5, 15.4), is_share=False)[-1].rules == (Rule.OUTSIDE,)


def test_the_p_chart_where_shares_vary_by_chance_alone() -> None:
    """With no more than chance between the days the limits are those of the plain p chart: 0.3 ± 3 √(0.21 ÷ 400)."""
    judged = judge(series(*[0.30, 0.31, 0.30, 0.29] * 3, 0.23, n=400), is_share=True)
    limits = judged[-1].limits
    assert limits is not None
    assert isclose(limits.center, 0.3)
    assert isclose(limits.low, 0.3 - 3 * (0.21 / 400) ** 0.5)
    assert judged[-1].rules == (Rule.OUTSIDE,)


def test_days_that_differ_by_more_than_chance_widen_the_range() -> None:
    """0.2 and 0.4 in turn of 400 calls each: a plain p chart would call every one of them an alarm."""
    judged = judge(series(*[0.2, 0.4] * 8, n=400), is_share=True)
    assert [one.rules for one in judged] == [()] * 16
    assert judged[-1].limits is not None
    assert judged[-1].limits.high > 0.5


def test_eight_in_a_row_are_told_once() -> None:
    judged = judge(series(*[9, 11] * 6, 9, *[11.5, 11.6] * 5), is_share=False)
    assert [place for place, one in enumerate(judged) if Rule.RUN in one.rules] == [20]


def test_too_little_says_nothing() -> None:
    assert all(one.limits is None for one in judge(series(*[0.3] * 8, n=400), is_share=True))
    assert judge(series(*[0.3, 0.31] * 6, n=20), is_share=True)[-1].limits is None
    assert judge(series(*[None] * 12), is_share=False)[-1].limits is None
    assert judge(series(*[0.0] * 12, 0.5, n=400), is_share=True)[-1].limits is None


def test_newcombe_s_example() -> None:
    """56 of 70 against 48 of 80: 0.2 (0.0524 to 0.3339), method 10 of the paper; here one day each would be too few, so seven and eight."""
    found = change(series(*[0.6] * 8, n=10), series(*[0.8] * 7, n=10), is_share=True)
    assert found is not None
    assert isclose(found.difference, 0.2, abs_tol=1e-9)
    assert isclose(found.low, 0.0524, abs_tol=5e-4)
    assert isclose(found.high, 0.3339, abs_tol=5e-4)
    assert found.is_more_than_noise


def test_welch_s_interval_and_student_s_quantiles() -> None:
    found = change(series(1, 2, 3, 4, 5), series(3, 4, 5, 6, 7), is_share=False)
    assert found is not None
    assert isclose(found.difference, 2)
    assert isclose(found.high - found.difference, 2.306, abs_tol=5e-3)
    assert not found.is_more_than_noise
    for freedom, quantile in ((4, 2.776), (8, 2.306), (30, 2.042)):
        assert isclose(student(freedom), quantile, rel_tol=3e-3)


def test_a_change_needs_five_periods_on_either_side() -> None:
    assert change(series(*[0.3] * 4, n=400), series(*[0.3] * 9, n=400), is_share=True) is None
    assert change(series(1, 2, 3, 4, None), series(1, 2, 3, 4, 5), is_share=False) is None


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 200)), min_size=1, max_size=60), st.booleans())
def test_limits_hold_their_middle_and_no_point_judges_itself(days: list[tuple[int, int]], is_share: bool) -> None:
    points = [
        Point(FIRST + timedelta(days=place), min(hits, base) / base if is_share else hits, base if is_share else 0)
        for place, (hits, base) in enumerate(days)
    ]
    judged = judge(points, is_share=is_share)
    assert [one.point for one in judged] == points
    for one in judged:
        if one.limits is not None:
            assert 0 <= one.limits.low <= one.limits.center <= one.limits.high
    again = judge([*points[:-1], Point(points[-1].first, 1.0, points[-1].n)], is_share=is_share)
    assert [one.limits for one in again] == [one.limits for one in judged]
    for place in {0, len(points) // 2, len(points) - 1}:
        assert judge(points, is_share=is_share, since=points[place].first) == judged[place:]


@given(st.lists(st.integers(0, 50), min_size=5, max_size=20), st.lists(st.integers(0, 50), min_size=5, max_size=20), st.booleans())
def test_a_change_lies_in_its_interval_and_turns_round(before: list[int], after: list[int], is_share: bool) -> None:
    def side(values: list[int]) -> list[Point]:
        return series(*[value / 50 if is_share else float(value) for value in values], n=50 if is_share else 0)

    found, turned = (change(*sides, is_share=is_share) for sides in ((side(before), side(after)), (side(after), side(before))))
    assert isinstance(found, Change)
    assert isinstance(turned, Change)
    assert found.low - 1e-9 <= found.difference <= found.high + 1e-9
    assert isclose(found.low, -turned.high, abs_tol=1e-9)
