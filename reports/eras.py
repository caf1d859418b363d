"""Days, weeks and months of reports written by the Japanese eras: where somebody asked for them so, and on the meeting's papers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from enum import StrEnum

from callcenter.core.eras import format_era, format_era_short
from reports.cuts import Cut
from reports.figures import Row
from reports.queries.crossed import Crossed, Line
from reports.words import Words


class Years(StrEnum):
    """How dates are written."""

    WESTERN = "western"
    ERA = "era"


YEARS_WORDS = {Years.WESTERN: Words("西暦", "Western"), Years.ERA: Words("和暦", "Japanese era")}


def write_date(day: date, years: Years) -> str:
    """2026-11-02, or R8.11.2."""
    return format_era_short(day) if years is Years.ERA else day.isoformat()


def day_in_both(day: date) -> str:
    """令和8年（2026年）11月2日: on papers that leave no choice."""
    year, _, rest = format_era(day).partition("年")
    return f"{year}年（{day.year}年）{rest}"


def month_in_both(month: date) -> str:
    """令和8年（2026年）11月."""
    return day_in_both(_late(month)).partition("月")[0] + "月"


def key_in_era(cut: Cut | None, key: str) -> str | None:
    """The key of a day, a week (its Monday) or a month by its era: R8.11.2, R8.11; None for other cuts and for what is no such key."""
    try:
        if cut in (Cut.DAY, Cut.WEEK):
            return format_era_short(date.fromisoformat(key))
        if cut is Cut.MONTH:
            return format_era_short(_late(date.fromisoformat(f"{key}-01"))).rpartition(".")[0]
    except ValueError:
        return None  # a row without a day, or of an address somebody wrote
    return None


def _late(month: date) -> date:
    """A day late in the month: the month in which an era begins is written by the new one, as offices do."""
    return month.replace(day=28)


def rows_in(rows: tuple[Row, ...], cut: Cut | None, years: Years) -> tuple[Row, ...]:
    """The rows with their labels written so; their keys stay."""
    if years is Years.WESTERN:
        return rows
    return tuple(row if (text := key_in_era(cut, row.key or "")) is None else replace(row, label=text, label_en=text) for row in rows)


def crossed_in(found: Crossed, rows: Cut, columns: Cut | None, years: Years) -> Crossed:
    """The same for both sides of a table."""
    return replace(found, rows=lines_in(found.rows, rows, years), columns=lines_in(found.columns, columns, years))


def lines_in(lines: tuple[Line, ...], cut: Cut | None, years: Years) -> tuple[Line, ...]:
    """The same for one side."""
    if years is Years.WESTERN:
        return lines
    return tuple(line if (text := key_in_era(cut, line.key)) is None else replace(line, words=Words(text, text)) for line in lines)
