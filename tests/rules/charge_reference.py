"""延滞金 once more, day by day, from the words of the rule alone: shares no code and no table with what it judges."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby

PERCENT_BY_YEAR = {
    **dict.fromkeys((2000, 2001), ("4.5", "14.6")),
    **dict.fromkeys(range(2002, 2007), ("4.1", "14.6")),
    2007: ("4.4", "14.6"),
    2008: ("4.7", "14.6"),
    2009: ("4.5", "14.6"),
    **dict.fromkeys(range(2010, 2014), ("4.3", "14.6")),
    2014: ("2.9", "9.2"),
    2015: ("2.8", "9.1"),
    2016: ("2.8", "9.1"),
    2017: ("2.7", "9.0"),
    **dict.fromkeys((2018, 2019, 2020), ("2.6", "8.9")),
    2021: ("2.5", "8.8"),
    **dict.fromkeys((2022, 2023, 2024, 2025), ("2.4", "8.7")),
    2026: ("2.8", "9.1"),
}


def one_month_on(due_on: date) -> date:
    """The last day of phase 1, walked to: the eve of the day with the number of the first day, or the month's last day without one."""
    first = due_on + timedelta(days=1)
    day = first
    while (day.year, day.month) == (first.year, first.month):
        day += timedelta(days=1)
    month = day.month
    while day.day != first.day:
        eve, day = day, day + timedelta(days=1)
        if day.month != month:
            return eve
    return day - timedelta(days=1)


def charged_by_day(principal: int, due_on: date, paid_on: date, parts: list[tuple[date, int]]) -> list[tuple[date, int, int, int]]:
    """Each day that bears a charge: (day, phase, tenths of a percent, base)."""
    found = []
    day, month_end = due_on + timedelta(days=1), one_month_on(due_on)
    while day <= paid_on:
        unpaid = principal - sum(yen for when, yen in parts if when < day)
        if unpaid >= 2000:
            phase = 1 if day <= month_end else 2
            percent = PERCENT_BY_YEAR[day.year][phase - 1]
            found.append((day, phase, int(percent.replace(".", "")), unpaid // 1000 * 1000))
        day += timedelta(days=1)
    return found


def reference_charge(
    principal: int, due_on: date, paid_on: date, parts: list[tuple[date, int]], style: str
) -> tuple[int, int, list[tuple[date, date, int, int]]]:
    """(charge, sum before truncation, [(first, last, tenths, base)])."""
    days = charged_by_day(principal, due_on, paid_on, parts)
    runs = [(key, [entry[0] for entry in group]) for key, group in groupby(days, key=lambda entry: entry[1:])]
    if style == "segment":
        total = sum(base * tenths * len(run) // 365_000 for (_, tenths, base), run in runs)
    else:
        total = sum(sum(tenths * base for _, p, tenths, base in days if p == phase) // 365_000 for phase in (1, 2))
    charge = 0 if total < 1000 else total // 100 * 100
    return charge, total, [(run[0], run[-1], tenths, base) for (_, tenths, base), run in runs]
