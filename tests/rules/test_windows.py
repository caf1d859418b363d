"""Contact hours: the week, holidays, the year's end, declared days, days that come again, and a plain calendar minute by minute."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import jpholiday
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.attempts.codes import Channel
from campaigns.compliance.days import DayKind, DayRule, DeclaredDay, Hours, hours_text, read_hours
from campaigns.compliance.presets import municipality
from campaigns.compliance.windows import ContactHours, Why, day_hours, hours_on, is_holiday, is_open, next_open

JST = ZoneInfo("Asia/Tokyo")
HOURS = municipality().hours
CALL = Channel.OPERATOR_CALL
TUESDAY = date(2026, 11, 17)


def text_on(hours: ContactHours, day: date, channel: Channel = CALL) -> str:
    return hours_text(hours_on(hours, channel, day))


def test_holidays_agree_with_an_independent_calendar() -> None:
    day = date(2020, 1, 1)
    while day < date(2032, 1, 1):
        assert is_holiday(day) == jpholiday.is_holiday(day), day
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "why", "text"),
    [
        (date(2026, 11, 18), Why.USUAL, "09:00-17:00"),
        (date(2026, 11, 21), Why.NO_WEEKDAY, ""),
        (date(2026, 11, 23), Why.HOLIDAY, ""),
        (date(2026, 12, 29), Why.YEAR_END, ""),
        (date(2027, 1, 3), Why.YEAR_END, ""),
        (date(2027, 1, 4), Why.USUAL, "09:00-17:00"),
    ],
)
def test_why_a_day_is_as_it_is(day: date, why: Why, text: str) -> None:
    found = day_hours(HOURS, CALL, day)
    assert (found.why, hours_text(found.hours)) == (why, text)


def test_the_year_s_end_is_a_setting() -> None:
    assert text_on(replace(HOURS, year_end=((12, 28), (1, 5)), spans={}), date(2026, 12, 28)) == ""
    assert text_on(replace(HOURS, is_closed_at_year_end=False, spans={}), date(2026, 12, 30)) == "09:00-17:00"
    assert text_on(replace(HOURS, year_end=((8, 13), (8, 15)), spans={}), date(2026, 8, 14)) == ""


def test_declared_days_close_extend_and_open() -> None:
    days = {
        date(2026, 11, 18): DeclaredDay(DayKind.CLOSED),
        date(2026, 11, 19): DeclaredDay(DayKind.EVENING),
        date(2026, 11, 20): DeclaredDay(DayKind.EVENING, read_hours("17:15-19:30")),
        date(2026, 11, 22): DeclaredDay(DayKind.OPEN),
        date(2026, 11, 23): DeclaredDay(DayKind.EVENING),
        date(2026, 11, 29): DeclaredDay(DayKind.OPEN, read_hours("9:00-12:00,13:00-16:00"), channels=frozenset({CALL})),
        date(2026, 12, 30): DeclaredDay(DayKind.OPEN, read_hours("07:00-22:00")),
    }
    hours = replace(HOURS, days=days, spans={})
    assert text_on(hours, date(2026, 11, 18)) == ""
    assert text_on(hours, date(2026, 11, 19)) == "09:00-20:00"
    assert text_on(hours, date(2026, 11, 20)) == "09:00-17:00,17:15-19:30"
    assert text_on(hours, date(2026, 11, 22)) == "09:00-17:00"
    assert text_on(hours, date(2026, 11, 23)) == "", "an evening does not open a holiday"
    assert text_on(hours, date(2026, 11, 29)) == "09:00-12:00,13:00-16:00"
    assert text_on(hours, date(2026, 11, 29), Channel.SMS) == ""
    assert text_on(hours, date(2026, 12, 30)) == "08:00-21:00", "clipped to what no declaration can pass"


def test_a_lunch_gap_closes_and_opens_again() -> None:
    weekly = {CALL: dict.fromkeys(range(5), read_hours("09:00-12:00,13:00-17:00"))}
    hours = replace(HOURS, weekly=weekly, spans={})
    noon = datetime(2026, 11, 18, 12, 10, tzinfo=JST)
    assert not is_open(hours, CALL, noon)
    assert next_open(hours, CALL, noon) == noon.replace(hour=13, minute=0)
    evening = replace(hours, days={noon.date(): DeclaredDay(DayKind.EVENING)}, spans={})
    assert text_on(evening, noon.date()) == "09:00-12:00,13:00-20:00"


@pytest.mark.parametrize(
    ("rule", "open_days", "closed_days"),
    [
        (
            DayRule(DeclaredDay(DayKind.OPEN, read_hours("09:00-16:00")), frozenset({6}), frozenset({3})),
            [date(2026, 11, 15)],
            [date(2026, 11, 22)],
        ),
        (DayRule(DeclaredDay(DayKind.OPEN), frozenset({6}), frozenset({-1})), [date(2026, 11, 29)], [date(2026, 11, 22)]),
        (DayRule(DeclaredDay(DayKind.OPEN), frozenset({0}), is_on_holidays=True), [date(2026, 11, 23)], [date(2026, 11, 22)]),
        (DayRule(DeclaredDay(DayKind.OPEN), frozenset({6}), months=frozenset({12})), [date(2026, 12, 6)], [date(2026, 11, 29)]),
        (DayRule(DeclaredDay(DayKind.OPEN), frozenset({6}), from_on=date(2026, 12, 1)), [date(2026, 12, 6)], [date(2026, 11, 29)]),
    ],
)
def test_open_days_that_come_again(rule: DayRule, open_days: list[date], closed_days: list[date]) -> None:
    hours = replace(HOURS, rules=(rule,), spans={})
    assert all(hours_on(hours, CALL, day) for day in open_days)
    assert not any(hours_on(hours, CALL, day) for day in closed_days)


def test_evenings_that_come_again() -> None:
    every_tuesday = DayRule(DeclaredDay(DayKind.EVENING, until=time(19, 45)), frozenset({1}))
    month_end = DayRule(DeclaredDay(DayKind.EVENING, read_hours("17:15-19:30")), last_workdays=5)
    hours = replace(HOURS, rules=(every_tuesday, month_end), spans={})
    assert text_on(hours, TUESDAY) == "09:00-19:45"
    assert text_on(hours, date(2026, 11, 25)) == "09:00-17:00,17:15-19:30"
    assert text_on(hours, date(2026, 11, 24)) == "09:00-19:45", "both: the evening is whole already"
    assert text_on(hours, date(2026, 11, 20)) == "09:00-17:00"
    assert text_on(hours, date(2026, 12, 29)) == "", "the year's end stays closed"
    closed = replace(hours, rules=(*hours.rules, DayRule(DeclaredDay(DayKind.CLOSED), frozenset({1}), frozenset({3}))), spans={})
    assert text_on(closed, TUESDAY) == ""
    declared = replace(closed, days={TUESDAY: DeclaredDay(DayKind.OPEN)}, spans={})
    assert text_on(declared, TUESDAY) == "09:00-17:00", "a declared date goes before any rule"


@pytest.mark.parametrize("text", ["9", "09:00-08:00", "09:00-12:00,11:00-13:00", "25:00-26:00", "09:00-", "a-b"])
def test_hours_that_can_not_be_read(text: str) -> None:
    with pytest.raises(ValueError):
        read_hours(text)


def test_other_countries_holidays() -> None:
    us = replace(HOURS, country="US", spans={})
    assert text_on(us, date(2026, 11, 26)) == ""  # Thanksgiving
    assert text_on(us, date(2026, 11, 23)) == "09:00-17:00"


class Plain:
    """The same calendar, minute by minute, from the words of the rules and nothing else."""

    def __init__(self, hours: ContactHours) -> None:
        self.hours = hours

    def is_open(self, channel: Channel, day: date, minute: int) -> bool:
        first, last = minutes(self.hours.envelope)
        return first <= minute < last and self.is_declared_open(channel, day, minute)

    def is_declared_open(self, channel: Channel, day: date, minute: int) -> bool:
        own = self.hours.days.get(day)
        ends_year = (day.month, day.day) >= (12, 29) or (day.month, day.day) <= (1, 3)
        is_off = jpholiday.is_holiday(day)
        usual = [] if ends_year or is_off else [minutes(part) for part in self.hours.weekly.get(channel, {}).get(day.weekday(), ())]
        if own is not None:
            return minute_in(self.told(own, channel, usual), minute)
        if ends_year:
            return False
        fitting = [rule.day for rule in self.hours.rules if self.fits(rule, day, is_off)]
        for kind in (DayKind.CLOSED, DayKind.OPEN):
            for told in fitting:
                if told.kind is kind:
                    return minute_in(self.told(told, channel, usual), minute)
        return any(minute_in(self.told(told, channel, usual), minute) for told in fitting) if fitting else minute_in(usual, minute)

    def fits(self, rule: DayRule, day: date, is_off: bool) -> bool:
        if is_off and not rule.is_on_holidays and rule.day.kind is not DayKind.CLOSED:
            return False
        same = [
            d for d in (day.replace(day=1) + timedelta(days=n) for n in range(31)) if d.month == day.month and d.weekday() == day.weekday()
        ]
        place = same.index(day) + 1
        is_nth = not rule.nth or place in rule.nth or (-1 in rule.nth and place == len(same))
        return day.weekday() in rule.weekdays and is_nth

    def told(self, told: DeclaredDay, channel: Channel, usual: list[tuple[int, int]]) -> list[tuple[int, int]]:
        if told.kind is DayKind.CLOSED:
            return []
        own = [minutes(part) for part in told.hours]
        if told.kind is DayKind.OPEN:
            return own or [minutes(part) for part in self.hours.open_day.get(channel, ())]
        until = told.until or (None if told.hours else self.hours.evening_closes.get(channel))
        parts = sorted(usual)
        if until is not None and parts:
            end = until.hour * 60 + until.minute or 1440
            parts[-1] = (parts[-1][0], max(parts[-1][1], end))
        return parts + own


def minutes(part: Hours) -> tuple[int, int]:
    return part.opens.hour * 60 + part.opens.minute, part.closes.hour * 60 + part.closes.minute or 1440


def minute_in(parts: list[tuple[int, int]], minute: int) -> bool:
    return any(start <= minute < end for start, end in parts)


quarter = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))


@st.composite
def some_hours(draw: st.DrawFn, most: int = 2) -> tuple[Hours, ...]:
    cuts = sorted(draw(st.sets(st.integers(0, 95), min_size=2, max_size=2 * most)))
    pairs = [(cuts[n], cuts[n + 1]) for n in range(0, len(cuts) - 1, 2)]
    return tuple(Hours(time(a // 4, a % 4 * 15), time(b // 4, b % 4 * 15)) for a, b in pairs)


@st.composite
def declared(draw: st.DrawFn) -> DeclaredDay:
    kind = draw(st.sampled_from(DayKind))
    if kind is DayKind.CLOSED:
        return DeclaredDay(kind)
    own = draw(st.just(()) | some_hours())
    return DeclaredDay(kind, own, None if kind is DayKind.OPEN else draw(st.none() | quarter.filter(bool)))


weekdays = st.sets(st.integers(0, 6), min_size=1).map(frozenset)
places = st.sets(st.sampled_from([-1, 1, 2, 3, 4, 5])).map(frozenset)
rules = st.builds(DayRule, declared(), weekdays, places, is_on_holidays=st.booleans())
DAYS = [date(2026, 12, 20) + timedelta(days=n) for n in range(25)] + [date(2026, 11, 16) + timedelta(days=n) for n in range(14)]


@st.composite
def calendars(draw: st.DrawFn) -> ContactHours:
    week = {day: draw(some_hours()) for day in draw(st.sets(st.integers(0, 6)))}
    return ContactHours(
        weekly={CALL: week},
        evening_closes=draw(st.just({}) | quarter.filter(bool).map(lambda end: {CALL: end})),
        open_day={CALL: draw(some_hours())},
        rules=tuple(draw(st.lists(rules, max_size=3))),
        envelope=draw(st.sampled_from([Hours(time(0), time(0)), Hours(time(8), time(21))])),
        days=draw(st.dictionaries(st.sampled_from(DAYS), declared(), max_size=4)),
    )


@pytest.mark.slow
@given(calendars(), st.sampled_from(DAYS), st.integers(0, 1439))
@settings(max_examples=150, deadline=None)
def test_no_moment_outside_the_plain_calendar_and_none_inside_is_missed(hours: ContactHours, day: date, minute: int) -> None:
    plain = Plain(hours)
    for at in {*range(0, 1440, 15), *range(14, 1440, 15), minute}:  # all hours begin and end on a quarter
        moment = datetime.combine(day, time(at // 60, at % 60), JST)
        assert is_open(hours, CALL, moment) == plain.is_open(CALL, day, at), moment
    start = datetime.combine(day, time(minute // 60, minute % 60), JST)
    opening = next_open(hours, CALL, start)
    probe, end = start, min(opening or start + timedelta(days=4), start + timedelta(days=4))
    while probe < end:
        assert not plain.is_open(CALL, probe.date(), probe.hour * 60 + probe.minute)
        probe += timedelta(minutes=15)
    if opening is not None:
        assert plain.is_open(CALL, opening.date(), opening.hour * 60 + opening.minute)
