"""The contact gate's decision: each rule, their order, what is unknown, and properties over random facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import jpholiday
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import Channel
from campaigns.compliance.presets import PRESETS, from_document, municipality, to_document, training
from campaigns.compliance.reasons import DENIAL_EN, DENIAL_JA, DenialReason
from campaigns.compliance.rules import (
    CONTACT_CHANNELS,
    Allowed,
    ContactFacts,
    ContactPolicy,
    Denied,
    SuppressionFact,
    check,
)
from campaigns.compliance.windows import DayKind, Hours, hours_on, is_holiday, is_open

JST = ZoneInfo("Asia/Tokyo")
POLICY = municipality()
WEDNESDAY = datetime(2026, 11, 18, 10, 0, tzinfo=JST)
FREE = ContactFacts(
    channel=Channel.OPERATOR_CALL,
    do_not_contact=False,
    outstanding=38_500,
    holds=frozenset({0}),
    suppressions=(),
    number="usable",
    has_plan=False,
    recent_attempts=(),
)


def reason_of(facts: ContactFacts, now: datetime = WEDNESDAY, policy: ContactPolicy = POLICY) -> DenialReason | None:
    decision = check(facts, policy, now)
    return decision.reason if isinstance(decision, Denied) else None


def test_a_free_debtor_in_office_hours_is_allowed() -> None:
    assert check(FREE, POLICY, WEDNESDAY) == Allowed()


@pytest.mark.parametrize("field", ["do_not_contact", "outstanding", "holds", "suppressions", "number", "has_plan", "recent_attempts"])
def test_whatever_is_unknown_denies(field: str) -> None:
    assert reason_of(replace(FREE, **{field: None})) is DenialReason.UNKNOWN_FACTS


@pytest.mark.parametrize("channel", [Channel.NONE, Channel.TAX_OFFICER])
def test_decisions_that_are_no_medium_are_not_contacted(channel: Channel) -> None:
    assert reason_of(replace(FREE, channel=channel)) is DenialReason.UNKNOWN_FACTS


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"do_not_contact": True}, DenialReason.DO_NOT_CONTACT),
        ({"holds": frozenset({0, 1})}, DenialReason.HOLD_STOPPED),
        ({"holds": frozenset({2})}, DenialReason.HOLD_COLLECTION_GRACE),
        ({"holds": frozenset({3})}, DenialReason.HOLD_REALISATION_GRACE),
        ({"holds": frozenset({4})}, DenialReason.HOLD_SEIZED),
        ({"holds": frozenset({5})}, DenialReason.HOLD_INVESTIGATION),
        ({"holds": frozenset({6})}, DenialReason.INSTALMENT_PLAN),
        ({"holds": frozenset({9})}, DenialReason.VULNERABLE),
        ({"holds": frozenset({7})}, DenialReason.UNKNOWN_FACTS),
        ({"outstanding": 0}, DenialReason.SETTLED),
        ({"has_plan": True}, DenialReason.INSTALMENT_PLAN),
        ({"number": "refused"}, DenialReason.NUMBER_REFUSED),
        ({"number": "wrong_person"}, DenialReason.NUMBER_WRONG),
        ({"number": "dead"}, DenialReason.NUMBER_DEAD),
        ({"number": "none"}, DenialReason.NO_USABLE_NUMBER),
        ({"number": "?"}, DenialReason.UNKNOWN_FACTS),
        ({"suppressions": (SuppressionFact("stop_request", None),)}, DenialReason.STOP_REQUEST),
        ({"suppressions": (SuppressionFact("vulnerable", None),)}, DenialReason.VULNERABLE),
        ({"suppressions": (SuppressionFact("complaint", None),)}, DenialReason.COMPLAINT),
        ({"suppressions": (SuppressionFact("deceased_moved", None),)}, DenialReason.DECEASED_OR_MOVED),
        ({"suppressions": (SuppressionFact("officer_hold", None),)}, DenialReason.WITH_TAX_OFFICER),
        ({"suppressions": (SuppressionFact("unheard_of", None),)}, DenialReason.UNKNOWN_FACTS),
    ],
)
def test_what_lasts_has_no_next_moment(change: dict[str, object], reason: DenialReason) -> None:
    assert check(replace(FREE, **change), POLICY, WEDNESDAY) == Denied(reason, None)


def test_a_claimed_payment_waits_until_it_can_be_seen() -> None:
    until = datetime(2026, 12, 2, 10, 0, tzinfo=JST)
    decision = check(replace(FREE, suppressions=(SuppressionFact("payment_claimed", until),)), POLICY, WEDNESDAY)
    assert decision == Denied(DenialReason.PAYMENT_CLAIMED, until)


def test_an_open_promise_waits_for_its_date_and_grace() -> None:
    decision = check(replace(FREE, promise_until=date(2026, 12, 4)), POLICY, WEDNESDAY)
    assert decision == Denied(DenialReason.OPEN_PROMISE, datetime(2026, 12, 7, 9, 0, tzinfo=JST))


def test_seven_quiet_days_after_a_conversation() -> None:
    facts = replace(FREE, conversed_at=WEDNESDAY - timedelta(days=1))
    assert check(facts, POLICY, WEDNESDAY) == Denied(DenialReason.QUIET_AFTER_CONVERSATION, datetime(2026, 11, 25, 9, 0, tzinfo=JST))
    assert reason_of(facts, WEDNESDAY + timedelta(days=7)) is None


def test_a_promise_that_lapsed_after_the_conversation_ends_the_quiet_days() -> None:
    facts = replace(FREE, conversed_at=WEDNESDAY - timedelta(days=4), promise_lapsed_on=date(2026, 11, 17))
    assert reason_of(facts) is None


def test_one_attempt_a_day_and_three_in_seven_days_per_person() -> None:
    one = replace(FREE, recent_attempts=(WEDNESDAY - timedelta(hours=1),))
    assert check(one, POLICY, WEDNESDAY) == Denied(DenialReason.DAY_CAP, datetime(2026, 11, 19, 9, 0, tzinfo=JST))
    three = replace(FREE, recent_attempts=tuple(WEDNESDAY - timedelta(days=n) for n in (1, 2, 6)))
    assert check(three, POLICY, WEDNESDAY) == Denied(DenialReason.WEEK_CAP, datetime(2026, 11, 19, 9, 0, tzinfo=JST))


def test_the_days_are_the_offices_days_not_utc() -> None:
    """09:10 on the 18th in Japan is after midnight UTC; an attempt at 16:00 the day before is yesterday's."""
    now = datetime(2026, 11, 18, 0, 10, tzinfo=UTC)
    attempt = datetime(2026, 11, 17, 7, 0, tzinfo=UTC)
    assert reason_of(replace(FREE, recent_attempts=(attempt,)), now) is None


