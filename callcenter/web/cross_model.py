"""A table of two cuts for its template: what the address asks, how sure each cell is, and marks where more than noise differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sqlalchemy.orm import Session

from callcenter.core.intervals import wilson
from callcenter.web import phrases
from callcenter.web.dependencies import SignedIn
from callcenter.web.i18n import translator
from callcenter.web.report_filters import Filters, cuts_for, option, read_filters
from reports.charts import FEW
from reports.crossed_document import marks
from reports.cut_forms import FORMS
from reports.cuts import Cut
from reports.exports.cross_pdf import Paper, Shade
from reports.exports.table import Cell, plain_text, rounded, shown, written
from reports.further_metrics import CROSSABLE
from reports.metrics import CONTACT_PER_CALL, KEPT_RATE, Metric
from reports.queries.crossed import Counts, Crossed
from reports.queries.measures import knows_operator

METRICS = {metric.code: metric for metric in CROSSABLE}
STEPS = ("a", "b", "c", "d", "e")


@dataclass(frozen=True, slots=True)
class CrossFilters:
    """What the address asks: the report's filters, whose cut are the rows, the columns' cut, and the figure in the cells."""

    filters: Filters
    columns: Cut | None
    metric: Metric
    errors: tuple[tuple[str, str], ...]

    @property
    def rows(self) -> Cut:
        """The rows' cut."""
        return self.filters.query.cut or Cut.HOUR

    @property
    def address(self) -> str:
        """The filters as the query of an address."""
        more = {"by": str(self.rows), "columns": str(self.columns or ""), "metric": self.metric.code}
        return urlencode(dict(parse_qsl(self.filters.address)) | more)


def read_cross(session: Session, who: SignedIn, given: Mapping[str, str], now: datetime, lang: str) -> CrossFilters:
    """The question of an address; what can't be read is named in `errors` and stands at its default."""
    filters = read_filters(session, who, given, now, lang)
    errors = list(filters.errors)
    allowed = cuts_for(who)
    columns: Cut | None = Cut.WEEKDAY
    if "columns" in given:
        columns = Cut(given["columns"]) if given["columns"] in allowed else None
        if given["columns"] and columns is None:
            errors.append(("columns", phrases.pick(lang, ("この区切りは使えません。", "This cut can't be used."))))
    if columns is filters.query.cut:
        columns = None
        if given.get("columns"):
            errors.append(
                ("columns", phrases.pick(lang, ("行と列に同じ区切りは使えません。", "Rows and columns must be cut by different things.")))
            )
    metric = METRICS.get(given.get("metric") or CONTACT_PER_CALL.code)
    if metric is None:
        errors.append(("metric", phrases.pick(lang, ("その指標はありません。", "There is no such figure."))))
    elif filters.query.staff is not None and not knows_operator(metric):
        words = (
            f"{metric.name.ja}は担当者を持たない数のため、オペレーターや班では絞れません。",
            f"{metric.name.en} knows no operator: it can't be filtered by operator or team.",
        )
        errors.append(("metric", phrases.pick(lang, words)))
        metric = None
    return CrossFilters(filters, columns, metric or CONTACT_PER_CALL, tuple(errors))


def cross_choices(who: SignedIn, asked: CrossFilters, lang: str) -> dict[str, list[dict[str, Any]]]:
    """The options of the lists that only this page has."""
    none = option("", phrases.pick(lang, ("なし", "None")), asked.columns or "")
    return {
        "columns_options": [none, *(option(cut, FORMS[cut].name.in_language(lang), asked.columns) for cut in cuts_for(who))],
        "metric_options": [option(code, metric.name.in_language(lang), asked.metric.code) for code, metric in METRICS.items()],
    }


def cross_model(found: Crossed, asked: CrossFilters, lang: str) -> dict[str, Any]:
    """Rows of cells with totals; see report_cross.html."""
    metric = asked.metric
    told = marks(found, metric)
    steps = _bounds(found, metric)
    heads = [{"key": line.key, "label": line.words.in_language(lang)} for line in found.columns]
    view = _View(asked, lang, steps)
    rows = []
    for line in found.rows:
        cells = [
            view.cell(found.cells.get((line.key, head["key"])), line.key, head["key"], told.get((line.key, head["key"]))) for head in heads
        ]
        total = view.cell(found.row_totals.get(line.key), line.key, None, told.get((line.key, "")) if not heads else None)
        rows.append({"label": line.words.in_language(lang), "cells": cells, "total": total, "percent": _percent(found, line.key, metric)})
    return {
        "heads": heads,
        "rows": rows,
        "foot": [view.cell(found.column_totals.get(head["key"]), None, head["key"], None) for head in heads],
        "whole": view.cell(found.whole, None, None, None),
        "is_rate": metric.is_rate,
        "few": FEW,
        "steps": [shown(bound, metric) for bound in steps],
        "notes": [note.in_language(lang) for note in dict.fromkeys(found.notes)],
        "is_cut_off": found.is_cut_off,
        "has_marks": any(told.values()),
    }


