"""How a layout reads a sample: the first rows cell by cell, and what would be refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from callcenter.core.clock import OFFICE_ZONE
from campaigns.imports.columns import READERS
from campaigns.imports.layouts import Field, Layout, match_headers
from campaigns.imports.parsing import parse_table
from campaigns.imports.sources import bound_cells, is_rejected_file, without_skipped
from campaigns.imports.tables import RawTable

PREVIEW_ROWS = 20


@dataclass(frozen=True)
class Cell:
    """One value as it would be read: its text, or the code of what is wrong with what the file says."""

    text: str
    problem: str = ""


@dataclass(frozen=True)
class PreviewRow:
    """One row of the sample: its number in the file and its cells in the order of `Preview.fields`."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Preview:
    """The first rows as a layout reads them; of `rows` in the sample, `rejected` would be refused, by (column, code) in `problems`."""

    fields: tuple[Field, ...]
    rows: tuple[PreviewRow, ...]
    total: int
    rejected: int
    problems: tuple[tuple[str, str, int], ...]


def preview(layout: Layout, table: RawTable) -> Preview:
    """How a layout reads a sample's table.

    Raises InvalidInput (missing_columns, doubled_columns) when the layout does not fit it.
    """
    bound = match_headers(layout, table.headers, layout.name)
    frame = without_skipped(table.frame, table.headers, layout.source)
    fields = tuple(entry for entry in layout.fields if entry.name in bound)
    has_neutral = is_rejected_file(table.headers)
    columns = [_column(entry, bound_cells(frame, bound[entry.name], has_neutral)) for entry in fields]
    shown = frame["row"].head(PREVIEW_ROWS)
    rows = tuple(PreviewRow(number, tuple(column[index] for column in columns)) for index, number in enumerate(shown))
    if bound.keys() >= set(layout.key):
        parsed = parse_table(table, layout, layout.name)
        counts = Counter(zip(parsed.problems["column"], parsed.problems["code"], strict=True))
        total, rejected = parsed.rows, parsed.rejected
    else:  # the key is not chosen yet, so that rows can't be told apart
        every = [(entry, index, cell) for entry, column in zip(fields, columns, strict=True) for index, cell in enumerate(column)]
        counts = Counter((entry.label, cell.problem) for entry, _, cell in every if cell.problem)
        total, rejected = frame.height, len({index for _, index, cell in every if cell.problem})
    problems = tuple((column, code, count) for (column, code), count in counts.most_common(20))
    return Preview(fields, rows, total, rejected, problems)


def _column(entry: Field, cells: pl.Series) -> list[Cell]:
    cells = cells.set(cells == "", None) if (cells == "").any() else cells
    read = READERS[entry.type](cells, entry)
    return [_cell(entry, *each) for each in zip(cells, read.values, read.problems, strict=True)]


def _cell(entry: Field, text: str | None, value: Any, problem: str | None) -> Cell:
    if problem is None and value is None and entry.default is None and entry.is_required:
        problem = "missing"
    if problem is not None:
        return Cell(text or "", problem)
    return Cell(shown(value if value is not None or text is not None else entry.default))


def shown(value: Any) -> str:
    """A typed value as people read it."""
    if isinstance(value, datetime):
        return value.astimezone(OFFICE_ZONE).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value)
