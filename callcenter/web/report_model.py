"""The report page as its template wants it: tiles, the table of hours, the funnel, the days, and one row per cut."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callcenter.core.intervals import wilson
from callcenter.web import phrases
from callcenter.web.behind_links import Behind
from callcenter.web.formats import moment_in, write_day
from campaigns.attempts.codes import Channel
from campaigns.compliance.windows import is_holiday
from reports.charts import FEW, HeatMap, differ
from reports.control.service import decisions_between, targets_of
from reports.cuts import Cut
from reports.eras import Years, rows_in
from reports.exports.table import per_cent, rounded, shown
from reports.figures import Figures, Row
from reports.further_metrics import CROSSABLE
from reports.metrics import BY_CODE, KEPT_RATE, UNIT_WORDS, Metric, Unit
from reports.periods import Period
from reports.queries.headline import Headline, HeadlineQuery, headline
from reports.queries.patterns import Funnel, contact_hours, funnel
from reports.queries.undecided import undecided, undecided_words
from reports.questions import list_counts_of
from reports.words import Words

TILES = ("attempts", "contact_rate_per_call", "contact_rate_per_person", "promise_rate", "kept_rate", "attempts_per_operator_hour")
CALLS = {"attempts", *(metric.code for metric in CROSSABLE if metric is not KEPT_RATE)}
"""What is made of calls, so that they can be shown."""
COLUMNS = (
    "operator_hours",
    "attempts",
    "attempts_per_operator_hour",
    "contacts",
    "contact_rate_per_call",
    "promises",
    "promise_rate",
    "kept_rate",
)
BANDS = ("few", "a", "b", "c", "d", "e")
WEEKDAYS = {"ja": "月火水木金土日", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
MARK = 16
TREND = ("contact_rate_per_call", "promise_rate")


def report_model(
    session: Session, query: HeadlineQuery, now: datetime, lang: str, *, sees_individuals: bool, links: Behind, years: Years = Years.WESTERN
) -> dict[str, Any]:
    """All fields of report.html but `page`."""
    found = headline(session, replace(query, cut=None), now)
    total, plain = found.rows[0].figures, replace(query, has_persons=False)  # the tables below have no column of persons
    length = timedelta(days=query.period.days)
    earlier = replace(query, period=Period(query.period.first - length, query.period.last - length, query.period.zone))
    by_operator = headline(session, replace(plain, cut=Cut.OPERATOR), now) if sees_individuals else None
    by_day, by_hour = (headline(session, replace(plain, cut=cut), now) for cut in (Cut.DAY, Cut.HOUR))
    counted, as_of = list_counts_of(session, query, now)
    targets = _targets(session, query)
    tiles = figures_model(total, _figures(session, earlier, now), query.period.days, targets, lang, links)
    return {
        "figures": with_undecided(tiles, undecided_words(total, undecided(session, query)), lang),
        "heat": heat_model(contact_hours(session, replace(query, cut=None), now), lang, links),
        **funnel_model(
            funnel(session, replace(query, cut=None), now, found.whole, counted),
            lang,
            counted_at(as_of, now, lang, query.period.zone),
            knows_list=query.staff is None,
        ),
        "trend": trend_model(by_day, lang, _marks(session, query.period), targets),
        "by_hour": [cut_row(row, lang) | links.row(Cut.HOUR, row.key) for row in by_hour.rows],
        "by_cut": cut_model(by_day if query.cut is Cut.DAY else headline(session, plain, now), lang, links, years)
        if query.cut not in (None, Cut.HOUR, Cut.OPERATOR)
        else None,
        "by_operator": operators_model(by_operator, total, lang, links) if by_operator else None,
        "meaning": {code: meaning(BY_CODE[code], lang) for code in COLUMNS},
    }


def _figures(session: Session, query: HeadlineQuery, now: datetime) -> Figures:
    return headline(session, replace(query, cut=None), now).rows[0].figures


def figures_model(total: Figures, before: Figures, days: int, targets: dict[str, float], lang: str, links: Behind) -> list[dict[str, Any]]:
    """The key figures, each with the month's target where there is one, and the calls behind it where it is made of calls."""
    return [
        tile(BY_CODE[code], total, before, days, lang, targets.get(code))
        | {"href": links.link(code) if code in CALLS and total.attempts else None}
        for code in TILES
    ]


def with_undecided(tiles: list[dict[str, Any]], words: Words | None, lang: str) -> list[dict[str, Any]]:
    """The tiles; beside the kept rate stands how many promises it divides by are still open."""
    if words is not None:
        tile_of_kept = tiles[TILES.index(KEPT_RATE.code)]
        tile_of_kept["change"] = phrases.pick(lang, ("。", ". ")).join(filter(None, (tile_of_kept["change"], words.in_language(lang))))
    return tiles


def meaning(metric: Metric, lang: str) -> str:
    """What a column's figures are, in a line."""
    parts = [metric.numerator, *([metric.denominator] if metric.denominator else [])]
    return f"{metric.name.in_language(lang)}: {' ÷ '.join(part.in_language(lang) for part in parts)}"