def _bounds(found: Crossed, metric: Metric) -> list[float]:
    """Up to four bounds between the five shades: the fifths of the different values of the cells that say something."""
    cells = found.cells.values() if found.columns else found.row_totals.values()
    told = (value for counts in cells if (value := counts.value(metric)) is not None and (not metric.is_rate or counts.base(metric) >= FEW))
    values = sorted({written(value, metric): value for value in told}.values())
    return [values[len(values) * part // 5] for part in range(1, 5)] if len(values) >= 5 else values[1:]


def _percent(found: Crossed, key: str, metric: Metric) -> float:
    """The length of a row's bar, in per cent of the longest."""
    values = {name: counts.value(metric) or 0 for name, counts in found.row_totals.items()}
    longest = max(values.values(), default=0)
    return round(100 * values.get(key, 0) / longest, 1) if longest else 0.0


@dataclass(frozen=True, slots=True)
class _View:
    """How a cell is written."""

    asked: CrossFilters
    lang: str
    bounds: list[float]

    def cell(self, counts: Counts | None, row: str | None, column: str | None, mark: str | None) -> dict[str, Any] | None:
        metric = self.asked.metric
        if counts is None:
            return None
        value, base = counts.value(metric), counts.base(metric)
        if value is None:
            return {"text": "–", "n": base, "band": "none", "href": "", "interval": "", "mark": ""}
        is_few = metric.is_rate and base < FEW
        interval = wilson(counts.hits(metric), base) if metric.is_rate else None
        return {
            "text": shown(value, metric),
            "n": base if metric.is_rate else None,
            "band": "few" if is_few else self._shade(value),
            "href": self._href(row, column),
            "interval": "" if interval is None else f"{rounded(interval.low * 100)}–{rounded(interval.high * 100)}%",
            "mark": mark or "",
        }

    def _shade(self, value: float) -> str:
        """By the figures as they are written: what reads alike looks alike."""
        told = written(value, self.asked.metric)
        return STEPS[sum(told >= written(bound, self.asked.metric) for bound in self.bounds)] if self.bounds else ""

    def _href(self, row: str | None, column: str | None) -> str:
        if self.asked.metric is KEPT_RATE:
            return ""
        where = {name: value for name, value in (("row", row), ("column", column)) if value is not None}
        return f"/reports/calls?{self.asked.address}" + (f"&{urlencode(where)}" if where else "")


def as_paper(found: Crossed, asked: CrossFilters, title: str, subtitle: str, lang: str) -> Paper:
    """The same table for print, with its shades, marks and words."""
    model, words = cross_model(found, asked, lang), translator(lang)
    whole = words("cross.whole")
    rows = [(row["label"], [*map(_shade, row["cells"]), _shade(row["total"])]) for row in model["rows"]]
    rows.append((whole, [*map(_shade, model["foot"]), _shade(model["whole"])]))
    notes = [*model["notes"]]
    if model["has_marks"]:
        notes.insert(0, words("cross.marks"))
    if model["is_rate"]:
        notes.insert(0, words("cross.few_grey", n=FEW))
    if model["steps"]:
        notes.insert(0, words("cross.shades", text=" / ".join(model["steps"])))
    if model["is_cut_off"]:
        notes.insert(0, words("cross.cut_off"))
    heads = [*(head["label"] for head in model["heads"]), whole]
    return Paper(title, subtitle, FORMS[asked.rows].name.in_language(lang), heads, rows, notes)


def _shade(cell: dict[str, Any] | None) -> Shade:
    if cell is None:
        return Shade("–")
    base = "" if cell["n"] is None else f"{cell['n']:,}"
    return Shade(cell["text"], base, cell["band"], cell["mark"])


def as_table(found: Crossed, asked: CrossFilters, lang: str) -> tuple[list[str], list[list[Cell]]]:
    """The same table for files: heads, then rows with the row's label first and totals last; figures unrounded."""
    metric = asked.metric
    all_words = phrases.pick(lang, ("計", "Total"))
    heads = [FORMS[asked.rows].name.in_language(lang), *(line.words.in_language(lang) for line in found.columns), all_words]
    rows: list[list[Cell]] = []
    for line in found.rows:
        cells = [found.cells.get((line.key, head.key), Counts()).value(metric) for head in found.columns]
        rows.append([line.words.in_language(lang), *cells, found.row_totals[line.key].value(metric)])
    foot = [found.column_totals[head.key].value(metric) for head in found.columns]
    rows.append([all_words, *foot, found.whole.value(metric)])
    return [plain_text(head) for head in heads], rows
