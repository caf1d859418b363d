"""Contact hours: channel x weekday x calendar. Pure; a window is half open, [opens, closes), and a day may have several (a lunch gap)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from callcenter.core.clock import OFFICE_ZONE
from campaigns.attempts.codes import Channel
from campaigns.compliance.days import WHOLE_DAY, DayKind, DayRule, DeclaredDay, Hours, as_hours, as_minutes, clip, matches, merged

SEARCH_DAYS = 60
NO_HOURS: tuple[Hours, ...] = ()
Span = tuple[datetime, datetime]


class Why(StrEnum):
    """What made a day's hours what they are."""

    USUAL = "usual"
    NO_WEEKDAY = "no_weekday"
    HOLIDAY = "holiday"
    YEAR_END = "year_end"
    RULE = "rule"
    DECLARED = "declared"


@dataclass(frozen=True, slots=True)
class DayHours:
    """A channel's hours on a day, why they are so, and the day's name if it has one."""

    hours: tuple[Hours, ...]
    why: Why
    name: str = ""


@dataclass(frozen=True)
class ContactHours:
    """When each channel may reach people.

    Attributes:
        weekly: per channel, weekday (0 Monday) to hours; a missing weekday is closed, a missing channel always is.
        evening_closes: how long a channel goes on evening days that name no hours of their own; channels not named keep theirs.
        open_day: hours on open Sundays and holidays that name no hours of their own.
        is_closed_on_holidays, country: public holidays of that country are closed.
        is_closed_at_year_end, year_end: the days from (month, day) to (month, day) are closed (年末年始の休日).
        rules: days that come again, such as every Tuesday evening; a date declared in `days` goes before them.
        envelope: nothing is open outside these hours, whatever a rule or a declared day says.
        days: the office's own declared days.
        zone: the office's zone.
    """

    weekly: Mapping[Channel, Mapping[int, tuple[Hours, ...]]]
    evening_closes: Mapping[Channel, time] = field(default_factory=dict)
    open_day: Mapping[Channel, tuple[Hours, ...]] = field(default_factory=dict)
    is_closed_on_holidays: bool = True
    country: str = "JP"
    is_closed_at_year_end: bool = True
    year_end: tuple[tuple[int, int], tuple[int, int]] = ((12, 29), (1, 3))
    rules: tuple[DayRule, ...] = ()
    envelope: Hours = WHOLE_DAY
    days: Mapping[date, DeclaredDay] = field(default_factory=dict)
    zone: ZoneInfo = OFFICE_ZONE
    spans: dict[tuple[Channel, date], tuple[Span, ...]] = field(default_factory=dict, compare=False, repr=False)


_LANGUAGES = {("JP", "ja"): "ja", ("JP", "en"): "en_US", ("US", "en"): "en_US", ("GB", "en"): "en_GB"}


@lru_cache(maxsize=256)
def _holidays_of(country: str, year: int, lang: str = "") -> Mapping[date, str]:
    return dict(holidays.country_holidays(country, years=[year], language=_LANGUAGES.get((country, lang))))


def is_holiday(day: date, country: str = "JP") -> bool:
    """Whether the country has a public holiday (国民の祝日・休日)."""
    return day in _holidays_of(country, day.year)


def holiday_name(day: date, country: str = "JP", lang: str = "ja") -> str:
    """The holiday's name, in a language if it is known in that; empty when it is none."""
    return _holidays_of(country, day.year, lang).get(day, "")


def is_year_end(day: date, span: tuple[tuple[int, int], tuple[int, int]] = ((12, 29), (1, 3))) -> bool:
    """Whether the day lies in 12/29-1/3, or whatever `span` says; a span may cross the year's end."""
    first, last = span
    at = (day.month, day.day)
    return first <= at <= last if first <= last else at >= first or at <= last


def is_working_day(hours: ContactHours, day: date) -> bool:
    """Monday to Friday, neither a holiday nor the year's end, whatever is declared."""
    if day.weekday() >= 5 or (hours.is_closed_at_year_end and is_year_end(day, hours.year_end)):
        return False
    return not (hours.is_closed_on_holidays and is_holiday(day, hours.country))


def day_hours(hours: ContactHours, channel: Channel, day: date) -> DayHours:
    """The channel's hours on a day with their reason: a declared date, then the year's end, then rules and holidays, then the week."""
    found = _before_envelope(hours, channel, day)
    return DayHours(clip(found.hours, hours.envelope), found.why, found.name)