def _targets(session: Session, query: HeadlineQuery) -> dict[str, float]:
    """The targets of rates where the question is about operators' calls of one month; counts of a part of it can't be compared."""
    period = query.period
    is_part = query.campaign_id is not None or query.staff is not None
    if query.channel != Channel.OPERATOR_CALL or is_part or period.first.replace(day=1) != period.last.replace(day=1):
        return {}
    return {code: value for code, value in targets_of(session, period.first).items() if code in BY_CODE and BY_CODE[code].under}


def _marks(session: Session, period: Period) -> list[dict[str, str]]:
    """Decisions and notes of the period for the time axis."""
    found = decisions_between(session, period.first, period.last)
    return [{"on": each.starts_on.isoformat(), "label": each.what[:MARK]} for each in reversed(found)]


def tile(metric: Metric, total: Figures, before: Figures, days: int, lang: str, target: float | None = None) -> dict[str, Any]:
    """One key figure with its definition, the counts behind it and the same figure of the days before."""
    value, was = total.value(metric.code), before.value(metric.code)
    counts = ""
    if metric.under:
        counts = f"{_plain(total.value(metric.over))} / {_plain(total.value(metric.under))}"
    return {
        "label": metric.name.in_language(lang),
        "base": counts,
        "value": "–" if value is None else str(per_cent(value)) if metric.is_rate else _plain(value),
        "unit": ""
        if value is None
        else "%"
        if metric.is_rate
        else UNIT_WORDS[metric.unit].in_language(lang)
        if metric.unit is not Unit.CALLS or lang == "ja"
        else "",
        "href": None,
        "percent": _percent(value, was if target is None or metric.is_rate else target, is_rate=metric.is_rate),
        "target": None if target is None else round(100 * target, 1) if metric.is_rate else 100,
        "target_text": "" if target is None else phrases.pick(lang, (f"目標 {shown(target, metric)}", f"Target {shown(target, metric)}")),
        "is_warning": target is not None and value is not None and value < target,
        "change": _change(value, was, days, lang, is_rate=metric.is_rate),
        "state": None,
        "definition": {
            "numerator": metric.numerator.in_language(lang),
            "denominator": metric.denominator.in_language(lang) if metric.denominator else "–",
            "note": f"{metric.scope.in_language(lang)} {phrases.pick(lang, (f'第{metric.version}版', f'version {metric.version}'))}",
        },
    }


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{rounded(value):,}"


def _percent(value: float | None, was: float | None, *, is_rate: bool) -> float:
    if not value:
        return 0
    return round(value * 100, 1) if is_rate else round(min(100.0, 100 * value / was), 1) if was else 100


def _change(value: float | None, was: float | None, days: int, lang: str, *, is_rate: bool) -> str:
    if value is None or was is None:
        return ""
    change = (value - was) * (100 if is_rate else 1)
    number = f"{abs(change):,.1f}pt" if is_rate else _plain(abs(change) if isinstance(change, float) else abs(int(change)))
    sign = "±" if round(change, 1) == 0 else "+" if change > 0 else "−"
    return phrases.pick(lang, (f"前の{days}日間より {sign}{number}", f"{sign}{number} on the {days} days before"))


def heat_model(found: HeatMap, lang: str, links: Behind) -> dict[str, Any]:
    """The table of hours and weekdays; a cell is None where nobody was called."""
    rows = [
        {
            "label": phrases.pick(lang, (f"{hour}時", f"{hour:02d}:00")),
            "cells": [_heat_cell(found, hour, day, links) for day in found.weekdays],
        }
        for hour in found.hours
    ]
    return {"days": [WEEKDAYS[lang][day] for day in found.weekdays], "rows": rows, "few": FEW}


def _heat_cell(found: HeatMap, hour: int, weekday: int, links: Behind) -> dict[str, Any] | None:
    cell = found.cell(hour, weekday)
    step = cell.step(0)
    if cell.rate is None or step is None:
        return None
    percent = int(per_cent(cell.rate, 0))
    return {"percent": percent, "n": cell.n, "band": BANDS[step], "href": links.cell(hour, weekday)}


def counted_at(as_of: datetime, now: datetime, lang: str, zone: ZoneInfo) -> str:
    """As of when the list was counted, where it was not just now."""
    at = moment_in(as_of, lang, zone)
    return (
        "" if as_of == now else phrases.pick(lang, (f"名簿から数える数は{at}現在です。", f"What is counted from the list is as of {at}."))
    )


