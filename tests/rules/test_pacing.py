"""Pacing: never more than the trunk and the budget bear, a reason for every refusal, and memories that survive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.pacing_policies import Ours, Progressive
from benchmarks.pacing_world import World
from dialer.pacing import Budget, PacingSnapshot, Why, decide
from dialer.pacing.budget import LEAST_PRICE, MOST_PRICE, learn_price, risk_allowed, share_of_limit
from dialer.pacing.learning import RING_EDGES, Durations, Memory, hazards_of
from dialer.pacing.odds import Odds, Situation, build_odds

ages = st.lists(st.floats(0, 90), max_size=12).map(tuple)
budgets = st.builds(
    lambda limit, answers, abandoned, more: Budget(limit, answers, abandoned, answers + more, abandoned),
    st.sampled_from([0.0, 0.01, 0.03]),
    st.integers(0, 400),
    st.integers(0, 12),
    st.integers(0, 5000),
)
ODDS = build_odds(hazards_of(Memory(0.02)))
snapshots = st.builds(
    PacingSnapshot,
    mode=st.sampled_from(["preview", "progressive", "predictive"]),
    ready_operators=st.integers(0, 12),
    idle_operators=st.integers(0, 12),
    free_lines=st.integers(0, 40),
    robocalls=st.integers(0, 10),
    max_robocalls=st.integers(0, 20),
    talking=ages,
    wrapping=ages,
    ringing=ages,
    waiting=st.integers(0, 3),
    odds=st.sampled_from([None, ODDS]),
    budget=budgets,
    price=st.floats(LEAST_PRICE, MOST_PRICE),
)


@given(snapshots)
def test_the_trunk_is_never_overfilled(snapshot: PacingSnapshot) -> None:
    found = decide(snapshot)
    assert min(found.operator_calls, found.predictive_calls, found.robocalls) >= 0
    assert found.operator_calls + found.predictive_calls + found.robocalls <= snapshot.free_lines
    assert snapshot.robocalls + found.robocalls <= max(snapshot.max_robocalls, snapshot.robocalls)


@given(snapshots)
def test_only_a_predictive_campaign_dials_without_an_operator(snapshot: PacingSnapshot) -> None:
    found = decide(snapshot)
    if snapshot.mode != "predictive":
        assert found.predictive_calls == 0
    assert found.operator_calls <= snapshot.ready_operators
    if snapshot.mode == "preview":
        assert (found.operator_calls, found.why) == (0, Why.PREVIEW)


REFUSED: list[tuple[dict[str, object], Why]] = [
    ({"budget": Budget(0.0)}, Why.ZERO_BUDGET),
    ({"ready_operators": 0, "talking": ()}, Why.NO_OPERATORS),
    ({"ready_operators": 1, "talking": (5.0,)}, Why.FEW_OPERATORS),
    ({"odds": None}, Why.LITTLE_DATA),
    ({"budget": Budget(0.03, 100, 4, 1000, 4)}, Why.BUDGET_SPENT),
    ({"budget": Budget(0.03, 100, 0, 1000, 31)}, Why.BUDGET_SPENT),
]


@pytest.mark.parametrize(("change", "why"), REFUSED, ids=[str(why) for _, why in REFUSED])
def test_what_may_not_be_predicted_is_dialled_progressively_and_says_why(change: dict[str, object], why: Why) -> None:
    base = PacingSnapshot("predictive", 2, 2, 30, talking=(10.0, 50.0), odds=ODDS, price=0.02)
    snapshot = replace(base, **change)  # type: ignore[arg-type]
    found = decide(snapshot)
    assert found.why is why
    assert (found.predictive_calls, found.operator_calls) == (0, decide(replace(snapshot, mode="progressive")).operator_calls)


def exactly_lost(odds: Odds, ready: int, lines: int) -> float:
    """The chance that a further answer finds nobody among `lines` new lines, by convolution; nobody talks or writes."""
    total = 0.0
    for chance in odds.new_cumulants[:, 0]:
        answered = np.ones(1)
        for _ in range(lines):
            answered = np.convolve(answered, [1 - chance, chance])
        total += float(answered[ready:].sum())
    return total / len(odds.new_cumulants)


@given(st.integers(0, 6), st.integers(0, 10))
def test_the_odds_are_those_of_a_convolution(ready: int, lines: int) -> None:
    situation = Situation(ODDS, ready, (), (), ())
    for _ in range(lines):
        situation.add_line()
    assert situation.lost() == pytest.approx(exactly_lost(ODDS, ready, lines), abs=0.01)


@given(budgets, st.floats(LEAST_PRICE, MOST_PRICE), st.integers(0, 50), st.integers(0, 5))
def test_prices_and_risks_keep_their_bounds(budget: Budget, price: float, answers: int, abandoned: int) -> None:
    assert LEAST_PRICE <= learn_price(price, answers, abandoned, budget) <= MOST_PRICE
    assert learn_price(price, 0, abandoned, budget) <= price or price < LEAST_PRICE
    risk = risk_allowed(budget, price)
    assert 0 <= risk <= 3 * MOST_PRICE
    if budget.limit == 0 or budget.spare < 0:
        assert risk == 0


@given(budgets, st.floats(0, 5), st.floats(0, 100), st.floats(0, 480))
def test_the_share_of_the_limit_grows_with_what_is_spare_and_not_with_what_is_pending(
    budget: Budget, pending: float, pace: float, minutes: float
) -> None:
    budget = replace(budget, answers_a_minute=pace, minutes_to_come=minutes)
    share = share_of_limit(budget, pending)
    assert 0 <= share <= 3
    assert share <= share_of_limit(budget)
    assert share <= share_of_limit(replace(budget, answers_today=budget.answers_today + 100, answers_30_days=budget.answers_30_days + 100))
    if budget.spare - pending < 1:
        assert share == 0


@pytest.mark.parametrize(("pace", "kept"), [(4.0, 1.5), (20.0, 8.2), (80.0, 35.2)])
def test_the_end_of_the_day_leaves_a_reserve_that_grows_with_the_pace(pace: float, kept: float) -> None:
    """With fifty operators several calls in the air may find nobody at once: five simulated days ended at 3.01 % without."""
    answers = 9000
    for minutes in (5.0, 0.5):
        just = Budget(0.03, answers, round(0.03 * answers - kept), answers, 0, pace, minutes)
        plenty = replace(just, abandoned_today=just.abandoned_today - 40)
        assert share_of_limit(just) <= share_of_limit(replace(just, minutes_to_come=None))
        assert share_of_limit(plenty) == 3.0


@given(st.lists(st.tuples(st.floats(0, 89), st.booleans()), max_size=30), ages)
def test_exposure_is_the_time_spent_in_each_bin(ended: list[tuple[float, bool]], running: tuple[float, ...]) -> None:
    durations = Durations(RING_EDGES)
    for seconds, is_hit in ended:
        durations.add(seconds, is_hit=is_hit)
    found = durations.exposure(running)
    upper = np.append(RING_EDGES[1:], np.inf)
    plain = np.zeros(len(RING_EDGES))
    for seconds in [*(seconds for seconds, _ in ended), *running]:
        plain += np.clip(np.minimum(seconds, upper) - RING_EDGES, 0, None)
    assert found == pytest.approx(plain)


def test_what_was_learned_survives_the_night_and_damage_starts_cold() -> None:
    memory = Memory(0.02)
    for seconds in (5.0, 9.0, 12.0):
        memory.add_call(seconds, is_answer=True)
    memory.add_call(26.0, is_answer=False)
    memory.talks.add(100.0)
    again = Memory.from_json(memory.to_json(), 0.5)
    assert (again.price, again.calls_seen, again.answers_seen) == (0.02, 4, 3)
    assert np.array_equal(again.calls.hits, memory.calls.hits)
    damaged = Memory.from_json({"price": "x", "calls": {"hits": [1]}, "calls_seen": -1}, 0.5)
    assert (damaged.price, damaged.calls_seen, float(damaged.calls.hits.sum())) == (0.5, 0, 0.0)


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(1, 10_000), operators=st.sampled_from([4, 10]))
def test_a_day_keeps_its_budget_and_talks_more_than_progressive_dialling(seed: int, operators: int) -> None:
    day = World(operators, 0.3, seed).run(Ours())[0]
    assert day.rate <= 0.03
    assert day.talk > World(operators, 0.3, seed).run(Progressive())[0].talk
