"""The presets line by line: each rule they state, its source, and what is looser than they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from campaigns.attempts.codes import Channel
from campaigns.compliance.comparing import differences, loosened
from campaigns.compliance.days import DayKind, DeclaredDay, read_hours
from campaigns.compliance.documents import from_document, to_document
from campaigns.compliance.policy import EXEMPTIBLE, ContactPolicy
from campaigns.compliance.presets import NAMES, preset
from campaigns.compliance.reasons import DenialReason
from campaigns.compliance.rules import Denied, NumberFact, SuppressionFact, Tried, check, valid_until
from campaigns.compliance.words import summary
from tests.rules.test_compliance import FREE, JST

CALL, AUTO, SMS, VISIT = Channel.OPERATOR_CALL, Channel.AUTO_CALL, Channel.SMS, Channel.VISIT
DAY = timedelta(days=1)
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=JST)  # a Wednesday


def why(policy: ContactPolicy, at: datetime = NOON, **facts: Any) -> str | None:
    decision = check(replace(FREE, **({"list_as_of": at.date()} | facts)), policy, at)
    return decision.reason.value if isinstance(decision, Denied) else None


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=JST)


def tried(*spans: timedelta, channel: Channel = CALL) -> tuple[Tried, ...]:
    return tuple(Tried(NOON - span, channel) for span in spans)


def open_day(policy: ContactPolicy, kind: DayKind, day: date, hours: str = "") -> ContactPolicy:
    return replace(policy, hours=replace(policy.hours, days={day: DeclaredDay(kind, read_hours(hours))}, spans={}))


# (preset, line) → what must hold, and what must not: pairs of a refusal expected (None: allowed) and a question.
Question = tuple[str | None, Callable[[ContactPolicy], str | None]]
LINES: dict[tuple[str, str], list[Question]] = {
    ("municipality", "voice_hours"): [
        (None, lambda p: why(p, at(18, 9))),
        ("outside_window", lambda p: why(p, at(18, 8, 59))),
        ("outside_window", lambda p: why(p, at(18, 17), channel=AUTO)),
    ],
    ("municipality", "visit_hours"): [
        (None, lambda p: why(p, channel=VISIT)),
        ("outside_window", lambda p: why(p, at(18, 17), channel=VISIT)),
    ],
    ("municipality", "sms_hours"): [
        (None, lambda p: why(p, at(18, 18), channel=SMS)),
        ("outside_window", lambda p: why(p, at(18, 19), channel=SMS)),
    ],
    ("municipality", "evenings"): [
        (None, lambda p: why(open_day(p, DayKind.EVENING, date(2026, 11, 18)), at(18, 19, 59))),
        ("outside_window", lambda p: why(open_day(p, DayKind.EVENING, date(2026, 11, 18)), at(18, 20))),
    ],
    ("municipality", "open_days"): [
        (None, lambda p: why(open_day(p, DayKind.OPEN, date(2026, 11, 22)), at(22, 10))),
        ("closed_day", lambda p: why(p, at(22, 10))),
    ],
    ("municipality", "holidays"): [("closed_day", lambda p: why(p, at(23, 10))), ("closed_day", lambda p: why(p, at(21, 10)))],
    ("municipality", "year_end"): [("closed_day", lambda p: why(p, at(29, 10, month=12))), (None, lambda p: why(p, at(28, 10, month=12)))],
    ("municipality", "envelope"): [
        ("outside_window", lambda p: why(open_day(p, DayKind.OPEN, date(2026, 11, 22), "06:00-23:00"), at(22, 7, 59))),
        (None, lambda p: why(open_day(p, DayKind.OPEN, date(2026, 11, 22), "06:00-23:00"), at(22, 20, 59))),
        ("outside_window", lambda p: why(open_day(p, DayKind.OPEN, date(2026, 11, 22), "06:00-23:00"), at(22, 21))),
    ],
    ("municipality", "person_day"): [("day_cap", lambda p: why(p, recent_attempts=tried(timedelta(hours=2), channel=SMS)))],
    ("municipality", "person_week"): [
        ("week_cap", lambda p: why(p, recent_attempts=tried(DAY, 2 * DAY, 6 * DAY))),
        (None, lambda p: why(p, recent_attempts=tried(DAY, 2 * DAY, 7 * DAY))),
    ],
    ("municipality", "household_day"): [
        ("household_cap", lambda p: why(p, household_attempts=tried(timedelta(hours=1)))),
        (None, lambda p: why(p, channel=SMS, household_attempts=tried(timedelta(hours=1)))),
    ],
    ("municipality", "gap"): [("number_gap", lambda p: why(p, numbers=(NumberFact(attempts=tried(timedelta(minutes=4))),)))],
    ("municipality", "quiet"): [
        ("quiet_after_conversation", lambda p: why(p, conversed_at=NOON - 7 * DAY)),
        (None, lambda p: why(p, conversed_at=NOON - 8 * DAY)),
        (None, lambda p: why(p, conversed_at=NOON - 4 * DAY, promise_lapsed_on=date(2026, 11, 17))),
    ],
    ("municipality", "callback"): [
        (None, lambda p: why(p, callback_at=NOON - 2 * DAY, conversed_at=NOON - 3 * DAY)),
        ("quiet_after_conversation", lambda p: why(p, callback_at=NOON - 3 * DAY, conversed_at=NOON - 3 * DAY)),
    ],
    ("municipality", "payment_claim"): [
        ("payment_claimed", lambda p: why(p, suppressions=(SuppressionFact("payment_claimed", NOON + p.payment_claim_days * DAY),)))
    ],
    ("municipality", "abandon"): [
        ("abandoned_recently", lambda p: why(p, mode="predictive", numbers=(NumberFact(abandoned_at=NOON - timedelta(hours=71)),))),
        (None, lambda p: why(p, mode="predictive", numbers=(NumberFact(abandoned_at=NOON - timedelta(hours=72)),))),
    ],
    ("municipality", "robocall_rest"): [
        ("right_party_met", lambda p: why(p, channel=AUTO, met_at=NOON - 30 * DAY)),
        (None, lambda p: why(p, channel=AUTO, met_at=NOON - 31 * DAY)),
    ],
    ("municipality", "workplace"): [("number_workplace", lambda p: why(p, numbers=(NumberFact(is_workplace=True),)))],
    ("municipality", "list_age"): [
        ("list_too_old", lambda p: why(p, list_as_of=NOON.date() - 401 * DAY)),
        (None, lambda p: why(p, list_as_of=NOON.date() - 400 * DAY)),
    ],
    ("municipality", "decision_age"): [(None, lambda p: None if valid_until(p, CALL, NOON) == NOON + timedelta(seconds=60) else "wrong")],
    ("municipality", "records"): [(None, lambda p: None if (p.keep_contact_days, p.keep_set_days) == (1_825, 400) else "wrong")],
    ("municipality", "always"): [
        ("hold_seized", lambda p: why(p, holds=frozenset({4}), channel=VISIT)),
        ("open_promise", lambda p: why(p, promise_until=NOON.date(), channel=SMS)),
    ],
    ("regulation_f", "hours"): [
        (None, lambda p: why(p, at(22, 8))),
        ("outside_window", lambda p: why(p, at(22, 7, 59))),
        ("outside_window", lambda p: why(p, at(22, 21))),
    ],
    ("regulation_f", "days"): [(None, lambda p: why(p, at(26, 10)))],
    ("regulation_f", "seven_in_seven"): [
        ("window_cap", lambda p: why(p, recent_attempts=tried(*(n * DAY for n in range(7))))),
        (None, lambda p: why(p, recent_attempts=tried(*(n * DAY for n in range(6))))),
        (None, lambda p: why(p, channel=SMS, recent_attempts=tried(*(n * DAY for n in range(7))))),
    ],
    ("regulation_f", "quiet"): [
        ("quiet_after_conversation", lambda p: why(p, conversed_at=NOON - 6 * DAY)),
        (None, lambda p: why(p, conversed_at=NOON - 7 * DAY)),
        (None, lambda p: why(p, channel=SMS, conversed_at=NOON - DAY)),
    ],
    ("regulation_f", "gap"): [("number_gap", lambda p: why(p, numbers=(NumberFact(attempts=tried(timedelta(minutes=4))),)))],
    ("regulation_f", "workplace"): [("number_workplace", lambda p: why(p, numbers=(NumberFact(is_workplace=True),)))],
    ("regulation_f", "abandon"): [
        ("abandoned_recently", lambda p: why(p, mode="predictive", numbers=(NumberFact(abandoned_at=NOON - timedelta(hours=71)),)))
    ],
    ("regulation_f", "others"): [(None, lambda p: None if p.keep_contact_days >= 3 * 365 else "wrong")],
    ("ofcom", "hours"): [
        (None, lambda p: why(p, at(21, 16))),
        ("outside_window", lambda p: why(p, at(21, 17))),
        ("closed_day", lambda p: why(p, at(22, 10))),
        ("closed_day", lambda p: why(p, at(25, 10, month=12))),
    ],
    ("ofcom", "abandon"): [
        ("abandoned_recently", lambda p: why(p, channel=AUTO, numbers=(NumberFact(abandoned_at=NOON - timedelta(hours=71)),))),
        (None, lambda p: why(p, mode="progressive", numbers=(NumberFact(abandoned_at=NOON - timedelta(hours=1)),))),
    ],
    ("ofcom", "person"): [("day_cap", lambda p: why(p, recent_attempts=tried(timedelta(hours=2), timedelta(hours=3))))],
    ("ofcom", "gap"): [("number_gap", lambda p: why(p, numbers=(NumberFact(attempts=tried(timedelta(minutes=59))),)))],
    ("ofcom", "quiet"): [("quiet_after_conversation", lambda p: why(p, conversed_at=NOON - 7 * DAY))],
    ("ofcom", "workplace"): [("number_workplace", lambda p: why(p, numbers=(NumberFact(is_workplace=True),)))],
    ("ofcom", "others"): [("list_too_old", lambda p: why(p, list_as_of=NOON.date() - 401 * DAY))],
    ("training", "always_open"): [(None, lambda p: why(p, at(22, 3)))],
    ("training", "wide_caps"): [(None, lambda p: why(p, recent_attempts=tried(*[timedelta(hours=1)] * 19)))],
}


@pytest.mark.parametrize(("name", "code"), [(name, line.code) for name in NAMES for line in preset(name).lines])
def test_each_line_holds(name: str, code: str) -> None:
    policy = preset(name).policy()
    assert [question(policy) for _, question in LINES[name, code]] == [expected for expected, _ in LINES[name, code]]


@pytest.mark.parametrize("name", NAMES)
def test_each_line_has_its_words_and_source_and_nothing_is_left_to_chance(name: str) -> None:
    told = preset(name)
    assert all(line.ja and line.en and line.source for line in told.lines)
    assert told.not_covered["ja"]
    assert told.not_covered["en"]
    assert to_document(told.policy()) == told.document, "a preset states every setting"
    assert summary(told.policy(), "ja")
    assert len(summary(told.policy(), "ja")) == len(summary(told.policy(), "en"))


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({"max_per_day": 2}, ["max_per_day"]),
        ({"max_per_day": 0, "max_per_week": 1, "quiet_days": 30, "gap_minutes": 60}, []),
        ({"quiet_days": 6}, ["quiet_days"]),
        ({"max_list_days": 0}, ["max_list_days"]),
        ({"max_list_days": 45}, []),
        ({"caps": []}, ["caps.0"]),
        ({"allows_workplace": True, "is_conversation_day_first": True}, ["is_conversation_day_first", "allows_workplace"]),
        ({"exempt": {"open_promise": ["sms"]}}, ["exempt.open_promise"]),
        ({"envelope": "07:00-21:00"}, ["envelope"]),
        ({"is_closed_at_year_end": False}, ["is_closed_at_year_end"]),
        ({"year_end": "12-30/01-03"}, ["year_end"]),
        ({"open_day": {"sms": "09:00-20:00"}}, ["open_day.sms"]),
        ({"evening_closes": {"sms": "20:30"}}, ["evening_closes.sms"]),
        ({"weekly": {"sms": {"5": "09:00-12:00"}}}, ["weekly.sms.5"]),
        ({"weekly": {"sms": {"0": "10:00-12:00,13:00-18:00"}}}, []),
        ({"rules": [{"kind": "evening", "weekdays": [1], "until": "20:00"}]}, []),
        ({"rules": [{"kind": "evening", "weekdays": [1], "until": "21:00"}]}, ["rules.0"]),
        ({"rules": [{"kind": "open", "weekdays": [6], "hours": "09:00-20:00"}]}, ["rules.0"]),
        ({"rules": [{"kind": "closed", "weekdays": [2]}]}, []),
    ],
)
def test_what_is_looser_than_the_preset(change: dict[str, Any], paths: list[str]) -> None:
    base = preset("municipality").policy()
    policy = from_document({**preset("municipality").document, **change})
    assert [one.path for one in loosened(policy, base)] == paths
    assert differences(policy, base)


def test_reasons_that_can_be_exempted_are_never_the_absolute_ones() -> None:
    assert not {DenialReason.DO_NOT_CONTACT, DenialReason.SETTLED, DenialReason.STOP_REQUEST, DenialReason.UNKNOWN_FACTS} & set(EXEMPTIBLE)
