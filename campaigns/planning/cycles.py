"""The cycles of a campaign as dates: by calendar month or every N days, without gaps and without overlaps. Pure.

What a debtor has had in a cycle is never kept: it is counted from attempts, messages and payments between the dates of this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from callcenter.core.clock import OFFICE_ZONE

DAY = timedelta(days=1)


class Restart(StrEnum):
    """Where a debtor begins in a new cycle: at the bottom of the ladder, or on the step that was reached before."""

    BOTTOM = "bottom"
    CARRY_ON = "carry_on"


@dataclass(frozen=True, slots=True)
class CycleSettings:
    """How a campaign is cut into cycles.

    Attributes:
        days: length; 0 is a calendar month.
        start_day: day of the month on which a monthly cycle begins.
        restart: where debtors begin in the next cycle.
        history_days: how far back before the first cycle attempts count, so that an office that moves in carries on where it was.
    """

    days: Annotated[int, Field(ge=0, le=366)] = 0
    start_day: Annotated[int, Field(ge=1, le=28)] = 1
    restart: Restart = Restart.BOTTOM
    history_days: Annotated[int, Field(ge=0, le=366)] = 60


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle, both days included; `number` counts from 1 in a campaign.

    Attributes:
        counts_from: the first day whose attempts count on the ladder.
        before_from: the first day whose attempts tell how high a debtor had come; the same where cycles begin at the bottom.
    """

    number: int
    starts_on: date
    ends_on: date
    counts_from: date
    before_from: date

    @property
    def days(self) -> int:
        """Its length."""
        return (self.ends_on - self.starts_on).days + 1

    def moments(self, zone: ZoneInfo = OFFICE_ZONE) -> dict[str, datetime | date]:
        """The values by which the plan's statement knows the cycle."""
        return {
            "cycle_day": self.starts_on,
            "cycle_from": datetime.combine(self.starts_on, time(0, 0), zone),
            "counts_from": datetime.combine(self.counts_from, time(0, 0), zone),
            "before_from": datetime.combine(self.before_from, time(0, 0), zone),
        }


def period_of(settings: CycleSettings, anchor: date, day: date) -> tuple[date, date]:
    """First and last day of the period a day lies in; periods of N days are counted from `anchor`."""
    if settings.days:
        starts = anchor + (day - anchor).days // settings.days * settings.days * DAY
        return starts, starts + (settings.days - 1) * DAY
    starts = day.replace(day=settings.start_day)
    if day.day < settings.start_day:
        starts = (starts.replace(day=1) - DAY).replace(day=settings.start_day)
    return starts, _month_after(starts) - DAY


def first_cycle(settings: CycleSettings, day: date, anchor: date | None = None) -> Cycle:
    """The first cycle of a campaign that begins on a day."""
    starts, ends = period_of(settings, anchor or day, day)
    counts_from = starts - settings.history_days * DAY
    return Cycle(1, starts, ends, counts_from, counts_from)


def cycle_after(settings: CycleSettings, last: Cycle) -> Cycle:
    """The cycle that follows; where the settings were changed meanwhile, it ends where the new periods do."""
    starts = last.ends_on + DAY
    _, ends = period_of(settings, starts, starts)
    before_from = last.before_from if settings.restart is Restart.CARRY_ON else starts
    return Cycle(last.number + 1, starts, ends, starts, before_from)


def cycle_on(settings: CycleSettings, last: Cycle, day: date) -> Cycle:
    """The cycle a day lies in, when `last` is known and the day is not before it."""
    while last.ends_on < day:
        last = cycle_after(settings, last)
    return last


def _month_after(day: date) -> date:
    return (day.replace(day=28) + 4 * DAY).replace(day=day.day)
