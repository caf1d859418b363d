"""Days, weeks and months of reports written by the Japanese eras, where somebody asked for them so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from enum import StrEnum

from callcenter.core.eras import format_era_short
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


def key_in_era(cut: Cut | None, key: str) -> str | None:
    """The key of a day, a week (its Monday) or a month by its era: R8.11.2, R8.11; None for other cuts and for no key."""
    if cut in (Cut.DAY, Cut.WEEK) and key:
        return format_era_short(date.fromisoformat(key))
    if cut is Cut.MONTH and key:
        return format_era_short(_last_of(key)).rpartition(".")[0]
    return None


def _last_of(month: str) -> date:
    """A day late in the month: the month in which an era begins is written by the new one, as offices do."""
    return date.fromisoformat(f"{month}-28")


def rows_in(rows: tuple[Row, ...], cut: Cut | None, years: Years) -> tuple[Row, ...]:
    """The rows with their labels written so; their keys stay."""
    if years is Years.WESTERN:
        return rows
    return tuple(row if (text := key_in_era(cut, row.key or "")) is None else replace(row, label=text, label_en=text) for row in rows)


def crossed_in(found: Crossed, rows: Cut, columns: Cut | None, years: Years) -> Crossed:
    """The same for both sides of a table."""
    if years is Years.WESTERN:
        return found

    def written(lines: tuple[Line, ...], cut: Cut | None) -> tuple[Line, ...]:
        return tuple(line if (text := key_in_era(cut, line.key)) is None else replace(line, words=Words(text, text)) for line in lines)

    return replace(found, rows=written(found.rows, rows), columns=written(found.columns, columns))
