"""A report's period: whole days of the office's zone, from ≤ t < to + 1 day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.clock import OFFICE_ZONE, day_bounds
from callcenter.core.db import office_of
from callcenter.core.eras import parse_date
from callcenter.core.errors import InvalidInput

EARLIEST, LATEST = date(1950, 1, 1), date(2199, 12, 31)
EXPECTED = "YYYY-MM-DD (2026-09-01), 2026/9/1, 令和8年9月1日, R8.9.1"


@dataclass(frozen=True, slots=True)
class Period:
    """The days `first` to `last`, both included, in `zone`."""

    first: date
    last: date
    zone: ZoneInfo = OFFICE_ZONE

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The half-open span of moments it covers, in UTC."""
        return day_bounds(self.first, self.last, self.zone)

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1


def read_day(text: str, name: str) -> date:
    """The day written in `text`, in any style files may use.

    Args:
        text: what the user wrote.
        name: the option or field, for the message.

    Raises:
        InvalidInput (code usage): empty, no date, or outside 1950 to 2199.
    """
    try:
        day = parse_date(text)
    except InvalidInput as problem:
        raise InvalidInput(f"{name}: '{text[:40]}' is not a date.", hint=f"Expected {EXPECTED}.", code="usage") from problem
    if day is None:
        raise InvalidInput(f"{name}: a date is missing.", hint=f"Expected {EXPECTED}.", code="usage")
    if not EARLIEST <= day <= LATEST:
        raise InvalidInput(f"{name}: {day} is out of range.", hint=f"Expected {EARLIEST} to {LATEST}.", code="usage")
    return day


def read_period(first: str, last: str, zone: ZoneInfo = OFFICE_ZONE, *, names: tuple[str, str] = ("from", "to")) -> Period:
    """The period from two written days.

    Raises:
        InvalidInput (code usage): a day can't be read, or the first is after the last.
    """
    start, end = read_day(first, names[0]), read_day(last, names[1])
    if start > end:
        raise InvalidInput(f"{names[0]} {start} is after {names[1]} {end}.", hint="Exchange the two dates.", code="usage")
    return Period(start, end, zone)


def read_month(text: str) -> date:
    """The first day of a month written as 2026-10.

    Raises:
        InvalidInput (code usage): it is no month.
    """
    try:
        return date.fromisoformat(f"{text.strip()}-01")
    except ValueError as problem:
        raise InvalidInput(f"'{text[:20]}' is not a month.", hint="Expected YYYY-MM, for instance 2026-10.", code="usage") from problem


def month_to_date(today: date, zone: ZoneInfo = OFFICE_ZONE) -> Period:
    """From the first of the month to today: what the report page shows when it is opened without a period."""
    return Period(today.replace(day=1), today, zone)


def months_of(period: Period) -> list[tuple[date, date]]:
    """The period cut at the months' ends: (first, last) of each part."""
    parts = []
    first = period.first
    while first <= period.last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        parts.append((first, min(period.last, following - timedelta(days=1))))
        first = following
    return parts


def zone_of(session: Session) -> ZoneInfo:
    """The office's time zone."""
    return ZoneInfo(session.get_one(Office, office_of(session)).time_zone)


def same_weekday_before(today: date, zone: ZoneInfo = OFFICE_ZONE) -> Period:
    """The same weekday a week before `today`."""
    day = today - timedelta(days=7)
    return Period(day, day, zone)
