"""When to try again: the short intervals, then another part of the day and weekday, always where the gate would agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.attempts.codes import Channel, LineResult
from campaigns.attempts.retry import After, PastTry, RetryPolicy, RetryRules, next_try_at, other_part
from campaigns.compliance.days import DayKind, DeclaredDay
from campaigns.compliance.policy import Cap, Scope, Window
from campaigns.compliance.presets import municipality, training
from campaigns.compliance.rules import Allowed, ContactFacts, NumberFact, Tried, check
from tests.campaigns.town import JST, NOW

LOOSE = replace(municipality(), max_per_day=10, max_per_week=30)
POLICY = RetryPolicy(contact=LOOSE)
STRICT = RetryPolicy(contact=municipality())
FEW = Cap(Scope.PERSON, 2, Window.ROLLING, 10, frozenset({Channel.OPERATOR_CALL}))
CAPPED = RetryPolicy(contact=replace(LOOSE, caps=(FEW,), is_calendar_week=True, max_per_week=4))


def after(line_result: LineResult, policy: RetryPolicy = POLICY, *before: PastTry, now: datetime = NOW) -> datetime | None:
    return next_try_at([*before, PastTry(now, line_result)], line_result, policy, now)


@pytest.mark.parametrize(
    ("line_result", "minutes"),
    [(LineResult.BUSY, 5), (LineResult.NO_ANSWER, 60), (LineResult.UNREACHABLE, 180), (LineResult.FAILED, 10)],
)
def test_short_intervals(line_result: LineResult, minutes: int) -> None:
    assert after(line_result) == NOW + timedelta(minutes=minutes)


def test_busy_again_and_again_becomes_no_answer() -> None:
    before = [PastTry(NOW - timedelta(minutes=m), LineResult.BUSY) for m in (15, 10, 5)]
    assert after(LineResult.BUSY, POLICY, *before) == NOW + timedelta(hours=1)


def test_the_second_no_answer_of_a_day_moves_to_another_part_and_weekday() -> None:
    """Wednesday 10:00 and 11:00 were tried: Thursday is no Wednesday, noon is no morning."""
    moment = after(LineResult.NO_ANSWER, POLICY, PastTry(NOW, LineResult.NO_ANSWER), now=NOW + timedelta(hours=1))
    assert moment == datetime(2026, 11, 19, 12, 0, tzinfo=JST)


def test_under_one_attempt_a_day_even_busy_waits_for_tomorrow() -> None:
    assert after(LineResult.BUSY, STRICT) == datetime(2026, 11, 19, 12, 0, tzinfo=JST)


def test_an_interval_that_ends_after_hours_moves_to_another_day() -> None:
    late = NOW.replace(hour=16, minute=30)
    moment = after(LineResult.NO_ANSWER, POLICY, now=late)
    assert moment is not None
    assert moment.date() > late.date()


def test_part_and_weekday_tried_least_are_chosen() -> None:
    before = [PastTry(NOW - timedelta(days=n), LineResult.NO_ANSWER) for n in (8, 9, 12)]
    moment = after(LineResult.MACHINE, POLICY, *before)
    assert moment is not None
    assert moment.timetz().replace(tzinfo=None) >= time(12)
    assert moment.weekday() not in {NOW.weekday(), *((NOW - timedelta(days=n)).weekday() for n in (8, 9, 12))}


@pytest.mark.parametrize("hour", [9, 12, 16])
def test_an_abandoned_call_is_not_repeated_for_72_hours(hour: int) -> None:
    now = NOW.replace(hour=hour)
    moment = after(LineResult.ABANDONED, now=now)
    assert moment is not None
    assert moment >= now + timedelta(hours=72)


def test_equipment_that_fails_uses_up_no_try_and_is_not_tried_for_ever() -> None:
    tries = [PastTry(NOW - timedelta(days=n), LineResult.NO_ANSWER) for n in range(1, 8)]
    assert after(LineResult.FAILED, POLICY, *tries) == NOW + timedelta(minutes=10)
    failures = [PastTry(NOW - timedelta(minutes=10 * n), LineResult.FAILED) for n in range(1, 7)]
    moment = after(LineResult.FAILED, POLICY, *failures)
    assert moment is not None
    assert moment.date() > NOW.date()
    late = after(LineResult.FAILED, now=NOW.replace(hour=16, minute=55))
    assert late == datetime(2026, 11, 19, 9, 0, tzinfo=JST)


def test_switched_off_twice_a_day_moves_on() -> None:
    before = [PastTry(NOW - timedelta(minutes=m), LineResult.UNREACHABLE) for m in (50, 20)]
    moment = after(LineResult.UNREACHABLE, POLICY, *before)
    assert moment is not None
    assert moment.date() > NOW.date()


def test_after_two_weekday_calls_in_vain_an_open_weekend_comes_first() -> None:
    sunday = datetime(2026, 11, 22, 9, 0, tzinfo=JST)
    hours = replace(LOOSE.hours, days={sunday.date(): DeclaredDay(DayKind.OPEN)}, spans={})
    policy = RetryPolicy(contact=replace(LOOSE, hours=hours))
    monday = PastTry(NOW - timedelta(days=2), LineResult.NO_ANSWER)
    first = after(LineResult.MACHINE, policy)
    assert first is not None
    assert first.date() != sunday.date()
    moment = after(LineResult.MACHINE, policy, monday)
    assert moment is not None
    assert moment.date() == sunday.date()
    never = replace(policy, rules=RetryRules(weekend_after=0))
    assert after(LineResult.MACHINE, never, monday) == datetime(2026, 11, 19, 12, 0, tzinfo=JST)


def test_an_evening_office_adds_an_evening_to_the_parts_of_the_day() -> None:
    evening = datetime(2026, 11, 20, 17, 0, tzinfo=JST)
    hours = replace(LOOSE.hours, days={evening.date(): DeclaredDay(DayKind.EVENING)}, spans={})
    tried = [PastTry(NOW.replace(hour=h) - timedelta(days=7 + n), LineResult.NO_ANSWER) for n, h in enumerate((9, 12, 15))]
    moment = after(LineResult.MACHINE, RetryPolicy(contact=replace(LOOSE, hours=hours), rules=RetryRules(weekend_after=0)), *tried)
    assert moment == evening


def test_a_further_round_begins_in_the_part_of_the_day_tried_least() -> None:
    opens, closes = NOW.replace(hour=9), NOW.replace(hour=17)
    day = timedelta(days=1)
    assert other_part([NOW - 2 * day], opens, closes, POLICY) == NOW.replace(hour=12)
    assert other_part([NOW - 4 * day, NOW.replace(hour=13) - 2 * day], opens, closes, POLICY) == NOW.replace(hour=15)
    assert other_part([NOW - 2 * day], NOW.replace(hour=15, minute=30), closes, POLICY) == NOW.replace(hour=15, minute=30)


def test_the_rules_are_data() -> None:
    policy = replace(POLICY, rules=RetryRules(busy=After(minutes=30, soon=1), max_tries=2))
    assert after(LineResult.BUSY, policy) == NOW + timedelta(minutes=30)
    assert after(LineResult.BUSY, policy, PastTry(NOW - timedelta(days=1), LineResult.BUSY)) is None


def test_too_many_tries_give_up() -> None:
    before = [PastTry(NOW - timedelta(days=n), LineResult.NO_ANSWER) for n in range(1, 8)]
    assert after(LineResult.NO_ANSWER, POLICY, *before) is None


def test_training_tries_at_any_hour() -> None:
    night = NOW.replace(hour=2)
    assert after(LineResult.NO_ANSWER, RetryPolicy(contact=training()), now=night) == night + timedelta(hours=1)


results = st.sampled_from([result for result in LineResult if result is not LineResult.FAILED])
moments = st.datetimes(datetime(2026, 1, 5), datetime(2026, 12, 20), timezones=st.just(JST))  # noqa: DTZ001


@given(moments, st.lists(st.tuples(st.integers(1, 600), results), max_size=6), results, st.sampled_from([STRICT, POLICY, CAPPED]))
@settings(max_examples=200)
def test_the_gate_agrees_with_every_next_try(
    now: datetime, past: list[tuple[int, LineResult]], result: LineResult, policy: RetryPolicy
) -> None:
    history = sorted((PastTry(now - timedelta(hours=h), r) for h, r in past), key=lambda t: t.began_at)
    moment = next_try_at([*history, PastTry(now, result)], result, policy, now)
    if moment is None:
        return
    assert moment > now
    facts = ContactFacts(
        channel=Channel.OPERATOR_CALL,
        do_not_contact=False,
        outstanding=1,
        holds=frozenset({0}),
        suppressions=(),
        numbers=(NumberFact(),),
        has_plan=False,
        recent_attempts=tuple(Tried(at, Channel.OPERATOR_CALL) for at in (*(t.began_at for t in history), now)),
        household_attempts=(),
        wishes=(),
        list_as_of=now.date(),
    )
    assert check(facts, policy.contact, moment) == Allowed()
