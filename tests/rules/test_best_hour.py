"""Whom to call in which hour: what calls teach, and how little a few of them say."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.worklist.best_hour import LEAST_WEIGHT, MOST, MOST_WEIGHT, USUAL_RATE, Hours, Tries, advantage, chances, learn, spread

tries = st.integers(0, 40).flatmap(lambda calls: st.tuples(st.just(calls), st.integers(0, calls))).map(lambda pair: Tries(*pair))
cells = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 23), tries), max_size=40)
histories = st.dictionaries(st.integers(0, 23), tries.filter(lambda each: each.calls > 0), max_size=5)


@given(cells, histories)
def test_every_chance_is_one(seen: list[tuple[str, int, Tries]], own: dict[int, Tries]) -> None:
    hours = spread(learn(seen), [("a", own)])
    for segment in ("a", "never seen"):
        told = chances(hours, segment, own)
        assert len(told) == 24
        assert all(0 < chance <= MOST for chance in told)
    assert LEAST_WEIGHT <= hours.person_weight <= MOST_WEIGHT
    assert hours.calls == sum(each.calls for *_, each in seen)


@given(cells, st.integers(0, 23), st.integers(1, 9))
def test_who_was_reached_more_often_is_likelier_at_every_hour(seen: list[tuple[str, int, Tries]], hour: int, calls: int) -> None:
    hours = learn(seen)
    never, always = (chances(hours, "a", {hour: Tries(calls, reached)}) for reached in (0, calls))
    assert all(low <= high for low, high in zip(never, always, strict=True))
    assert never[hour] < hours.of("a")[hour] < always[hour] or always[hour] == MOST


def test_nothing_known_is_the_usual_rate_and_a_few_calls_say_little() -> None:
    assert chances(Hours(), "a", {}) == (USUAL_RATE,) * 24
    one = learn([("a", 18, Tries(1, 1))])
    assert USUAL_RATE < one.of("a")[18] < USUAL_RATE + 0.05
    many = learn([("a", 18, Tries(2_000, 1_000)), ("a", 10, Tries(2_000, 200))])
    assert many.of("a")[18] == pytest.approx(0.5, abs=0.02)
    assert many.of("a")[10] == pytest.approx(0.1, abs=0.02)


def test_a_cell_without_calls_goes_by_its_hour_and_its_segment() -> None:
    hours = learn([("a", 10, Tries(1_000, 100)), ("a", 18, Tries(1_000, 400)), ("b", 10, Tries(1_000, 200))])
    assert hours.of("b")[18] > hours.of("a")[18]


@pytest.mark.parametrize("differ", [0.0, 0.9])
def test_people_are_shrunk_by_how_much_they_differ(differ: float) -> None:
    draws = Random(5)
    people = []
    for _ in range(4_000):
        rate = 0.3 * (1 + differ * draws.choice((-1, 1)))
        people.append(("a", {10: Tries(10, sum(draws.random() < rate for _ in range(10)))}))
    hours = spread(Hours({"a": (0.3,) * 24}), people)
    assert (hours.person_weight < 2) == (differ > 0)
    assert (hours.person_weight > 20) == (differ == 0)


def test_who_is_better_called_later_today_waits() -> None:
    evening = tuple(0.4 if hour == 18 else 0.2 for hour in range(24))
    all_day = (0.2,) * 24
    assert advantage(evening, 10, 20) < advantage(all_day, 10, 20) == 0.2
    assert advantage(evening, 18, 20) == 0.4
    assert advantage(evening, 19, 20) == 0.2
    assert advantage(evening, 10, 17) == 0.2
