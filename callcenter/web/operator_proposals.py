"""What the operator's form proposes: days and amounts for a promise, moments for a call-back, three months with closed days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from callcenter.core.clock import OFFICE_ZONE
from callcenter.web import phrases
from campaigns.attempts.codes import Channel
from campaigns.compliance.windows import ContactHours, Why, day_hours, holiday_name, hours_on, next_open
from campaigns.debtors import case as cases

MONTHS_SHOWN = 3
CLOSED = ("閉庁日", "Office closed")
DUE = ("納期限", "Due date")
DAY_WORDS = (("月", "火", "水", "木", "金", "土", "日"), ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def promise_days(hours: ContactHours, lang: str, today: date) -> list[dict[str, Any]]:
    """Days on which the office is open: in two days, in a week, after the usual pay day (25th), the end of the month."""
    pay_day = today.replace(day=25)
    if pay_day < today:
        pay_day = (_month_end(today) + timedelta(days=1)).replace(day=25)
    month_end = _month_end(today)
    if month_end - today < timedelta(days=2):
        month_end = _month_end(month_end + timedelta(days=1))
    wanted = {
        today + timedelta(days=2): ("2日後", "in 2 days"),
        today + timedelta(days=7): ("1週間後", "in a week"),
        pay_day: ("25日", "the 25th"),
        month_end: ("月末", "end of month"),
    }
    proposals: dict[date, tuple[str, str]] = {}
    for day, words in wanted.items():
        later = day
        for _ in range(14):
            if hours_on(hours, Channel.OPERATOR_CALL, later):
                break
            later += timedelta(days=1)
        proposals.setdefault(later, words)
    return [{"value": day, "note": phrases.pick(lang, words), "is_chosen": False} for day, words in sorted(proposals.items())]


def amounts(debts: cases.Debts, lang: str) -> list[dict[str, Any]]:
    """The oldest term, the two oldest, all: each amount once."""
    proposals: dict[int, tuple[str, str]] = {}
    for count, words in ((1, ("古い1期", "oldest term")), (2, ("古い2期", "two oldest")), (len(debts.lines), ("全部", "all"))):
        if 0 < count <= len(debts.lines):
            proposals[sum(line.total for line in debts.lines[:count])] = words
    total = debts.total
    return [
        {"value": amount, "note": phrases.pick(lang, words), "is_chosen": amount == total} for amount, words in sorted(proposals.items())
    ]


def callback_times(hours: ContactHours, lang: str, now: datetime) -> list[dict[str, Any]]:
    """Moments within the contact hours: in an hour, late today, tomorrow morning, tomorrow afternoon."""
    local = now.astimezone(OFFICE_ZONE)
    half = timedelta(minutes=30)
    in_an_hour = local + timedelta(hours=1)
    rounded = in_an_hour + (datetime.min.replace(tzinfo=OFFICE_ZONE) - in_an_hour) % half
    tomorrow = local.date() + timedelta(days=1)
    wanted = (
        rounded,
        datetime.combine(local.date(), time(16, 30), OFFICE_ZONE),
        datetime.combine(tomorrow, time(10, 0), OFFICE_ZONE),
        datetime.combine(tomorrow, time(14, 0), OFFICE_ZONE),
    )
    moments: list[datetime] = []
    for moment in wanted:
        opening = next_open(hours, Channel.OPERATOR_CALL, moment) if moment >= rounded else None
        if opening is not None and opening not in moments:
            moments.append(opening)
    return [{"value": moment.astimezone(OFFICE_ZONE).isoformat(timespec="minutes"), "at": moment} for moment in sorted(moments)]


def months(hours: ContactHours, debts: cases.Debts, lang: str, today: date) -> list[dict[str, Any]]:
    """Three months as weeks of days, each with what the calendar says of it; days that have passed can't be chosen.

    Returns:
        list of {label, weekdays: list of str, weeks: list of lists of None | {day: date, note: str, is_closed, is_past: bool}}.
    """
    due = {line.due_on for line in debts.lines}
    shown: list[dict[str, Any]] = []
    first = today.replace(day=1)
    for _ in range(MONTHS_SHOWN):
        days = [first + timedelta(days=number) for number in range(_month_end(first).day)]
        cells: list[dict[str, Any] | None] = [None] * first.weekday()
        cells += [_cell(hours, day, due, lang, today) for day in days]
        cells += [None] * (-len(cells) % 7)
        label = f"{first:%B %Y}" if lang == "en" else f"{first.year}年{first.month}月"
        weeks = [cells[start : start + 7] for start in range(0, len(cells), 7)]
        shown.append({"label": label, "weekdays": list(DAY_WORDS[lang == "en"]), "weeks": weeks})
        first = days[-1] + timedelta(days=1)
    return shown


def _cell(hours: ContactHours, day: date, due: set[date], lang: str, today: date) -> dict[str, Any]:
    found = day_hours(hours, Channel.OPERATOR_CALL, day)
    notes: list[str] = []
    if not found.hours:
        name = holiday_name(day, hours.country, lang) if found.why is Why.HOLIDAY else found.name
        notes.append(name or phrases.pick(lang, CLOSED))
    if day in due:
        notes.append(phrases.pick(lang, DUE))
    return {"day": day, "note": "・".join(notes), "is_closed": not found.hours, "is_past": day < today}


def options(pairs: Sequence[tuple[str, tuple[str, str]]], lang: str) -> list[dict[str, Any]]:
    """Rows of a choice: value and label."""
    return [{"value": value, "label": phrases.pick(lang, words)} for value, words in pairs]
