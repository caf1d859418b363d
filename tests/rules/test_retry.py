"""When to try again: the short intervals, then another part of the day and weekday, always where the gate would agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.attempts.codes import Channel, LineResult
from campaigns.attempts.retry import PastTry, RetryPolicy, next_try_at
from campaigns.compliance.presets import municipality, training
from campaigns.compliance.rules import Allowed, ContactFacts, NumberFact, Tried, check
from tests.campaigns.town import JST, NOW

LOOSE = replace(municipality(), max_per_day=10, max_per_week=30)
POLICY = RetryPolicy(contact=LOOSE)
STRICT = RetryPolicy(contact=municipality())


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


def test_an_abandoned_call_is_not_repeated_for_three_days() -> None:
    moment = after(LineResult.ABANDONED)
    assert moment is not None
    assert moment.date() >= (NOW + timedelta(days=3)).date()


def test_too_many_tries_give_up() -> None:
    before = [PastTry(NOW - timedelta(days=n), LineResult.NO_ANSWER) for n in range(1, 8)]
    assert after(LineResult.NO_ANSWER, POLICY, *before) is None


def test_training_tries_at_any_hour() -> None:
    night = NOW.replace(hour=2)
    assert after(LineResult.NO_ANSWER, RetryPolicy(contact=training()), now=night) == night + timedelta(hours=1)


results = st.sampled_from([result for result in LineResult if result is not LineResult.FAILED])
moments = st.datetimes(datetime(2026, 1, 5), datetime(2026, 12, 20), timezones=st.just(JST))  # noqa: DTZ001


@given(moments, st.lists(st.tuples(st.integers(1, 600), results), max_size=6), results, st.sampled_from([STRICT, POLICY]))
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
