"""The only source of "now": decisions take a moment as an argument, loops ask a `Clock`."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

OFFICE_ZONE = ZoneInfo("Asia/Tokyo")


class Clock(Protocol):
    """Tells the time and lets it pass; virtual in accelerated simulation."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Lets `seconds` pass."""

    def elapsed(self) -> float:
        """Seconds since some moment; runs on evenly when the clock is set."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def elapsed(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that only moves when told to; sleeping moves it."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware moment")
        self._now = start.astimezone(UTC)
        self._stepped = timedelta(0)

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=max(0.0, seconds))

    def elapsed(self) -> float:
        return (self._now - self._stepped).timestamp()

    def step(self, by: timedelta) -> None:
        """Sets the clock forward or back, as an administrator or a time server would; no time passes."""
        self._now += by
        self._stepped += by

    def move_to(self, moment: datetime) -> None:
        """Moves forward to `moment`; never back."""
        self._now = max(self._now, moment.astimezone(UTC))


def utc_now() -> datetime:
    """The machine's current moment, aware, in UTC."""
    return datetime.now(UTC)


def local_day(moment: datetime, zone: ZoneInfo = OFFICE_ZONE) -> date:
    """The calendar day of `moment` in the office's zone."""
    return moment.astimezone(zone).date()


def day_bounds(first: date, last: date, zone: ZoneInfo = OFFICE_ZONE) -> tuple[datetime, datetime]:
    """The half-open span of moments [first 00:00, day after last 00:00) in the office's zone, as UTC."""
    start = datetime(first.year, first.month, first.day, tzinfo=zone)
    after = last + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=zone)
    return start.astimezone(UTC), end.astimezone(UTC)
