"""Properties of the gate over random facts and policies: windows, caps in sequences of attempts, the next moment, and what is unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.attempts.codes import Channel
from campaigns.compliance.known import CONTACT_CHANNELS
from campaigns.compliance.policy import Cap, ContactPolicy, Scope, Window
from campaigns.compliance.presets import preset
from campaigns.compliance.rules import Allowed, ContactFacts, Denied, NumberFact, SuppressionFact, Tried, WishFact, check
from campaigns.compliance.trace import read_inputs, write_inputs
from campaigns.compliance.windows import is_open
from tests.rules.test_compliance import FREE, JST

POLICIES = tuple(preset(name).policy() for name in ("municipality", "regulation_f", "ofcom"))
FIRST, LAST = datetime(2026, 1, 1), datetime(2026, 12, 31)  # noqa: DTZ001 - hypothesis adds the zone
moments = st.datetimes(FIRST, LAST, timezones=st.just(JST))
ago = st.integers(0, 10 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
channels = st.sampled_from(sorted(CONTACT_CHANNELS))
MUST_BE_KNOWN = ("do_not_contact", "outstanding", "holds", "suppressions", "numbers", "has_plan", "recent_attempts", "wishes", "list_as_of")


@st.composite
def caps(draw: st.DrawFn) -> Cap:
    limited = draw(st.sampled_from([frozenset(), frozenset({Channel.SMS}), frozenset({Channel.AUTO_CALL, Channel.OPERATOR_CALL})]))
    return Cap(draw(st.sampled_from(Scope)), draw(st.integers(1, 4)), draw(st.sampled_from(Window)), draw(st.integers(1, 30)), limited)


@st.composite
def policies(draw: st.DrawFn) -> ContactPolicy:
    return replace(
        draw(st.sampled_from(POLICIES)),
        max_per_day=draw(st.integers(1, 3)),
        max_per_week=draw(st.integers(1, 6)),
        is_calendar_week=draw(st.booleans()),
        caps=tuple(draw(st.lists(caps(), max_size=3))),
        gap_minutes=draw(st.sampled_from([0, 5, 90])),
        quiet_days=draw(st.sampled_from([0, 3, 7])),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[ContactFacts, datetime]:
    now = draw(moments)
    day = st.none() | st.integers(-20, 20).map(lambda n: now.date() + timedelta(days=n))
    past = st.none() | ago.map(lambda span: now - span)
    tried = st.lists(st.builds(Tried, ago.map(lambda span: now - span), channels), max_size=4).map(tuple)
    ends = st.none() | st.timedeltas(timedelta(minutes=1), timedelta(days=20)).map(lambda span: now + span)
    lasting = st.builds(SuppressionFact, st.sampled_from(["vulnerable", "payment_claimed", "officer_hold"]), ends)
    number = st.builds(NumberFact, st.sampled_from(["usable", "usable", "usable", "dead"]), st.booleans(), tried, past)
    hour = st.integers(0, 23)
    wish = st.builds(
        lambda only, days, start: WishFact(only, frozenset(days), time(start), time((start + 3) % 24)),
        st.booleans(),
        st.sets(st.integers(0, 6), max_size=3),
        hour.filter(lambda n: n < 21),
    )
    facts = ContactFacts(
        channel=draw(channels),
        do_not_contact=draw(st.sampled_from([False, False, False, True])),
        outstanding=draw(st.sampled_from([10_000, 10_000, 0])),
        holds=draw(st.sampled_from([frozenset({0}), frozenset({0}), frozenset({6}), frozenset({1, 4})])),
        suppressions=draw(st.lists(lasting, max_size=2).map(tuple)),
        numbers=draw(st.lists(number, max_size=2).map(tuple)),
        has_plan=draw(st.sampled_from([False, False, True])),
        recent_attempts=draw(tried),
        household_attempts=draw(tried),
        wishes=draw(st.lists(wish, max_size=2).map(tuple)),
        list_as_of=now.date(),
        mode=draw(st.sampled_from(["", "predictive", "preview"])),
        promise_until=draw(day),
        promise_lapsed_on=draw(st.none() | st.integers(1, 20).map(lambda n: now.date() - timedelta(days=n))),
        conversed_at=draw(past),
        met_at=draw(past),
        callback_at=draw(st.none() | st.timedeltas(timedelta(days=-4), timedelta(days=4)).map(lambda span: now + span)),
    )
    return facts, now


def aged(facts: ContactFacts, moment: datetime) -> ContactFacts:
    return replace(facts, suppressions=tuple(s for s in facts.suppressions or () if s.ends_at is None or s.ends_at > moment))


@pytest.mark.slow
@given(cases(), policies())
@settings(max_examples=300, deadline=None)
def test_the_next_moment_is_allowed_and_no_earlier_one_is(case: tuple[ContactFacts, datetime], policy: ContactPolicy) -> None:
    facts, now = case
    decision = check(facts, policy, now)
    if isinstance(decision, Allowed):
        assert is_open(policy.hours, facts.channel, now)
        return
    end = decision.next_allowed_at or now + timedelta(days=30)
    if decision.next_allowed_at is not None:
        assert decision.next_allowed_at > now
        assert check(aged(facts, end), policy, end) == Allowed()
    step = max((end - now) / 60, timedelta(minutes=7))
    probe = now + step
    while probe < end:
        assert isinstance(check(aged(facts, probe), policy, probe), Denied), probe
        probe += step


@given(cases(), policies(), st.sampled_from(MUST_BE_KNOWN))
@settings(deadline=None)
def test_knowing_less_never_allows_more(case: tuple[ContactFacts, datetime], policy: ContactPolicy, field: str) -> None:
    facts, now = case
    if field == "numbers":
        facts = replace(facts, channel=Channel.SMS)
    assert isinstance(check(replace(facts, **{field: None}), policy, now), Denied)


@given(cases(), policies())
@settings(deadline=None)
def test_what_is_written_down_decides_alike(case: tuple[ContactFacts, datetime], policy: ContactPolicy) -> None:
    facts, now = case
    assert check(read_inputs(facts.channel, write_inputs(facts, policy, now)), policy, now) == check(facts, policy, now)


def count_of(cap: Cap, made: list[Tried], at: datetime) -> int:
    """Attempts in the cap's window that ends with the day of `at`, told day by day from the words of the cap and nothing else."""
    day = at.astimezone(JST).date()
    if cap.window is Window.DAY:
        first = day
    elif cap.window is Window.WEEK:
        first = day - timedelta(days=day.weekday())
    else:
        first = day - timedelta(days=cap.days - 1)
    return sum(first <= one.at.astimezone(JST).date() <= day and (not cap.channels or one.channel in cap.channels) for one in made)


@pytest.mark.slow
@given(policies(), moments, st.lists(st.tuples(st.integers(1, 3_000), channels), min_size=5, max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_cap_is_passed_when_every_allowed_decision_becomes_an_attempt(
    policy: ContactPolicy, start: datetime, asked: list[tuple[int, Channel]]
) -> None:
    """One person alone in the household with one number: every cap counts the same attempts."""
    made: list[Tried] = []
    now = start
    for minutes, channel in asked:
        now += timedelta(minutes=minutes)
        told = tuple(made)
        to_number = tuple(one for one in made if one.channel is not Channel.VISIT)
        number = NumberFact(attempts=to_number)
        facts = replace(FREE, channel=channel, recent_attempts=told, household_attempts=told, numbers=(number,), list_as_of=now.date())
        if not check(facts, policy, now).is_allowed:
            continue
        if policy.gap_minutes and to_number and channel is not Channel.VISIT:
            assert now - to_number[-1].at >= timedelta(minutes=policy.gap_minutes)
        made.append(Tried(now, channel))
        for cap in policy.all_caps:
            if cap.scope is not Scope.NUMBER and (not cap.channels or channel in cap.channels):
                assert count_of(cap, made, now) <= cap.most, cap
