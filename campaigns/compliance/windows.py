"""Contact hours: channel x weekday x calendar. Pure; a window is half open, [opens, closes)."""

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

SEARCH_DAYS = 60
MIDNIGHT = time(0, 0)


class DayKind(StrEnum):
    """A declared day: 閉庁日, 夜間窓口 and 休日窓口."""

    CLOSED = "closed"
    EVENING = "evening"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Hours:
    """Contact hours of a day, local time; `closes` 00:00 means the end of the day."""

    opens: time
    closes: time


@dataclass(frozen=True)
class ContactHours:
    """When each channel may reach people.

    Attributes:
        weekly: per channel, weekday (0 Monday) to hours; a missing weekday is closed, a missing channel always is.
        evening_closes: how long a channel goes on declared evening days; channels not named keep their hours.
        open_day: hours on declared open Sundays and holidays.
        is_closed_on_holidays: Japan's public holidays are closed.
        is_closed_at_year_end: 12/29 to 1/3 are closed (地方自治体の年末年始の休日).
        days: the office's own declared days.
        zone: the office's zone.
    """

    weekly: Mapping[Channel, Mapping[int, Hours]]
    evening_closes: Mapping[Channel, time] = field(default_factory=dict)
    open_day: Mapping[Channel, Hours] = field(default_factory=dict)
    is_closed_on_holidays: bool = True
    is_closed_at_year_end: bool = True
    days: Mapping[date, DayKind] = field(default_factory=dict)
    zone: ZoneInfo = OFFICE_ZONE
    spans: dict[tuple[Channel, date], tuple[datetime, datetime] | None] = field(default_factory=dict, compare=False, repr=False)


@lru_cache(maxsize=64)
def _holidays_of(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("JP", years=[year]))


def is_holiday(day: date) -> bool:
    """Whether Japan has a public holiday (国民の祝日・休日)."""
    return day in _holidays_of(day.year)


def is_year_end(day: date) -> bool:
    """Whether the day lies in 12/29-1/3."""
    return (day.month, day.day) >= (12, 29) or (day.month, day.day) <= (1, 3)


def hours_on(hours: ContactHours, channel: Channel, day: date) -> Hours | None:
    """The channel's hours on a day; None when it is closed."""
    kind = hours.days.get(day)
    if kind is DayKind.CLOSED:
        return None
    if kind is DayKind.OPEN:
        return hours.open_day.get(channel)
    if hours.is_closed_at_year_end and is_year_end(day):
        return None
    if hours.is_closed_on_holidays and is_holiday(day):
        return None
    usual = hours.weekly.get(channel, {}).get(day.weekday())
    if usual is not None and kind is DayKind.EVENING and channel in hours.evening_closes:
        return Hours(usual.opens, hours.evening_closes[channel])
    return usual


def span_on(hours: ContactHours, channel: Channel, day: date) -> tuple[datetime, datetime] | None:
    """The channel's window on a day as aware moments; None when closed."""
    key = (channel, day)
    if key not in hours.spans:
        open_hours = hours_on(hours, channel, day)
        if open_hours is None:
            hours.spans[key] = None
        else:
            end_day = day + timedelta(days=1) if open_hours.closes == MIDNIGHT else day
            start = datetime.combine(day, open_hours.opens, hours.zone)
            hours.spans[key] = (start, datetime.combine(end_day, open_hours.closes, hours.zone))
    return hours.spans[key]


def open_spans(hours: ContactHours, channel: Channel, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Windows that end after `moment`, in order, as far as `SEARCH_DAYS` ahead."""
    first = moment.astimezone(hours.zone).date()
    for offset in range(SEARCH_DAYS):
        span = span_on(hours, channel, first + timedelta(days=offset))
        if span is not None and span[1] > moment:
            yield span


def next_open(hours: ContactHours, channel: Channel, moment: datetime) -> datetime | None:
    """The first moment from `moment` on that lies in a window; None when none is in sight."""
    for start, _ in open_spans(hours, channel, moment):
        return max(start, moment)
    return None


def is_open(hours: ContactHours, channel: Channel, moment: datetime) -> bool:
    """Whether `moment` lies in the channel's window."""
    span = span_on(hours, channel, moment.astimezone(hours.zone).date())
    return span is not None and span[0] <= moment < span[1]
