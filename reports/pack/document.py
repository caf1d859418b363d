"""The pack as PDF: A4 landscape, charts first, room for what the meeting says."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from callcenter.core.eras import format_fiscal_year
from reports.charts import FEW, STEPS
from reports.collection.ageing import BUCKETS
from reports.collection.rates import TOTAL, VINTAGE_WORDS, VINTAGES, Collection, Compared
from reports.eras import day_in_both, month_in_both
from reports.exports.pdf import set_pages
from reports.exports.table import DASH, per_cent, shown
from reports.line_chart import line_chart
from reports.metrics import BY_CODE, HEADLINE, KEPT_RATE
from reports.pack.content import Pack, last_of
from reports.pack.notes import SECTIONS
from reports.pack.shown import COLUMNS, day_bars, in_two, month_label, share, table, tile, trend, week_label
from reports.queries.undecided import undecided_words

FOLDER = Path(__file__).parent
TILES = ("attempts", "attempts_per_operator_hour", "contact_rate_per_call", "contact_rate_per_person", "promise_rate", "kept_rate")
MONTHLY = ("attempts", "promises", "promise_rate", "promises_due", "promises_kept", "kept_rate")
WEEKDAYS = "月火水木金土日"
MOST_TAXES = 12

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
    until = last_of(pack.month) if pack.is_complete else pack.made_at.date()
    months = [month_label(row) for row in pack.by_month]
    weeks = [week_label(row) for row in pack.by_week]
    open_words = undecided_words(pack.month_figures, pack.undecided)
    return {
        "pack": pack,
        "title": f"{month_in_both(pack.month)} 戦略会議資料",
        "period": f"{day_in_both(pack.month)}から{until.month}月{until.day}日まで",
        "as_of": f"{day_in_both(pack.made_at.date())}{pack.made_at.hour}時{pack.made_at.minute:02d}分現在",
        "until": f"{until.month}月{until.day}日",
        "before": ("前月", "前年同月") if pack.is_complete else ("前月同日", "前年同日"),
        "sections": {name: words.ja for name, words in SECTIONS.items()},
        "tiles": [
            tile(code, pack.month_figures, pack.before, pack.year_before)
            | {"open": open_words.ja if open_words and code == KEPT_RATE.code else ""}
            for code in TILES
        ],
        "undecided": pack.undecided,
        "day_bars": day_bars(pack.by_day, pack.month, until),
        "week_rates": trend(pack.by_week, weeks, [("コンタクト率(架電あたり)", "contact_rate_per_call"), ("約束率", "promise_rate")]),
        "week_pace": trend(pack.by_week, weeks, [("1時間当たり架電件数", "attempts_per_operator_hour")]),
        "month_rates": trend(
            pack.by_month, months, [("接触率(人あたり)", "contact_rate_per_person"), ("約束率", "promise_rate"), ("履行率", "kept_rate")]
        ),
        "months": [
            {"label": label, "cells": [shown(row.figures.value(code), BY_CODE[code]) for code in MONTHLY]}
            for label, row in zip(months, pack.by_month, strict=True)
        ],
        "month_columns": [BY_CODE[code].name.ja for code in MONTHLY],
        "weekdays": [WEEKDAYS[day] for day in pack.heat.weekdays],
        "hours": [_hour(pack, hour) for hour in pack.heat.hours],
        "shades": _shades(),
        "few": FEW,
        "columns": [in_two(BY_CODE[code]) for code in COLUMNS],
        "channels": table(pack.by_channel, "手段", 6),
        "campaigns": table(pack.by_campaign, "業務", 9),
        "segments": table(pack.by_segment, "規則", 16),
        "steps": steps_of(pack),
        "collected": _collected(pack.collected, pack.month),
        "closing": _collected(pack.closing, pack.month),
        "effect_year": format_fiscal_year(pack.effect_year),
        "is_effect_running": until < date(pack.effect_year + 1, 3, 31),
        "ages": [
            {"label": BUCKETS[number].ja, "age": age, "width": share(age.yen, max((one.yen for one in pack.ages), default=0))}
            for number, age in enumerate(pack.ages)
        ],
        "rolls": _rolls(pack),
        "definitions": _definitions(),
    }


def _hour(pack: Pack, hour: int) -> dict[str, Any]:
    cells = []
    for day in pack.heat.weekdays:
        cell = pack.heat.cell(hour, day)
        cells.append(None if cell.rate is None else {"percent": str(per_cent(cell.rate)), "n": cell.n, "step": cell.step(1)})
    return {"label": f"{hour}時", "cells": cells}


def _shades() -> list[dict[str, Any]]:
    """What the colours of the hours mean."""
    bounds = [f"{step}%" for step in STEPS]
    texts = [f"{bounds[0]}未満", *(f"{low}以上{high}未満" for low, high in pairwise(bounds)), f"{bounds[-1]}以上"]
    return [{"step": number, "text": text} for number, text in enumerate(texts, start=1)]


def steps_of(pack: Pack) -> list[dict[str, Any]]:
    """The funnel: persons and their share of those of whom it is told; the kept are a share of those whose date has come."""
    steps = pack.steps
    rows = (
        ("名簿", steps.listed, 0, ""),
        ("番号判明", steps.with_number, steps.listed, "名簿のうち"),
        ("架電", steps.attempted, steps.with_number, "番号判明のうち"),
        ("接触", steps.contacted, steps.attempted, "架電した人のうち"),
        ("約束", steps.promised, steps.contacted, "接触した人のうち"),
        ("履行", steps.kept, steps.due, f"約束の期日が来た{steps.due:,}人のうち"),
        ("完納", steps.settled, steps.kept, "履行した人のうち"),
    )
    return [
        {
            "name": name,
            "count": count,
            "width": share(count, steps.listed),
            "base": base,
            "share": f"{per_cent(count / base)}%" if base else DASH,
            "of": of,
        }
        for name, count, base, of in rows
    ]


def _rolls(pack: Pack) -> dict[str, Any]:
    """Of what was open at the start of each month, how much was still open at its end, by age."""
    months, lines = pack.rolls
    rows = [
        {
            "label": BUCKETS[number].ja,
            "cells": [
                {
                    "text": DASH if one.rate is None else f"{per_cent(one.rate)}%",
                    "n": one.open_at_start,
                    "is_few": one.open_at_start < FEW,
                }
                for one in line
            ],
        }
        for number, line in enumerate(lines, start=1)
    ]
    return {"months": [f"{month.month}月" for month in months], "rows": rows}


def _collected(found: Collection | None, month: date) -> dict[str, Any] | None:
    if found is None:
        return None
    labels = [f"{one.month}月" for one in found.months]
    names = [format_fiscal_year(year) for year in (found.fiscal_year, found.fiscal_year - 1)]
    return {
        "month": f"{month_in_both(found.month)}末",
        "year": format_fiscal_year(found.fiscal_year),
        "is_older": found.month != month,
        "tiles": [_rates(VINTAGE_WORDS[vintage].ja, found.whole[vintage]) for vintage in VINTAGES],
        "taxes": [
            {"label": tax, "rates": [_rates("", compared[vintage]) for vintage in VINTAGES]}
            for tax, compared in list(found.by_tax.items())[:MOST_TAXES]
        ],
        "rest": max(0, len(found.by_tax) - MOST_TAXES),
        "heads": [VINTAGE_WORDS[vintage].ja for vintage in VINTAGES],
        "chart": line_chart(labels, list(zip(names, found.trend[TOTAL], strict=True))),
    }


def _rates(name: str, one: Compared) -> dict[str, Any]:
    def per_cent(value: Any, form: str = "{:.1f}%") -> str:
        return DASH if value is None else form.format(value)

    return {
        "name": name,
        "rate": per_cent(one.this.rate),
        "last": per_cent(one.last.rate),
        "change": per_cent(one.change, "{:+.1f}pt").replace("-", "−"),
        "assessed": one.this.assessed,
        "received": one.this.received,
    }


def _definitions() -> list[dict[str, Any]]:
    """The metrics; those after one another that are counted of the same share one cell."""
    rows: list[dict[str, Any]] = []
    for metric in HEADLINE:
        formula = metric.numerator.ja + (f" ÷ {metric.denominator.ja}" if metric.denominator else "")
        group = next((row for row in rows[::-1] if row["scope"]), None)
        if group is not None and group["scope"] == metric.scope.ja:
            group["span"] += 1
            rows.append({"name": metric.name.ja, "formula": formula, "scope": "", "span": 0})
        else:
            rows.append({"name": metric.name.ja, "formula": formula, "scope": metric.scope.ja, "span": 1})
    return rows
