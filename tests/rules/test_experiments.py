"""Arms: drawn by a stable lottery in the shares asked for, and moved no more than a change of shares makes necessary."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from campaigns.attempts.codes import Channel
from campaigns.segmentation.conditions import All, Compare, Op
from campaigns.segmentation.defaults import default_rule_set
from campaigns.segmentation.experiments import PLACES, Arm, Experiment, Override, allot, arms_by_place, moved, place_of
from campaigns.segmentation.rules import Rule, RuleSet, evaluate
from tests.rules.test_segmentation import LADDER, PLAIN

NOW_AND_WAIT = Experiment("2026-11", allot((Arm("now", 900), Arm("wait", 100, wait_days=30))))


@st.composite
def shares(draw: st.DrawFn) -> list[int]:
    cuts = sorted(draw(st.lists(st.integers(0, PLACES), min_size=2, max_size=4)))
    return [high - low for low, high in zip([0, *cuts], [*cuts, PLACES], strict=True)]


def arms_of(sizes: list[int]) -> tuple[Arm, ...]:
    return tuple(Arm(f"arm_{n}", size) for n, size in enumerate(sizes))


@given(shares())
def test_every_place_has_one_arm_in_the_shares_asked_for(sizes: list[int]) -> None:
    owners = arms_by_place(allot(arms_of(sizes)))
    assert [owners.count(n) for n in range(len(sizes))] == sizes


@given(shares(), shares())
def test_only_what_an_arm_loses_moves(before: list[int], after: list[int]) -> None:
    """An arm that keeps its share or grows keeps everybody; of one that shrinks exactly the difference leaves."""
    old = allot(arms_of(before))
    new = allot(arms_of(after), old)
    owners, now = arms_by_place(old), arms_by_place(new)
    for n, size in enumerate(before):
        stayed = sum(a == n and b == n for a, b in zip(owners, now, strict=True))
        assert stayed == min(size, after[n] if n < len(after) else 0)
    assert moved(old, new) == sum(max(0, size - (after[n] if n < len(after) else 0)) for n, size in enumerate(before))
    assert [now.count(n) for n in range(len(after))] == after


@given(st.text(max_size=12), st.integers(1, 99), st.integers(1, 10**10).map(str))
def test_a_place_is_stable_and_in_range(code: str, office: int, debtor_no: str) -> None:
    assert place_of(code, office, debtor_no) == place_of(code, office, debtor_no)
    assert 0 <= place_of(code, office, debtor_no) < PLACES


def test_places_are_spread_evenly_and_another_code_draws_anew() -> None:
    places = [place_of("2026-11", 1, f"{n:010d}") for n in range(20_000)]
    tenths = [sum(place // 100 == tenth for place in places) for tenth in range(10)]
    assert all(1_850 < count < 2_150 for count in tenths)
    others = [place_of("2026-12", 1, f"{n:010d}") for n in range(20_000)]
    same = sum(a // 100 == b // 100 for a, b in zip(places, others, strict=True))
    assert 1_800 < same < 2_200


def at(place: int, experiment: Experiment, **facts: Any) -> dict[str, Any]:
    """Facts of somebody who drew a place; nobody has come into an arm yet."""
    days = {experiment.days_in(arm).key: None for arm in experiment.arms if arm.wait_days}
    return PLAIN | days | {experiment.place.key: place} | facts


def test_the_waiting_arm_waits_until_its_days_have_passed() -> None:
    rules = RuleSet(default_rule_set().rules, NOW_AND_WAIT)
    days = NOW_AND_WAIT.days_in(NOW_AND_WAIT.arms[1]).key
    now = evaluate(rules, at(5, NOW_AND_WAIT), LADDER)
    assert (now.channel, now.arm, now.propensity) == (Channel.SMS, "now", 0.9)
    for waited in (None, 0, 29):
        waiting = evaluate(rules, at(950, NOW_AND_WAIT, **{days: waited}), LADDER)
        assert (waiting.channel, waiting.arm, waiting.propensity, waiting.reasons[0]) == (Channel.NONE, "wait", 0.1, "experiment_wait")
    over = evaluate(rules, at(950, NOW_AND_WAIT, **{days: 30}), LADDER)
    assert (over.channel, over.arm, over.reasons) == (Channel.SMS, "wait", ("mobile_never_reached", "experiment_waited"))


def test_who_is_not_contacted_takes_no_part() -> None:
    rules = RuleSet(default_rule_set().rules, NOW_AND_WAIT)
    assert evaluate(rules, at(950, NOW_AND_WAIT, is_stopped=True), LADDER).arm == "all"
    assert evaluate(rules, at(950, NOW_AND_WAIT, outstanding=900_000), LADDER).arm == "all"


def test_an_arm_has_rules_and_wordings_of_its_own() -> None:
    experiment = Experiment(
        "words", allot((Arm("now", 500), Arm("new", 500, overrides=(Override("small", Channel.AUTO_CALL, 2, script="friendly"),))))
    )
    small = Compare("outstanding", Op.LT, 50_000)
    rules = RuleSet(
        (
            Rule("sooner", Channel.OPERATOR_CALL, ("sooner",), Compare("debt_count", Op.GE, 9), arms=("new",)),
            Rule("small", Channel.SMS, ("small",), small, template="soft"),
            Rule("rest", Channel.OPERATOR_CALL, ("rest",), All(())),
        ),
        experiment,
    )
    champion, challenger = (evaluate(rules, at(place, experiment)) for place in (0, 999))
    assert (champion.channel, champion.template, champion.script, champion.priority) == (Channel.SMS, "soft", "", 5)
    assert (challenger.channel, challenger.template, challenger.script, challenger.priority) == (Channel.AUTO_CALL, "", "friendly", 2)
    assert evaluate(rules, at(0, experiment, debt_count=9)).rule_code == "small"
    assert evaluate(rules, at(999, experiment, debt_count=9)).rule_code == "sooner"