def funnel_model(found: Funnel, lang: str, as_of: str = "", *, knows_list: bool = True) -> dict[str, Any]:
    """The steps from the list to the payment, each with the base of its share; `as_of` is a sentence or nothing.

    Without `knows_list`, of single operators, it begins with those they called.
    """
    steps: tuple[tuple[int, int | None, tuple[str, str], tuple[str, str]], ...] = (
        (found.listed, None, ("名簿", "On the list"), ("対象の人", "persons concerned")),
        (found.with_number, found.listed, ("番号判明", "Number known"), ("名簿のうち", "of the list")),
        (
            found.attempted,
            found.with_number,
            ("架電", "Called"),
            ("番号判明のうち、期間に架電した人", "of those with a number, in the period"),
        ),
        (found.contacted, found.attempted, ("接触", "Reached"), ("架電した人のうち", "of those called")),
        (found.promised, found.contacted, ("約束", "Promised"), ("接触した人のうち", "of those reached")),
        (found.kept, found.due, ("履行", "Kept"), (f"期日が来た{found.due:,}人のうち", f"of {found.due:,} whose date has passed")),
        (found.settled, found.kept, ("完納", "Nothing owed"), ("履行した人のうち", "of those who kept it")),
    )
    if not knows_list:
        steps = ((found.attempted, None, steps[2][2], ("期間に架電した人", "called in the period")), *steps[3:])
    first = steps[0][0]
    waiting = max(found.promised - found.due, 0)
    rows = [
        {
            "name": phrases.pick(lang, name),
            "count": count,
            "href": None,
            "percent_of_first": _of(count, first),
            "waiting_percent": _of(waiting, first) if count is found.kept and name[1] == "Kept" else 0,
            "share": count / base if base and count <= base and (found.attempted or name[1] == "Number known") else None,
            "base": phrases.pick(lang, words),
        }
        for count, base, name, words in steps
    ]
    note = phrases.pick(
        lang,
        (
            "割合の分母は段階ごとに違います。電話の効果だけを表す数ではありません。",
            "Each step has its own base. These are not the effect of the calls alone.",
        ),
    )
    return {"funnel": rows if found.listed or found.attempted else [], "funnel_notes": [note, *filter(None, [as_of])]}


def _of(count: int, whole: int) -> float:
    return round(min(100.0, 100 * count / whole), 2) if whole else 0.0


def trend_model(report: Headline, lang: str, marks: list[dict[str, str]], targets: dict[str, float]) -> dict[str, Any]:
    """Rates by day on one scale, in per cent; days without a call have no value."""
    rows = [row for row in report.rows if row.figures.attempts]
    days = [date.fromisoformat(row.key or "") for row in rows]
    series: list[dict[str, Any]] = [
        {
            "name": BY_CODE[code].name.in_language(lang),
            "target": float(rounded(targets[code] * 100)) if code in targets else None,
            "values": [None if (value := row.figures.value(code)) is None else float(per_cent(value)) for row in rows],
        }
        for code in TREND
    ]
    highest = max((value for line in series for value in line["values"] if value is not None), default=0)
    holidays = [day.isoformat() for day in days if is_holiday(day)]
    return {
        "days": [day.isoformat() for day in days],
        "labels": [write_day(day, lang) for day in days],
        "series": series,
        "events": _on_axis(marks, days),
        "holidays": holidays,
        "top": 50 if highest <= 50 else 100,
    }


def _on_axis(marks: list[dict[str, str]], days: list[date]) -> list[dict[str, str]]:
    """Marks of days without a call stand on the next day that has one."""
    placed = []
    for mark in marks:
        at = next((day.isoformat() for day in days if day.isoformat() >= mark["on"]), None)
        if at:
            placed.append(mark | {"on": at})
    return placed


def cut_row(row: Row, lang: str) -> dict[str, Any]:
    """One row of the tables by hour and by operator."""
    figures = row.figures
    return {
        "label": row.label_en if lang == "en" else row.label,
        "calls": figures.attempts,
        "hours": figures.operator_hours,
        "per_hour": figures.attempts_per_operator_hour,
        "contacts": figures.contacts,
        "contact_rate": figures.contact_rate_per_call,
        "promises": figures.promises,
        "promise_rate": figures.promise_rate,
    }


def cut_model(found: Headline, lang: str, links: Behind, years: Years) -> dict[str, Any]:
    """The table of another cut than those always shown."""
    cut, form = found.query.cut or Cut.HOUR, found.query.form
    note = form.note or form.due_note
    rows = [
        cut_row(row, lang) | links.row(cut, row.key) | {"kept": shown(row.figures.kept_rate, KEPT_RATE)}
        for row in rows_in(found.rows, cut, years)
    ]
    return {
        "title": form.name.in_language(lang),
        "of": phrases.pick(lang, (form.name.ja, form.name.en.lower())),
        "note": note.in_language(lang) if note else "",
        "rows": rows,
    }


def operators_model(report: Headline, total: Figures, lang: str, links: Behind) -> dict[str, Any]:
    """One row per operator, the team below, and whether their rates differ by more than chance."""
    rows = [
        cut_row(row, lang) | links.row(Cut.OPERATOR, row.key) | {"name": row.label_en if lang == "en" else row.label, "href": None}
        for row in report.rows
    ]
    intervals = [
        interval for row in report.rows if (interval := wilson(row.figures.promises, row.figures.right_party_contacts)) is not None
    ]
    note = ""
    if len(intervals) > 1 and not differ(intervals):
        note = phrases.pick(
            lang,
            (
                "約束率の差は、この件数では偶然の範囲です。順位づけには使わないでください。",
                "At these numbers the promise rates differ by no more than chance. Do not rank people by them.",
            ),
        )
    return {"note": note, "rows": rows, "total": cut_row(Row(None, "", "", total), lang) | links.row(Cut.HOUR, None)}