def test_a_callback_the_debtor_asked_for_waits_and_then_overrides_caps_and_quiet_days() -> None:
    due = WEDNESDAY + timedelta(hours=3)
    facts = replace(FREE, callback_at=due, conversed_at=WEDNESDAY, recent_attempts=(WEDNESDAY,))
    assert check(facts, POLICY, WEDNESDAY) == Denied(DenialReason.WISHED_TIME, due)
    assert check(facts, POLICY, due) == Allowed()
    assert reason_of(replace(facts, channel=Channel.SMS), due) is DenialReason.QUIET_AFTER_CONVERSATION
    assert reason_of(facts, due + timedelta(days=4)) is DenialReason.QUIET_AFTER_CONVERSATION


@pytest.mark.parametrize(
    ("channel", "moment", "reason", "next_at"),
    [
        (Channel.OPERATOR_CALL, (2026, 11, 18, 8, 59), DenialReason.OUTSIDE_WINDOW, (2026, 11, 18, 9, 0)),
        (Channel.OPERATOR_CALL, (2026, 11, 18, 17, 0), DenialReason.OUTSIDE_WINDOW, (2026, 11, 19, 9, 0)),
        (Channel.SMS, (2026, 11, 18, 18, 59), None, None),
        (Channel.SMS, (2026, 11, 18, 19, 0), DenialReason.OUTSIDE_WINDOW, (2026, 11, 19, 9, 0)),
        (Channel.AUTO_CALL, (2026, 11, 21, 10, 0), DenialReason.CLOSED_DAY, (2026, 11, 24, 9, 0)),
        (Channel.VISIT, (2026, 12, 29, 10, 0), DenialReason.CLOSED_DAY, (2027, 1, 4, 9, 0)),
    ],
)
def test_windows_per_channel_weekday_and_holiday(
    channel: Channel, moment: tuple[int, ...], reason: DenialReason | None, next_at: tuple[int, ...] | None
) -> None:
    decision = check(replace(FREE, channel=channel), POLICY, datetime(*moment, tzinfo=JST))  # type: ignore[arg-type, misc]
    if reason is None:
        assert decision == Allowed()
    else:
        assert next_at is not None
        assert decision == Denied(reason, datetime(*next_at, tzinfo=JST))  # type: ignore[arg-type, misc]


def test_declared_days_close_extend_and_open() -> None:
    days = {date(2026, 11, 18): DayKind.CLOSED, date(2026, 11, 19): DayKind.EVENING, date(2026, 11, 22): DayKind.OPEN}
    policy = from_document(to_document(POLICY), days)
    call = Channel.OPERATOR_CALL
    assert hours_on(policy.hours, call, date(2026, 11, 18)) is None
    assert hours_on(policy.hours, call, date(2026, 11, 19)) == Hours(time(9), time(20))
    assert hours_on(policy.hours, call, date(2026, 11, 22)) == Hours(time(9), time(17))
    assert hours_on(policy.hours, call, date(2026, 11, 20)) == Hours(time(9), time(17))


