"""Instalments: proposals add up, and where a plan stands by what was paid when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.promises.schedule import InstalmentState, Line, Money, Remainder, Rule, check_lines, propose, stand

LINES = [Line(date(2026, 9, 30), 12_000), Line(date(2026, 10, 31), 10_000), Line(date(2026, 11, 30), 10_000)]
RULE = Rule(grace_days=7, lag_days=14)


def test_a_proposal_is_even_with_the_rest_in_the_first_or_the_last() -> None:
    first = propose(32_500, 3, date(2026, 8, 31))
    assert [(line.due_on.isoformat(), line.amount) for line in first] == [
        ("2026-08-31", 12_500),
        ("2026-09-30", 10_000),
        ("2026-10-31", 10_000),
    ]
    assert [line.amount for line in propose(32_500, 3, date(2026, 8, 31), remainder=Remainder.LAST)] == [10_000, 10_000, 12_500]
    assert [line.amount for line in propose(1_001, 2, date(2026, 8, 31))] == [501, 500]


@given(total=st.integers(1, 10_000_000), count=st.integers(1, 60), first=st.dates(date(2026, 1, 1), date(2030, 1, 1)))
def test_proposals_add_up_and_come_monthly(total: int, count: int, first: date) -> None:
    if count > total:
        with pytest.raises(InvalidInput):
            propose(total, count, first)
        return
    lines = propose(total, count, first)
    assert sum(line.amount for line in lines) == total
    assert len({line.amount for line in lines[1:]}) <= 1
    check_lines(lines, first)
    assert [(line.due_on.year * 12 + line.due_on.month) for line in lines] == [
        first.year * 12 + first.month + number for number in range(count)
    ]
    assert all(line.due_on.day == first.day or (line.due_on + timedelta(days=1)).day == 1 for line in lines)


@pytest.mark.parametrize(("total", "count"), [(0, 1), (-5, 1), (100, 0), (100, 61), (3, 4)])
def test_what_can_not_be_spread(total: int, count: int) -> None:
    with pytest.raises(InvalidInput):
        propose(total, count, date(2026, 1, 1))


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "count"),
        ([Line(date(2026, 8, 31), 1)], "due_1"),
        ([Line(date(2026, 9, 1), 1), Line(date(2026, 9, 1), 1)], "due_2"),
        ([Line(date(2026, 9, 1), 1), Line(date(2026, 9, 2), 0)], "amount_2"),
    ],
)
def test_schedules_that_can_not_be(lines: list[Line], code: str) -> None:
    with pytest.raises(InvalidInput) as told:
        check_lines(lines, date(2026, 9, 1))
    assert told.value.code == code


@pytest.mark.parametrize(
    ("money", "today", "states", "state", "missed"),
    [
        ([], date(2026, 9, 30), "due due due", "good_standing", 0),
        ([], date(2026, 10, 21), "due due due", "good_standing", 0),  # the posting may be on its way
        ([], date(2026, 10, 22), "missed due due", "broken", 1),
        ([Money(date(2026, 10, 7), 12_000)], date(2026, 10, 22), "paid due due", "good_standing", 0),
        ([Money(date(2026, 10, 8), 12_000)], date(2026, 10, 22), "late due due", "good_standing", 1),
        ([Money(date(2026, 9, 1), 11_999)], date(2026, 10, 22), "missed due due", "broken", 1),
        ([Money(date(2026, 9, 1), 32_000)], date(2026, 9, 2), "paid paid paid", "completed", 0),
        ([Money(date(2026, 9, 1), 12_000), Money(date(2026, 11, 1), 10_000)], date(2026, 11, 29), "paid paid due", "good_standing", 0),
    ],
)
def test_where_a_plan_stands(money: list[Money], today: date, states: str, state: str, missed: int) -> None:
    found = stand(LINES, money, RULE, today)
    assert (" ".join(found.states), found.state, found.missed) == (states, state, missed)


def test_a_known_horizon_ends_the_waiting_and_a_borne_miss_breaks_nothing() -> None:
    known = Rule(grace_days=7, lag_days=14, complete_to=date(2026, 10, 7))
    assert stand(LINES, [], known, date(2026, 10, 8)).state == "broken"
    borne = Rule(grace_days=7, lag_days=14, complete_to=date(2026, 10, 7), allowed_misses=1)
    assert stand(LINES, [], borne, date(2026, 10, 8)).state == "good_standing"


@given(
    money=st.lists(st.builds(Money, st.dates(date(2026, 9, 1), date(2026, 12, 31)), st.integers(1, 20_000)), max_size=5),
    today=st.dates(date(2026, 9, 1), date(2027, 1, 31)),
)
def test_money_falls_to_instalments_once_and_in_order(money: list[Money], today: date) -> None:
    found = stand(LINES, money, RULE, today)
    assert sum(found.paid) == min(sum(part.yen for part in money), 32_000)
    settled = [state in (InstalmentState.PAID, InstalmentState.LATE) for state in found.states]
    assert settled == sorted(settled, reverse=True)
    assert all(is_settled == (share == line.amount) for is_settled, share, line in zip(settled, found.paid, LINES, strict=True))
    assert found.next_due_on == next((line.due_on for line, is_settled in zip(LINES, settled, strict=True) if not is_settled), None)
