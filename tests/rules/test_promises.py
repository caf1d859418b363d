"""Whether a promise was kept: the rule with its grace, its threshold and the lag of postings; and the table of states."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.promises.state import JUDGED, TRANSITIONS, PromiseState, judge, shown_state, sources_of
from campaigns.promises.terms import Terms, checked, terms_of

DUE = date(2026, 10, 10)
FACTS: dict[str, Any] = {"amount": 10_000, "due_on": DUE, "grace_days": 7, "threshold_percent": 100}
days = st.dates(min_value=date(2026, 9, 1), max_value=date(2026, 12, 31))


@pytest.mark.parametrize(
    ("paid", "today", "state"),
    [
        (10_000, date(2026, 10, 1), "kept"),
        (9_999, date(2026, 10, 17), "open"),
        (9_999, date(2026, 10, 18), "part_kept"),
        (0, date(2026, 10, 18), "broken"),
    ],
)
def test_without_a_lag(paid: int, today: date, state: str) -> None:
    assert judge(paid=paid, today=today, **FACTS) == state


@pytest.mark.parametrize(
    ("today", "complete_to", "state"),
    [
        (date(2026, 10, 18), None, "open"),
        (date(2026, 10, 31), None, "open"),
        (date(2026, 11, 1), None, "broken"),
        (date(2026, 10, 18), date(2026, 10, 16), "open"),
        (date(2026, 10, 18), date(2026, 10, 17), "broken"),
        (date(2026, 10, 17), date(2026, 10, 17), "open"),
    ],
)
def test_a_lag_delays_broken_unless_the_postings_are_known_to_be_in(today: date, complete_to: date | None, state: str) -> None:
    assert judge(paid=0, today=today, lag_days=14, complete_to=complete_to, **FACTS) == state
    assert judge(paid=10_000, today=today, lag_days=14, complete_to=complete_to, **FACTS) == "kept"


@given(paid=st.integers(0, 20_000), more=st.integers(0, 5_000), today=days, lag=st.integers(0, 30), complete=st.none() | days)
def test_more_money_is_never_worse_and_time_only_ends_waiting(paid: int, more: int, today: date, lag: int, complete: date | None) -> None:
    order = [PromiseState.BROKEN, PromiseState.PART_KEPT, PromiseState.OPEN, PromiseState.KEPT]

    def rank(yen: int, day: date) -> int:
        return order.index(judge(paid=yen, today=day, lag_days=lag, complete_to=complete, **FACTS))

    assert rank(paid, today) <= rank(paid + more, today)
    assert rank(paid, today + timedelta(days=1)) <= rank(paid, today)
    assert judge(paid=paid, today=today, lag_days=lag, complete_to=complete, **FACTS) in JUDGED


def test_the_table_of_states() -> None:
    assert set(TRANSITIONS) == set(PromiseState)
    assert not TRANSITIONS[PromiseState.CANCELLED]
    assert sources_of(PromiseState.SUPERSEDED) == ["open"]
    assert sources_of(PromiseState.CANCELLED) == ["broken", "kept", "open", "part_kept", "superseded"]
    for before in JUDGED:
        assert TRANSITIONS[before] >= JUDGED


def test_waiting_is_an_open_promise_past_its_grace() -> None:
    assert shown_state("open", DUE, 7, date(2026, 10, 17)) == "open"
    assert shown_state("open", DUE, 7, date(2026, 10, 18)) == "waiting"
    assert shown_state("broken", DUE, 7, date(2026, 10, 18)) == "broken"


def test_terms_come_from_the_office_and_are_checked() -> None:
    assert terms_of({"rounding": "phase"}) == Terms()
    assert terms_of({"posting_lag_days": 5, "promise_grace_days": "0"}) == Terms(promise_grace_days=0, posting_lag_days=5)
    for name, value in (("posting_lag_days", 61), ("posting_lag_days", -1), ("promise_threshold_percent", 0), ("plan_grace_days", True)):
        with pytest.raises(InvalidInput):
            checked(name, value)
    with pytest.raises(InvalidInput, match="none of the terms"):
        checked("graces", 1)