def test_holidays_agree_with_an_independent_calendar() -> None:
    day = date(2020, 1, 1)
    while day < date(2028, 1, 1):
        assert is_holiday(day) == jpholiday.is_holiday(day), day
        day += timedelta(days=1)


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_survive_their_document(name: str) -> None:
    assert to_document(from_document(to_document(PRESETS[name]()))) == to_document(PRESETS[name]())


@pytest.mark.parametrize(
    "change", [{"max_per_day": -1}, {"weekly": {"sms": {"7": "09:00-17:00"}}}, {"weekly": {"sms": {"0": "17:00-09:00"}}}, {"weekly": 3}]
)
def test_a_policy_that_cannot_be_read_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        from_document({**to_document(POLICY), **change})


def test_training_is_open_at_any_hour() -> None:
    assert check(FREE, training(), datetime(2027, 1, 1, 3, 0, tzinfo=JST)) == Allowed()


def test_every_reason_has_both_languages() -> None:
    assert set(DENIAL_JA) == set(DENIAL_EN) == set(DenialReason)


FIRST, LAST = datetime(2026, 1, 1), datetime(2026, 12, 31)  # noqa: DTZ001 - hypothesis adds the zone
moments = st.datetimes(FIRST, LAST, timezones=st.just(JST))
near = st.timedeltas(timedelta(days=-10), timedelta(0))


@st.composite
def facts_and_now(draw: st.DrawFn) -> tuple[ContactFacts, datetime]:
    now = draw(moments)
    optional_day = st.none() | st.integers(-20, 20).map(lambda n: now.date() + timedelta(days=n))
    ends = st.none() | st.timedeltas(timedelta(minutes=1), timedelta(days=20)).map(lambda span: now + span)
    lasting = st.builds(SuppressionFact, st.sampled_from(["vulnerable", "payment_claimed", "officer_hold"]), ends)
    return (
        ContactFacts(
            channel=draw(st.sampled_from(sorted(CONTACT_CHANNELS))),
            do_not_contact=draw(st.sampled_from([False, False, False, True, None])),
            outstanding=draw(st.sampled_from([10_000, 10_000, 0, None])),
            holds=draw(st.sampled_from([frozenset({0}), frozenset({0}), frozenset({6}), frozenset({1, 4}), None])),
            suppressions=draw(st.none() | st.lists(lasting, max_size=2).map(tuple)),
            number=draw(st.sampled_from(["usable", "usable", "usable", "dead", None])),
            has_plan=draw(st.sampled_from([False, False, True, None])),
            recent_attempts=draw(st.lists(near.map(lambda span: now + span), max_size=5).map(tuple)),
            promise_until=draw(optional_day),
            promise_lapsed_on=draw(st.none() | st.integers(1, 20).map(lambda n: now.date() - timedelta(days=n))),
            conversed_at=draw(st.none() | near.map(lambda span: now + span)),
            callback_at=draw(st.none() | st.timedeltas(timedelta(days=-4), timedelta(days=4)).map(lambda span: now + span)),
        ),
        now,
    )


def aged(facts: ContactFacts, moment: datetime) -> ContactFacts:
    if facts.suppressions is None:
        return facts
    return replace(facts, suppressions=tuple(s for s in facts.suppressions if s.ends_at is None or s.ends_at > moment))


@pytest.mark.slow
@given(facts_and_now())
@settings(max_examples=400)
def test_the_next_moment_is_allowed_and_no_earlier_one_is(case: tuple[ContactFacts, datetime]) -> None:
    facts, now = case
    decision = check(facts, POLICY, now)
    if isinstance(decision, Allowed):
        assert is_open(POLICY.hours, facts.channel, now)
        return
    end = decision.next_allowed_at or now + timedelta(days=30)
    if decision.next_allowed_at is not None:
        assert decision.next_allowed_at > now
        assert check(aged(facts, end), POLICY, end) == Allowed()
    step = max((end - now) / 60, timedelta(minutes=7))
    probe = now + step
    while probe < end:
        assert isinstance(check(aged(facts, probe), POLICY, probe), Denied), probe
        probe += step


@given(facts_and_now(), st.sampled_from(["do_not_contact", "outstanding", "holds", "suppressions", "number", "has_plan"]))
def test_knowing_less_never_allows_more(case: tuple[ContactFacts, datetime], field: str) -> None:
    facts, now = case
    assert isinstance(check(replace(facts, **{field: None}), POLICY, now), Denied)
