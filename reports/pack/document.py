"""The pack as PDF: A4 landscape, charts first, room for what the meeting says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports.charts import FEW
from reports.collection.ageing import BUCKETS
from reports.collection.rates import VINTAGE_WORDS, VINTAGES
from reports.exports.pdf import set_pages
from reports.exports.table import rounded, shown
from reports.figures import Figures, Row
from reports.line_chart import line_chart
from reports.metrics import BY_CODE, HEADLINE
from reports.pack.content import Pack
from reports.pack.notes import SECTIONS

FOLDER = Path(__file__).parent
TILES = ("attempts", "contact_rate_per_call", "contact_rate_per_person", "promise_rate", "kept_rate", "attempts_per_operator_hour")
COLUMNS = ("attempts", "contacts", "contact_rate_per_call", "right_party_contacts", "promises", "promise_rate", "promises_due", "kept_rate")
WEEKDAYS = "月火水木金土日"

_JINJA = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def pack_pdf(pack: Pack) -> bytes:
    """The PDF in Japanese, which is the language of the meeting."""
    style = (FOLDER / "pack.css").read_text(encoding="utf-8")
    return set_pages(lambda family: document_html(pack, family), style)


def document_html(pack: Pack, family: str = "sans-serif") -> str:
    """The pages before they are set."""
    return _JINJA.get_template("pack.html").render(**document_model(pack), family=family)


def document_model(pack: Pack) -> dict[str, Any]:
    """What pack.html shows."""
    days = [row for row in pack.by_day if row.figures.attempts]
    return {
        "pack": pack,
        "title": f"{pack.month.year}年{pack.month.month}月 戦略会議資料",
        "sections": {name: words.ja for name, words in SECTIONS.items()},
        "tiles": [_tile(code, pack) for code in TILES],
        "day_bars": _bars(days),
        "day_lines": line_chart(
            [_short(row) for row in days], [_rates("コンタクト率", "contact_rate_per_call", days), _rates("約束率", "promise_rate", days)]
        ),
        "month_lines": line_chart(
            [f"{int((row.key or '0')[-2:])}月" for row in pack.by_month],
            [
                _rates("接触率(人)", "contact_rate_per_person", pack.by_month),
                _rates("約束率", "promise_rate", pack.by_month),
                _rates("履行率", "kept_rate", pack.by_month),
            ],
        ),
        "weekdays": [WEEKDAYS[day] for day in pack.heat.weekdays],
        "hours": [_hour(pack, hour) for hour in pack.heat.hours],
        "few": FEW,
        "columns": [BY_CODE[code].name.ja for code in COLUMNS],
        "channels": [_cells(row) for row in pack.by_channel if row.figures.attempts or row.figures.promises_due],
        "segments": [_cells(row) for row in pack.by_segment if row.figures.attempts],
        "steps": _steps(pack),
        "collected": _collected(pack),
        "ages": [
            {
                "label": BUCKETS[number].ja,
                "persons": age.persons,
                "yen": age.yen,
                "width": _share(age.yen, max((one.yen for one in pack.ages), default=0)),
            }
            for number, age in enumerate(pack.ages)
        ],
        "definitions": [
            {
                "name": metric.name.ja,
                "formula": metric.numerator.ja + (f" ÷ {metric.denominator.ja}" if metric.denominator else ""),
                "scope": metric.scope.ja,
            }
            for metric in HEADLINE
        ],
    }


def _tile(code: str, pack: Pack) -> dict[str, str]:
    metric = BY_CODE[code]

    def change(other: Figures) -> str:
        now, then = pack.month_figures.value(code), other.value(code)
        if now is None or then is None or not other.attempts:
            return "–"
        difference = (now - then) * (100 if metric.is_rate else 1)
        sign = "+" if difference > 0 else "−" if difference < 0 else "±"
        return f"{sign}{abs(rounded(float(difference)))}pt" if metric.is_rate else f"{sign}{abs(difference):,.0f}"

    return {
        "name": metric.name.ja,
        "value": shown(pack.month_figures.value(code), metric),
        "before": change(pack.before),
        "year_before": change(pack.year_before),
    }


def _short(row: Row) -> str:
    return str(int((row.key or "0")[-2:]))


def _rates(name: str, code: str, rows: Any) -> tuple[str, list[float | None]]:
    values = [row.figures.value(code) for row in rows]
    return name, [None if value is None else float(rounded(value * 100)) for value in values]


def _bars(rows: list[Row]) -> list[dict[str, Any]]:
    most = max((row.figures.attempts for row in rows), default=0)
    return [{"label": _short(row), "n": row.figures.attempts, "height": round(100 * row.figures.attempts / most, 1)} for row in rows]


def _hour(pack: Pack, hour: int) -> dict[str, Any]:
    cells = []
    for day in pack.heat.weekdays:
        cell = pack.heat.cell(hour, day)
        cells.append(None if cell.rate is None else {"percent": str(rounded(cell.rate * 100)), "n": cell.n, "step": cell.step})
    return {"label": f"{hour}時", "cells": cells}


def _cells(row: Row) -> dict[str, Any]:
    return {"label": row.label, "cells": [shown(row.figures.value(code), BY_CODE[code]) for code in COLUMNS]}


def _steps(pack: Pack) -> list[dict[str, Any]]:
    steps = pack.steps
    rows = (
        ("名簿", steps.listed),
        ("番号判明", steps.with_number),
        ("架電", steps.attempted),
        ("接触", steps.contacted),
        ("約束", steps.promised),
        ("履行", steps.kept),
    )
    return [{"name": name, "count": count, "width": _share(count, steps.listed)} for name, count in rows]


def _share(part: int, whole: int) -> float:
    return round(min(100.0, 100 * part / whole), 1) if whole else 0.0


def _collected(pack: Pack) -> dict[str, Any] | None:
    found = pack.collected
    if found is None:
        return None
    labels = [f"{month.month}月" for month in found.months]
    return {
        "month": f"{found.month.year}年{found.month.month}月末",
        "tiles": [
            {
                "name": VINTAGE_WORDS[vintage].ja,
                "rate": found.whole[vintage].this.rate,
                "last": found.whole[vintage].last.rate,
                "change": found.whole[vintage].change,
            }
            for vintage in VINTAGES
        ],
        "chart": line_chart(labels, [("今年度", found.trend["total"][0]), ("前年度", found.trend["total"][1])]),
    }
