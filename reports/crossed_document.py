"""A table of two cuts as data for other programs: every cell with its count, how sure it is, and the calls behind it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from callcenter.core.intervals import wilson
from reports.charts import FEW
from reports.cuts import Cut
from reports.metrics import KEPT_RATE, Metric, definition
from reports.noise import believed, two_rates
from reports.queries.crossed import Counts, Crossed, Line, needs
from reports.queries.raw import HeadlineQuery


def marks(found: Crossed, metric: Metric) -> dict[tuple[str, str], str]:
    """Cells whose rate is `high` or `low` beside everything else's by more than noise, many comparisons allowed for.

    Without columns the rows are compared, with "" as their column.
    """
    if not metric.is_rate:
        return {}
    cells = found.cells if found.columns else {(key, ""): counts for key, counts in found.row_totals.items()}
    all_hits, all_bases = found.whole.hits(metric), found.whole.base(metric)
    if cells and needs(metric)[0]:  # a person stands in several cells, so that the whole less one of them is not what the others hold
        all_hits, all_bases = (sum(each) for each in zip(*((one.hits(metric), one.base(metric)) for one in cells.values()), strict=True))
    tested = []
    for place, counts in cells.items():
        hits, base = counts.hits(metric), counts.base(metric)
        chance = two_rates(hits, base, all_hits - hits, all_bases - base)
        if base >= FEW and chance is not None:
            tested.append((place, chance, hits / base > all_hits / all_bases))
    stands = believed([chance for _, chance, _ in tested]) if tested else []
    return {place: "high" if is_higher else "low" for (place, _, is_higher), stand in zip(tested, stands, strict=True) if stand}


def document(found: Crossed, query: HeadlineQuery, columns: Cut | None, metric: Metric, as_of: datetime) -> dict[str, Any]:
    """The table as the contract with other programs has it; texts in both languages."""
    period, told = query.period, marks(found, metric)
    cell = _Cells(query, columns, metric)
    rows, heads = [line.key for line in found.rows], [line.key for line in found.columns]
    return {
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "time_zone": str(period.zone),
        "as_of": as_of.isoformat(),
        "channel": str(query.channel),
        "campaign": query.campaign_id,
        "operator": query.staff.key if query.staff and query.staff.by is Cut.OPERATOR else None,
        "team": query.staff.key if query.staff and query.staff.by is Cut.TEAM else None,
        "by": str(query.cut or ""),
        "columns_by": None if columns is None else str(columns),
        "definition": definition(metric),
        "notes": [note.ja for note in found.notes],
        "notes_en": [note.en for note in found.notes],
        "few": FEW,
        "is_cut_off": found.is_cut_off,
        "rows": [_line(line) for line in found.rows],
        "columns": [_line(line) for line in found.columns],
        "cells": [
            cell.of(found.cells[row, head], row, head, told.get((row, head)))
            for row in rows
            for head in heads
            if (row, head) in found.cells
        ],
        "row_totals": [cell.of(found.row_totals[row], row, None, None if columns else told.get((row, ""))) for row in rows],
        "column_totals": [cell.of(found.column_totals[head], None, head, None) for head in heads],
        "total": cell.of(found.whole, None, None, None),
    }


def _line(line: Line) -> dict[str, str]:
    return {"key": line.key, "label": line.words.ja, "label_en": line.words.en}


class _Cells:
    """How a cell is written; `address` leads to its calls."""

    def __init__(self, query: HeadlineQuery, columns: Cut | None, metric: Metric) -> None:
        self.metric = metric
        self.address = {
            "from": query.period.first.isoformat(),
            "to": query.period.last.isoformat(),
            "channel": str(query.channel),
            **({"campaign": str(query.campaign_id)} if query.campaign_id is not None else {}),
            **({str(query.staff.by): query.staff.key} if query.staff else {}),
            "by": str(query.cut),
            "columns": str(columns or ""),
            "metric": metric.code,
        }

    def of(self, counts: Counts, row: str | None, column: str | None, mark: str | None) -> dict[str, Any]:
        """One cell; of a rate with its numerator, denominator and 95 % bounds."""
        metric = self.metric
        value, base = counts.value(metric), counts.base(metric)
        bounds = wilson(counts.hits(metric), base) if metric.is_rate else None
        return {
            "row": row,
            "column": column,
            "value": value,
            "hits": counts.hits(metric) if metric.under else None,
            "n": base,
            "low": None if bounds is None else bounds.low,
            "high": None if bounds is None else bounds.high,
            "is_few": metric.is_rate and base < FEW,
            "differs": mark,
            "calls": self._calls(row, column) if value is not None and metric is not KEPT_RATE else None,
        }

    def _calls(self, row: str | None, column: str | None) -> str:
        place = {name: key for name, key in (("row", row), ("column", column)) if key is not None}
        return f"/reports/calls?{urlencode(self.address | place)}"
