"""The contact gate's decision: each rule, their order, and what is unknown; its properties are in test_gate_properties."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import Channel
from campaigns.compliance.policy import Cap, Scope, Window
from campaigns.compliance.presets import PRESETS, from_document, municipality, to_document, training
from campaigns.compliance.reasons import DENIAL_EN, DENIAL_JA, DenialReason
from campaigns.compliance.rules import (
    Allowed,
    ContactFacts,
    ContactPolicy,
    Denied,
    NumberFact,
    SuppressionFact,
    Tried,
    WishFact,
    check,
    valid_until,
)

JST = ZoneInfo("Asia/Tokyo")
POLICY = municipality()
WEDNESDAY = datetime(2026, 11, 18, 10, 0, tzinfo=JST)
FREE = ContactFacts(
    channel=Channel.OPERATOR_CALL,
    do_not_contact=False,
    outstanding=38_500,
    holds=frozenset({0}),
    suppressions=(),
    numbers=(NumberFact(),),
    has_plan=False,
    recent_attempts=(),
    household_attempts=(),
    wishes=(),
    list_as_of=date(2026, 11, 17),
)


def tried(*ago: timedelta, channel: Channel = Channel.OPERATOR_CALL, now: datetime = WEDNESDAY) -> tuple[Tried, ...]:
    return tuple(Tried(now - span, channel) for span in ago)


def reason_of(facts: ContactFacts, now: datetime = WEDNESDAY, policy: ContactPolicy = POLICY) -> DenialReason | None:
    decision = check(facts, policy, now)
    return decision.reason if isinstance(decision, Denied) else None


def test_a_free_debtor_in_office_hours_is_allowed() -> None:
    assert check(FREE, POLICY, WEDNESDAY) == Allowed()


@pytest.mark.parametrize(
    "field",
    [
        "do_not_contact",
        "outstanding",
        "holds",
        "suppressions",
        "numbers",
        "has_plan",
        "recent_attempts",
        "household_attempts",
        "wishes",
        "list_as_of",
    ],
)
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
        ({"numbers": (NumberFact("refused"),)}, DenialReason.NUMBER_REFUSED),
        ({"numbers": (NumberFact("wrong_person"),)}, DenialReason.NUMBER_WRONG),
        ({"numbers": (NumberFact("dead"),)}, DenialReason.NUMBER_DEAD),
        ({"numbers": (NumberFact("none"),)}, DenialReason.NO_USABLE_NUMBER),
        ({"numbers": (NumberFact("?"),)}, DenialReason.UNKNOWN_FACTS),
        ({"numbers": ()}, DenialReason.NO_USABLE_NUMBER),
        ({"numbers": (NumberFact(is_workplace=True),)}, DenialReason.NUMBER_WORKPLACE),
        ({"numbers": (NumberFact(is_workplace=None),)}, DenialReason.UNKNOWN_FACTS),
        ({"numbers": (NumberFact(attempts=None),)}, DenialReason.UNKNOWN_FACTS),
        ({"numbers": (NumberFact("dead"), NumberFact("refused"))}, DenialReason.NUMBER_REFUSED),
        ({"list_as_of": date(2025, 10, 1)}, DenialReason.LIST_TOO_OLD),
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
    one = replace(FREE, recent_attempts=tried(timedelta(hours=1)))
    assert check(one, POLICY, WEDNESDAY) == Denied(DenialReason.DAY_CAP, datetime(2026, 11, 19, 9, 0, tzinfo=JST))
    three = replace(FREE, recent_attempts=tried(*(timedelta(days=n) for n in (1, 2, 6))))
    assert check(three, POLICY, WEDNESDAY) == Denied(DenialReason.WEEK_CAP, datetime(2026, 11, 19, 9, 0, tzinfo=JST))


def test_the_days_are_the_offices_days_not_utc() -> None:
    """09:10 on the 18th in Japan is after midnight UTC; an attempt at 16:00 the day before is yesterday's."""
    now = datetime(2026, 11, 18, 0, 10, tzinfo=UTC)
    attempt = datetime(2026, 11, 17, 7, 0, tzinfo=UTC)
    assert reason_of(replace(FREE, recent_attempts=(Tried(attempt, Channel.SMS),)), now) is None


def test_a_callback_the_debtor_asked_for_waits_and_then_overrides_caps_and_quiet_days() -> None:
    due = WEDNESDAY + timedelta(hours=3)
    facts = replace(FREE, callback_at=due, conversed_at=WEDNESDAY, recent_attempts=tried(timedelta(0)))
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


