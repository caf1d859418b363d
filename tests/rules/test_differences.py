"""Differences of shares with their intervals: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.intervals import wilson
from campaigns.messages.reactions import difference


@pytest.mark.parametrize(
    ("hits", "people", "control_hits", "control", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, table II, method 10
    [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (6, 7, 2, 7, 0.0582, 0.8062), (5, 56, 0, 29, -0.0381, 0.1926)],
)
def test_as_published(hits: int, people: int, control_hits: int, control: int, low: float, high: float) -> None:
    found = difference(hits, people, control_hits, control)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(st.integers(1, 5000), st.integers(1, 5000), st.data())
def test_intervals_hold_their_difference_and_stay_in_range(people: int, control: int, data: st.DataObject) -> None:
    hits, control_hits = data.draw(st.integers(0, people)), data.draw(st.integers(0, control))
    found, turned = difference(hits, people, control_hits, control), difference(control_hits, control, hits, people)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (turned.low, turned.high) == (pytest.approx(-found.high), pytest.approx(-found.low))
    share = wilson(hits, people)
    assert share is not None
    assert 0 <= share.low <= hits / people + 1e-12
    assert hits / people - 1e-12 <= share.high <= 1