def _before_envelope(hours: ContactHours, channel: Channel, day: date) -> DayHours:
    usual = hours.weekly.get(channel, {}).get(day.weekday(), NO_HOURS)
    is_ending = hours.is_closed_at_year_end and is_year_end(day, hours.year_end)
    is_off = hours.is_closed_on_holidays and is_holiday(day, hours.country)
    own = hours.days.get(day)
    if own is not None and own.concerns(channel):
        return DayHours(_declared(hours, channel, own, NO_HOURS if is_ending or is_off else usual), Why.DECLARED, own.name)
    if is_ending:
        return DayHours(NO_HOURS, Why.YEAR_END)
    ruled = _by_rules(hours, channel, day, usual, is_off)
    if ruled is not None:
        return ruled
    if is_off:
        return DayHours(NO_HOURS, Why.HOLIDAY, holiday_name(day, hours.country))
    return DayHours(usual, Why.USUAL if usual else Why.NO_WEEKDAY)


def _by_rules(hours: ContactHours, channel: Channel, day: date, usual: tuple[Hours, ...], is_off: bool) -> DayHours | None:
    """What rules make of a day; a closing rule goes before an opening one, and that before evenings, which add up."""
    fitting = [
        rule.day
        for rule in hours.rules
        if rule.day.concerns(channel)
        and (rule.is_on_holidays or not is_off or rule.day.kind is DayKind.CLOSED)
        and matches(rule, day, lambda other: is_working_day(hours, other))
    ]
    if not fitting:
        return None
    name = next((told.name for told in fitting if told.name), "")
    for kind in (DayKind.CLOSED, DayKind.OPEN):
        for told in fitting:
            if told.kind is kind:
                return DayHours(_declared(hours, channel, told, usual), Why.RULE, told.name or name)
    left = NO_HOURS if is_off else usual
    return DayHours(merged(part for told in fitting for part in _declared(hours, channel, told, left)), Why.RULE, name)


def _declared(hours: ContactHours, channel: Channel, told: DeclaredDay, usual: tuple[Hours, ...]) -> tuple[Hours, ...]:
    if told.kind is DayKind.CLOSED:
        return NO_HOURS
    if told.kind is DayKind.OPEN:
        return told.hours or hours.open_day.get(channel, NO_HOURS)
    until = told.until or (None if told.hours else hours.evening_closes.get(channel))
    if until is not None and usual:
        last = as_minutes(usual[-1])
        end = as_minutes(Hours(time(0, 0), until))[1]
        usual = (*usual[:-1], as_hours(last[0], max(last[1], end)))
    return merged((*usual, *told.hours))


def hours_on(hours: ContactHours, channel: Channel, day: date) -> tuple[Hours, ...]:
    """The channel's hours on a day; empty when it is closed."""
    return day_hours(hours, channel, day).hours


def spans_on(hours: ContactHours, channel: Channel, day: date) -> tuple[Span, ...]:
    """The channel's windows on a day as aware moments, in order; empty when closed."""
    key = (channel, day)
    found = hours.spans.get(key)
    if found is None:
        found = hours.spans[key] = tuple(_span(hours, day, part) for part in hours_on(hours, channel, day))
    return found


def _span(hours: ContactHours, day: date, part: Hours) -> Span:
    end_day = day + timedelta(days=1) if part.closes == time(0, 0) else day
    return datetime.combine(day, part.opens, hours.zone), datetime.combine(end_day, part.closes, hours.zone)


def open_spans(hours: ContactHours, channel: Channel, moment: datetime) -> Iterator[Span]:
    """Windows that end after `moment`, in order, as far as `SEARCH_DAYS` ahead."""
    first = moment.astimezone(hours.zone).date()
    for offset in range(SEARCH_DAYS):
        for span in spans_on(hours, channel, first + timedelta(days=offset)):
            if span[1] > moment:
                yield span


def next_open(hours: ContactHours, channel: Channel, moment: datetime) -> datetime | None:
    """The first moment from `moment` on that lies in a window; None when none is in sight."""
    for start, _ in open_spans(hours, channel, moment):
        return max(start, moment)
    return None


def is_open(hours: ContactHours, channel: Channel, moment: datetime) -> bool:
    """Whether `moment` lies in one of the channel's windows."""
    day = moment.astimezone(hours.zone).date()
    return any(start <= moment < end for start, end in spans_on(hours, channel, day))