CALLS = frozenset({Channel.AUTO_CALL, Channel.OPERATOR_CALL})


def with_caps(*caps: Cap, **more: object) -> ContactPolicy:
    return replace(POLICY, max_per_day=50, max_per_week=200, caps=caps, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cap", "days_ago", "next_day"),
    [
        (Cap(Scope.PERSON, 2, Window.DAY), (0, 0), date(2026, 11, 19)),
        (Cap(Scope.PERSON, 2, Window.DAY), (0, 1), None),
        (Cap(Scope.PERSON, 2, Window.WEEK), (1, 2), date(2026, 11, 24)),  # Monday the 23rd is a holiday
        (Cap(Scope.PERSON, 2, Window.WEEK), (2, 3), None),  # Sunday was last week
        (Cap(Scope.PERSON, 2, Window.ROLLING, 7), (3, 6), date(2026, 11, 19)),
        (Cap(Scope.PERSON, 2, Window.ROLLING, 7), (3, 7), None),
        (Cap(Scope.PERSON, 3, Window.ROLLING, 30), (1, 20, 29), date(2026, 11, 19)),
        (Cap(Scope.PERSON, 2, Window.ROLLING, 7, frozenset({Channel.SMS})), (1, 2), None),
        (Cap(Scope.PERSON, 2, Window.ROLLING, 7, CALLS), (1, 2), date(2026, 11, 24)),
        (Cap(Scope.PERSON, 0, Window.DAY), (), "never"),
    ],
)
def test_caps_by_day_week_window_and_channel(cap: Cap, days_ago: tuple[int, ...], next_day: date | str | None) -> None:
    facts = replace(FREE, recent_attempts=tried(*(timedelta(days=n) for n in days_ago)))
    decision = check(facts, with_caps(cap), WEDNESDAY)
    if next_day is None:
        assert decision == Allowed()
    else:
        assert isinstance(decision, Denied)
        assert decision.reason in (DenialReason.DAY_CAP, DenialReason.WEEK_CAP, DenialReason.WINDOW_CAP)
        expected = None if isinstance(next_day, str) else datetime.combine(next_day, time(9), JST)
        assert decision.next_allowed_at == expected


def test_a_household_is_dialled_once_a_day_but_may_get_messages() -> None:
    facts = replace(FREE, household_attempts=tried(timedelta(hours=1)))
    assert check(facts, POLICY, WEDNESDAY) == Denied(DenialReason.HOUSEHOLD_CAP, datetime(2026, 11, 19, 9, 0, tzinfo=JST))
    assert reason_of(replace(facts, channel=Channel.SMS)) is None
    assert reason_of(replace(FREE, household_attempts=tried(timedelta(hours=1), channel=Channel.SMS))) is None


def test_one_number_is_left_alone_for_five_minutes_whoever_was_called() -> None:
    called = NumberFact(attempts=tried(timedelta(minutes=2)))
    facts = replace(FREE, numbers=(called,))
    assert check(facts, POLICY, WEDNESDAY) == Denied(DenialReason.NUMBER_GAP, WEDNESDAY + timedelta(minutes=3))
    assert reason_of(facts, WEDNESDAY + timedelta(minutes=3)) is None
    assert reason_of(replace(FREE, numbers=(called, NumberFact()))) is None, "another number is free"


def test_caps_per_number_count_whoever_was_called_there() -> None:
    policy = with_caps(Cap(Scope.NUMBER, 1, Window.DAY))
    full = NumberFact(attempts=tried(timedelta(hours=1)))
    assert reason_of(replace(FREE, numbers=(full,)), policy=policy) is DenialReason.NUMBER_CAP
    assert reason_of(replace(FREE, numbers=(full, NumberFact("dead"))), policy=policy) is DenialReason.NUMBER_CAP
    assert reason_of(replace(FREE, numbers=(full, NumberFact())), policy=policy) is None
    assert reason_of(replace(FREE, channel=Channel.VISIT, numbers=(full,)), policy=policy) is None


