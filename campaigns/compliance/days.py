"""Hours of a day, days that differ from the week, and rules by which such days come again. Pure.

As text: `09:00-12:00,13:00-17:00` are hours; `24:00` (or 00:00) is the end of the day.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from itertools import pairwise

from campaigns.attempts.codes import Channel

MIDNIGHT = time(0, 0)
_DASHES = str.maketrans({"、": ",", "〜": "-", "~": "-", "–": "-", "‐": "-", "−": "-"})
DAY_MINUTES = 24 * 60
LAST = -1


class DayKind(StrEnum):
    """A day that differs: 閉庁日, 夜間窓口 and 休日窓口."""

    CLOSED = "closed"
    EVENING = "evening"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of a day, local time; `closes` 00:00 means the end of the day."""

    opens: time
    closes: time


WHOLE_DAY = Hours(MIDNIGHT, MIDNIGHT)


@dataclass(frozen=True, slots=True)
class DeclaredDay:
    """What holds on such a day.

    Attributes:
        hours: an open day's hours, or an evening's further hours; empty takes those of the policy.
        until: how long an evening goes on after the usual hours; None with no `hours` takes the policy's.
        channels: those it concerns; None is all.
    """

    kind: DayKind
    hours: tuple[Hours, ...] = ()
    until: time | None = None
    channels: frozenset[Channel] | None = None
    name: str = ""

    def concerns(self, channel: Channel) -> bool:
        """Whether it says anything about that channel."""
        return self.channels is None or channel in self.channels


@dataclass(frozen=True, slots=True)
class DayRule:
    """A day that comes again.

    Attributes:
        weekdays: 0 Monday to 6 Sunday; empty is any.
        nth: which of them in a month, 1 to 5 and -1 the last; empty is every one.
        last_workdays: instead of `nth`, the last so many working days of a month; 0 does not ask.
        months: 1 to 12; empty is all.
        is_on_holidays: whether it holds on public holidays, too; without it a holiday stays closed.
        from_on, until_on: the days between which it holds.
    """

    day: DeclaredDay
    weekdays: frozenset[int] = frozenset()
    nth: frozenset[int] = frozenset()
    last_workdays: int = 0
    months: frozenset[int] = frozenset()
    is_on_holidays: bool = False
    from_on: date | None = None
    until_on: date | None = None


class BadText(ValueError):
    """Text that can't be read as hours or a time."""

    def __init__(self, en: str, ja: str) -> None:
        super().__init__(en)
        self.en, self.ja = en, ja


def matches(rule: DayRule, day: date, is_working_day: Callable[[date], bool]) -> bool:
    """Whether the rule names this day."""
    if (rule.from_on is not None and day < rule.from_on) or (rule.until_on is not None and day > rule.until_on):
        return False
    if (rule.months and day.month not in rule.months) or (rule.weekdays and day.weekday() not in rule.weekdays):
        return False
    if rule.last_workdays:
        return is_working_day(day) and _workdays_after(day, is_working_day) < rule.last_workdays
    if not rule.nth:
        return True
    is_last = (day + timedelta(days=7)).month != day.month
    return (day.day - 1) // 7 + 1 in rule.nth or (is_last and LAST in rule.nth)


def _workdays_after(day: date, is_working_day: Callable[[date], bool]) -> int:
    """Working days of the month that come after `day`."""
    count, later = 0, day + timedelta(days=1)
    while later.month == day.month:
        count += is_working_day(later)
        later += timedelta(days=1)
    return count


def as_minutes(hours: Hours) -> tuple[int, int]:
    """Minutes after midnight, [from, to)."""
    end = hours.closes.hour * 60 + hours.closes.minute
    return hours.opens.hour * 60 + hours.opens.minute, end or DAY_MINUTES


def as_hours(start: int, end: int) -> Hours:
    """The other way round."""
    return Hours(time(*divmod(start, 60)), MIDNIGHT if end >= DAY_MINUTES else time(*divmod(end, 60)))


def merged(parts: Iterable[Hours]) -> tuple[Hours, ...]:
    """The same hours in order, without overlaps."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(as_minutes(part) for part in parts):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return tuple(as_hours(*part) for part in out)


def clip(parts: tuple[Hours, ...], envelope: Hours) -> tuple[Hours, ...]:
    """What of the hours lies inside the envelope."""
    if envelope == WHOLE_DAY:
        return parts
    first, last = as_minutes(envelope)
    cut = [(max(start, first), min(end, last)) for start, end in map(as_minutes, parts)]
    return tuple(as_hours(start, end) for start, end in cut if start < end)


def time_text(moment: time) -> str:
    """As people write the end of something: midnight is 24:00."""
    return "24:00" if moment == MIDNIGHT else f"{moment:%H:%M}"


def hours_text(parts: Iterable[Hours]) -> str:
    """Hours as text, `09:00-12:00,13:00-17:00`."""
    return ",".join(f"{part.opens:%H:%M}-{time_text(part.closes)}" for part in parts)


def read_time(text: str) -> time:
    """A time as people write it, `9:00`, `20:00`, `24:00`. Raises BadText."""
    hour, _, minute = text.strip().partition(":")
    if not (hour.isascii() and hour.isdigit() and minute.isascii() and minute.isdigit()) or len(hour) > 2 or len(minute) != 2:
        raise BadText(f"'{text[:20]}' is no time; write it like 09:00", "時刻は 09:00 のように書いてください")
    if (int(hour), int(minute)) == (24, 0):
        return MIDNIGHT
    if int(hour) > 23 or int(minute) > 59:
        raise BadText(f"there is no {text.strip()}", f"{text.strip()} という時刻はありません")
    return time(int(hour), int(minute))


def read_hours(text: str) -> tuple[Hours, ...]:
    """Reads hours; parts must end after they begin and must not overlap. Raises BadText."""
    parts: list[Hours] = []
    for piece in filter(None, (piece.strip() for piece in unicodedata.normalize("NFKC", text).translate(_DASHES).split(","))):
        opens, dash, closes = piece.partition("-")
        if not dash:
            raise BadText(f"'{piece[:20]}' are no hours; write them like 09:00-17:00", "時間帯は 09:00-17:00 のように書いてください")
        part = Hours(read_time(opens), read_time(closes))
        start, end = as_minutes(part)
        if end <= start:
            raise BadText("hours must end after they begin", "終わりは始まりより後にしてください")
        parts.append(part)
    parts.sort(key=as_minutes)
    for before, after in pairwise(parts):
        if as_minutes(before)[1] > as_minutes(after)[0]:
            raise BadText("hours of one day must not overlap", "一日の時間帯が重なっています")
    return tuple(parts)
