"""The office's calendar as its template wants it: twelve months, each day with what holds and why."""

from __future__ import annotations

import calendar as months
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from callcenter.web.formats import write_day
from callcenter.web.policy_model import why_word
from campaigns.attempts.codes import Channel
from campaigns.compliance.calendar import declared_between
from campaigns.compliance.days import DayKind
from campaigns.compliance.gate import load_policy
from campaigns.compliance.models import CalendarDay
from campaigns.compliance.policy import ContactPolicy
from campaigns.compliance.versions import day_of_row
from campaigns.compliance.windows import Why, day_hours
from campaigns.compliance.words import CHANNELS, KINDS, WEEKDAYS, channel_word, day_words, hours_words, pick, rule_words

MARKS = {DayKind.CLOSED: ("閉", "off"), DayKind.EVENING: ("夜", "late"), DayKind.OPEN: ("開", "open")}
FIRST_YEAR, LAST_YEAR = 2020, 2040


def fiscal_year(year: int, today: date) -> tuple[date, date]:
    """The first and last day of a fiscal year; of the present one where none (or a strange one) is asked for."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        year = today.year if today.month >= 4 else today.year - 1
    return date(year, 4, 1), date(year + 1, 3, 31)


def calendar_model(session: Session, lang: str, today: date, year: int, channel: str) -> dict[str, Any]:
    """Fields of policy_calendar.html but what somebody just typed."""
    policy = load_policy(session)
    shown = Channel(channel) if channel in CHANNELS else Channel.OPERATOR_CALL
    first, last = fiscal_year(year, today)
    declared = declared_between(session, first, last)
    return {
        "year": first.year,
        "title": pick(lang, f"{first.year}年度", f"fiscal year {first.year}"),
        "previous": first.year - 1,
        "next": first.year + 1,
        "channel": channel_word(shown, lang),
        "channels": [{"value": one.value, "label": channel_word(one, lang), "is_chosen": one is shown} for one in CHANNELS],
        "kinds": [{"value": kind.value, "label": pick(lang, *KINDS[kind]), "is_chosen": False} for kind in DayKind],
        "weekdays": WEEKDAYS["en" if lang == "en" else "ja"],
        "months": [_month(policy, shown, month, declared, today, lang) for month in _months(first)],
        "declared": [_line(row, lang) for row in declared],
        "rules": [rule_words(rule, lang) for rule in policy.hours.rules],
        "marks": {kind.value: pick(lang, *MARKS[kind]) for kind in DayKind},
    }


def _months(first: date) -> list[date]:
    return [date(first.year + (first.month + n - 1) // 12, (first.month + n - 1) % 12 + 1, 1) for n in range(12)]


def _month(policy: ContactPolicy, channel: Channel, first: date, declared: Any, today: date, lang: str) -> dict[str, Any]:
    kinds = {row.day: DayKind(row.kind) for row in declared}
    weeks = []
    for week in months.Calendar(firstweekday=0).monthdatescalendar(first.year, first.month):
        weeks.append([_cell(policy, channel, day, kinds.get(day), today, lang) if day.month == first.month else None for day in week])
    return {"title": pick(lang, f"{first.year}年{first.month}月", f"{first:%B} {first.year}"), "weeks": weeks}


def _cell(policy: ContactPolicy, channel: Channel, day: date, declared: DayKind | None, today: date, lang: str) -> dict[str, Any]:
    """One day: its mark, and in words for who can't see the colour: date, hours, why."""
    found = day_hours(policy.hours, channel, day)
    is_special = declared is not None or found.why is Why.RULE
    kind = declared or (DayKind.CLOSED if not found.hours else DayKind.OPEN if day.weekday() >= 5 else DayKind.EVENING)
    if is_special:
        mark, style = pick(lang, *MARKS[kind]), kind.value
    elif found.why is Why.HOLIDAY:
        mark, style = pick(lang, "祝", "hol."), "off"
    else:
        mark, style = ("", "") if found.hours else ("–", "off")
    words = [write_day(day, lang), hours_words(found.hours, lang), why_word(found, day, policy.hours.country, lang)]
    return {
        "number": day.day,
        "mark": mark,
        "style": f"{style} today".strip() if day == today else style,
        "words": pick(lang, "、", ", ").join(word for word in words if word),
    }


def _line(row: CalendarDay, lang: str) -> dict[str, Any]:
    return {"day": row.day, "iso": row.day.isoformat(), "words": day_words(day_of_row(row), lang), "name": row.name}