@pytest.mark.parametrize(
    ("channel", "mode", "is_refused"),
    [
        (Channel.OPERATOR_CALL, "predictive", True),
        (Channel.OPERATOR_CALL, "progressive", False),
        (Channel.OPERATOR_CALL, "preview", False),
        (Channel.AUTO_CALL, "", True),
        (Channel.SMS, "", False),
    ],
)
def test_after_an_abandoned_call_nobody_is_dialled_without_an_operator_for_72_hours(channel: Channel, mode: str, is_refused: bool) -> None:
    abandoned = WEDNESDAY - timedelta(hours=70)
    facts = replace(FREE, channel=channel, mode=mode, numbers=(NumberFact(abandoned_at=abandoned),))
    assert reason_of(facts) is (DenialReason.ABANDONED_RECENTLY if is_refused else None)
    assert reason_of(facts, WEDNESDAY + timedelta(hours=2)) is None


def test_automated_calls_rest_after_the_right_party_was_met() -> None:
    facts = replace(FREE, channel=Channel.AUTO_CALL, met_at=WEDNESDAY - timedelta(days=20))
    assert check(facts, POLICY, WEDNESDAY) == Denied(DenialReason.RIGHT_PARTY_MET, datetime(2026, 11, 30, 9, 0, tzinfo=JST))
    assert reason_of(replace(facts, channel=Channel.OPERATOR_CALL)) is None
    assert reason_of(replace(facts, met_at=WEDNESDAY - timedelta(days=31))) is None


EVERY_DAY: frozenset[int] = frozenset()


@pytest.mark.parametrize(
    ("wish", "at", "next_at"),
    [
        (WishFact(False, EVERY_DAY, time(9), time(12)), (18, 10, 0), (18, 12, 0)),
        (WishFact(False, frozenset({2}), time(0), time(0)), (18, 10, 0), (19, 9, 0)),
        (WishFact(False, frozenset({3}), time(0), time(0)), (18, 10, 0), None),
        (WishFact(True, EVERY_DAY, time(15), time(0)), (18, 10, 0), (18, 15, 0)),
        (WishFact(True, frozenset({4}), time(13), time(17)), (18, 10, 0), (20, 13, 0)),
        (WishFact(True, frozenset({5, 6}), time(9), time(17)), (18, 10, 0), "never"),
    ],
)
def test_times_a_debtor_named(wish: WishFact, at: tuple[int, int, int], next_at: tuple[int, int, int] | str | None) -> None:
    decision = check(replace(FREE, wishes=(wish,)), POLICY, datetime(2026, 11, *at, tzinfo=JST))
    if next_at is None:
        assert decision == Allowed()
    else:
        expected = None if isinstance(next_at, str) else datetime(2026, 11, *next_at, tzinfo=JST)
        assert decision == Denied(DenialReason.WISHED_HOURS, expected)


def test_an_asked_for_callback_goes_before_wishes() -> None:
    wish = WishFact(True, EVERY_DAY, time(15), time(17))
    assert reason_of(replace(FREE, wishes=(wish,), callback_at=WEDNESDAY - timedelta(minutes=1))) is None


def test_what_the_office_exempts_and_what_can_never_be() -> None:
    policy = replace(
        POLICY, exempt={DenialReason.OPEN_PROMISE: frozenset({Channel.SMS}), DenialReason.HOLD_SEIZED: frozenset({Channel.VISIT})}
    )
    promised = replace(FREE, promise_until=date(2026, 12, 4))
    assert reason_of(replace(promised, channel=Channel.SMS), policy=policy) is None
    assert reason_of(promised, policy=policy) is DenialReason.OPEN_PROMISE
    seized = replace(FREE, holds=frozenset({4, 9}))
    assert reason_of(replace(seized, channel=Channel.VISIT), policy=policy) is DenialReason.VULNERABLE
    with pytest.raises(InvalidInput):
        from_document({**to_document(POLICY), "exempt": {"do_not_contact": ["sms"]}})


def test_workplace_numbers_only_where_the_office_allows_them() -> None:
    facts = replace(FREE, numbers=(NumberFact(is_workplace=True),))
    assert reason_of(facts) is DenialReason.NUMBER_WORKPLACE
    assert reason_of(facts, policy=replace(POLICY, allows_workplace=True)) is None


def test_a_decision_lasts_seconds_and_never_beyond_the_window() -> None:
    assert valid_until(POLICY, Channel.OPERATOR_CALL, WEDNESDAY) == WEDNESDAY + timedelta(seconds=60)
    late = datetime(2026, 11, 18, 16, 59, 30, tzinfo=JST)
    assert valid_until(POLICY, Channel.OPERATOR_CALL, late) == datetime(2026, 11, 18, 17, 0, tzinfo=JST)
