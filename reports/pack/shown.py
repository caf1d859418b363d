"""Figures of the pack as people read them: tiles with how sure they are, tables whose small numbers stand back, lines over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from callcenter.core.intervals import wilson
from campaigns.attempts.codes import Channel
from reports.charts import FEW
from reports.control.rows import signed
from reports.exports.table import DASH, per_cent, rounded, shown
from reports.figures import Figures, Row
from reports.line_chart import line_chart
from reports.metrics import BY_CODE, Metric
from reports.noise import FALSE_SHARE, two_rates

COLUMNS = ("attempts", "contacts", "contact_rate_per_call", "right_party_contacts", "promises", "promise_rate", "promises_due", "kept_rate")
SAYS_NOTHING = frozenset({Channel.SMS})
"""Channels that nobody answers: contacts and what follows can't happen."""


def tile(code: str, now: Figures, before: Figures, year_before: Figures) -> dict[str, str]:
    """A key figure: value, the counts behind it, its 95 % interval, and what changed."""
    metric = BY_CODE[code]
    name, more = in_two(metric)
    return {
        "name": name,
        "more": more,
        "value": shown(now.value(code), metric),
        "unit": "件" if code == "attempts" else "",
        "base": _base(metric, now),
        "sure": _sure(metric, now),
        "before": _change(metric, now, before),
        "year_before": _change(metric, now, year_before),
    }


def in_two(metric: Metric) -> tuple[str, str]:
    """A name and what stands in its brackets, for two lines."""
    name, bracket, more = metric.name.ja.partition("(")
    return name, f"{bracket}{more}"


def _base(metric: Metric, figures: Figures) -> str:
    """The counts that a rate divides."""
    over, under = (figures.value(code) if code else None for code in (metric.over, metric.under))
    return "" if over is None or not under else f"{_count(over)} ÷ {_count(under)}"


def _count(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{rounded(value):,}時間"


def _sure(metric: Metric, figures: Figures) -> str:
    if not metric.is_rate:
        return ""
    hits, base = int(figures.value(metric.over) or 0), int(figures.value(metric.under) or 0)
    found = wilson(hits, base)
    if found is None:
        return "分母より多いため、範囲は出せません" if base else "分母がありません"
    few = f"（{FEW}未満のため参考）" if base < FEW else ""
    return f"95%の範囲 {rounded(found.low * 100)}–{rounded(found.high * 100)}%{few}"


def _change(metric: Metric, now: Figures, then: Figures) -> str:
    """The difference; for a rate also whether it may be chance."""
    value, was = now.value(metric.code), then.value(metric.code)
    if value is None or was is None or not then.attempts:
        return DASH
    difference = signed(value - was, metric)
    if not metric.is_rate:
        return difference
    counts = [int(one.value(code) or 0) for one in (now, then) for code in (metric.over, metric.under)]
    chance = two_rates(counts[0], counts[1], counts[2], counts[3])  # None where there are more promises than talks with the person
    return difference if chance is None or chance < FALSE_SHARE else f"{difference}・偶然の範囲"


def table(rows: Iterable[Row], of: str, most: int) -> dict[str, Any]:
    """Rows with any call or promise due, the busiest first: {rows: [{label, cells: [{text, is_few}]}], rest: what is not shown}.

    More than `most` rows would run over the page; the workbook has all of them.
    """
    found = sorted(
        (row for row in rows if row.figures.attempts or row.figures.promises_due), key=lambda row: (-row.figures.attempts, row.key or "")
    )
    rest = len(found) - most
    return {
        "rows": [{"label": row.label, "cells": [_cell(row, code) for code in COLUMNS]} for row in found[:most]],
        "rest": f"架電件数の多い{most}{of}。ほかの{rest}{of}はExcelの表にあります。" if rest > 0 else "",
    }


def _cell(row: Row, code: str) -> dict[str, Any]:
    metric = BY_CODE[code]
    if row.key in SAYS_NOTHING and code != "attempts":
        return {"text": DASH, "is_few": False}
    base = row.figures.value(metric.under) if metric.is_rate else None
    return {"text": shown(row.figures.value(code), metric), "is_few": base is not None and 0 < base < FEW}


def trend(rows: Sequence[Row], labels: Sequence[str], lines: Sequence[tuple[str, str]]) -> dict[str, Any] | None:
    """Lines of (name, metric) over `rows`; a rate of too few cases is left out."""
    return line_chart(labels, [(name, [_point(row.figures, BY_CODE[code]) for row in rows]) for name, code in lines])


def _point(figures: Figures, metric: Metric) -> float | None:
    value = figures.value(metric.code)
    if value is None or (metric.is_rate and (figures.value(metric.under) or 0) < FEW):
        return None
    return float(per_cent(value) if metric.is_rate else rounded(float(value)))


def month_label(row: Row) -> str:
    """`2026-09` as 9月."""
    return f"{int((row.key or '0')[-2:])}月"


def week_label(row: Row) -> str:
    """The Monday `2026-09-07` as 9/7."""
    monday = date.fromisoformat(row.key or "1970-01-01")
    return f"{monday.month}/{monday.day}"


def day_bars(rows: Sequence[Row], first: date, last: date) -> list[dict[str, Any]]:
    """A bar for every day from `first` to `last`, also those without a call; [] where there was none at all."""
    counts = {row.key: row.figures.attempts for row in rows}
    most = max(counts.values(), default=0)
    if not most:
        return []
    days = [date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1)]
    return [
        {
            "label": day.day,
            "weekday": "月火水木金土日"[day.weekday()],
            "is_weekend": day.weekday() > 4,
            "n": (n := counts.get(day.isoformat(), 0)),
            "percent": round(100 * n / most, 1),
        }
        for day in days
    ]


def share(part: int, whole: int) -> float:
    """Per cent for a bar's length, one decimal, at most 100."""
    return round(min(100.0, 100 * part / whole), 1) if whole else 0.0
