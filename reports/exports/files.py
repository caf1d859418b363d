"""CSV and XLSX of a headline report."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from unicodedata import east_asian_width

import xlsxwriter

from reports.cuts import Cut
from reports.eras import Years
from reports.exports.table import Cell, Table, build, plain_text
from reports.figures import Row
from reports.metrics import Metric, Unit
from reports.queries.headline import Headline, HeadlineQuery

BOM = "\ufeff"
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
    "default_format_properties": {"font_name": "Yu Gothic", "font_size": 11},
}
HEAD_HEIGHT = 38
"""Points for two lines of a column's head."""
DATES = {Years.WESTERN: "yyyy-mm-dd", Years.ERA: "[$-411]ge.m.d"}
"""Days are dates in a workbook: they can be sorted and reckoned with, and are written as `reports.eras.write_date` writes them."""
HEAD = {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "bg_color": "#F2F2F2"}
PLAIN_RATIO = "0.0%"
NUMBERS = {
    Unit.RATIO: f'[<0.9995]{PLAIN_RATIO};[<1]"99.9%";{PLAIN_RATIO}',  # as `reports.exports.table.per_cent`
    Unit.HOURS: "#,##0.0",
    Unit.CALLS_PER_HOUR: "#,##0.0",
    Unit.CALLS_PER_PERSON: "0.00",
    Unit.SECONDS: "#,##0.0",
}


def file_name(report: Headline, kind: str) -> str:
    """A name that says what is in the file."""
    query = report.query
    cut = f"-by-{query.cut}" if query.cut else ""
    return f"headline-{query.period.first:%Y%m%d}-{query.period.last:%Y%m%d}{cut}{staff_in_name(query)}.{kind}"


def staff_in_name(query: HeadlineQuery) -> str:
    """Whose figures are in a file, as a part of its name; "" for everybody's."""
    if query.staff is None:
        return ""
    safe = re.sub(r"[^\w.-]", "_", query.staff.key)
    return f"-{query.staff.by}-{safe}"


def to_csv(report: Headline, lang: str = "ja", years: Years = Years.WESTERN) -> bytes:
    """UTF-8 with a byte-order mark and CRLF, as spreadsheets want it; numbers unrounded, no value is an empty cell."""
    table = build(report, lang, years)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([plain_text(head) for head in table.heads])
    for row in table.rows:
        writer.writerow([csv_cell(cell) for cell in row])
    return (BOM + out.getvalue()).encode("utf-8")


def csv_cell(cell: Cell) -> str:
    """A cell's text; only texts can be formulas."""
    if cell is None:
        return ""
    return plain_text(cell) if isinstance(cell, str) else repr(cell)


def to_xlsx(report: Headline, lang: str = "ja", years: Years = Years.WESTERN) -> bytes:
    """A workbook with the figures and a sheet of their definitions; numbers are numbers, texts are never formulas."""
    table = build(report, lang, years)
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, OPTIONS) as book:
        figures_sheet(book, table, days_of(report.rows, report.query.cut), years)
        definitions_sheet(book, table, "Definitions" if lang == "en" else "定義")
    return out.getvalue()


def days_of(rows: Iterable[Row], cut: Cut | None) -> list[date | None]:
    """The rows' days; None for a row that is none."""
    return [day_of(row.key, cut) for row in rows]


def day_of(key: str | None, cut: Cut | None) -> date | None:
    """The day that a row or a column is, or begins with; None where it is none."""
    return date.fromisoformat(key) if key and cut in (Cut.DAY, Cut.WEEK) else None


def for_print(sheet: Any, heads: int) -> None:
    """A4 landscape, as wide as a page, the row of heads on each."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(heads)


def figures_sheet(book: Any, table: Table, days: Sequence[date | None], years: Years) -> None:
    """Title, period, then the table with its heads frozen."""
    sheet = book.add_worksheet(table.title[:31])
    bold = book.add_format({"bold": True, "font_size": 14})
    head = book.add_format(HEAD)
    formats = {unit: book.add_format({"num_format": form}) for unit, form in NUMBERS.items()}
    count = book.add_format({"num_format": "#,##0"})
    day = book.add_format({"num_format": DATES[years], "align": "left"})
    sheet.write_string(0, 0, table.title, bold)
    sheet.write_string(1, 0, table.subtitle)
    sheet.set_row(3, HEAD_HEIGHT)
    for column, text in enumerate(table.heads):
        sheet.write_string(3, column, text, head)
    for number, (row, on) in enumerate(zip(table.rows, days, strict=True), start=4):
        if on is None:
            sheet.write_string(number, 0, str(row[0]))
        else:
            sheet.write_datetime(number, 0, on, day)
        for column, (metric, cell) in enumerate(zip(table.metrics, row[1:], strict=True), start=1):
            if cell is not None:
                sheet.write_number(number, column, cell, formats.get(metric.unit, count))
    sheet.freeze_panes(4, 1)
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, len(table.metrics), 13)
    for_print(sheet, 3)


def definitions_sheet(book: Any, table: Table, name: str) -> None:
    """What each figure means."""
    sheet = book.add_worksheet(name)
    head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#F2F2F2"})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    for column, text in enumerate(table.definition_heads):
        sheet.write_string(0, column, text, head)
    for number, row in enumerate(table.definitions, start=1):
        for column, text in enumerate(row):
            sheet.write_string(number, column, text, wrap)
        lines = max(-(-wide(text) // (width - 2)) for text, width in zip(row, DEFINITION_WIDTHS, strict=True))
        sheet.set_row(number, 18 * max(1, lines))
    for column, width in enumerate(DEFINITION_WIDTHS):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(1, 1)
    for_print(sheet, 0)


DEFINITION_WIDTHS = (26, 44, 44, 10, 60, 6, 36)


def wide(text: str) -> int:
    """How many columns of a digit's width a text takes: Japanese letters take two."""
    return sum(2 if east_asian_width(char) in "WFA" else 1 for char in text)


def cross_workbook(
    metric: Metric, subtitle: str, heads: Sequence[str | date], rows: list[list[Cell]], days: Sequence[date | None], years: Years, lang: str
) -> bytes:
    """A table of two cuts as a workbook: a label, then the metric's figures; the last row and column are totals.

    `days` are the rows that are one, and the heads of the columns may be: written as dates.
    """
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, OPTIONS) as book:
        sheet = book.add_worksheet(metric.name.in_language(lang)[:31].translate(str.maketrans("[]:*?/\\", "       ")))
        head = book.add_format(HEAD)
        number = book.add_format({"num_format": NUMBERS.get(metric.unit, "#,##0")})
        sheet.write_string(0, 0, metric.name.in_language(lang), book.add_format({"bold": True, "font_size": 14}))
        sheet.write_string(1, 0, subtitle)
        dated = {"num_format": DATES[years], "align": "left"}
        day, day_head = book.add_format(dated), book.add_format(HEAD | dated)
        for column, text in enumerate(heads):
            if isinstance(text, date):
                sheet.write_datetime(3, column, text, day_head)
            else:
                sheet.write_string(3, column, text, head)
        for place, (row, on) in enumerate(zip(rows, days, strict=True), start=4):
            if on is None:
                sheet.write_string(place, 0, str(row[0]))
            else:
                sheet.write_datetime(place, 0, on, day)
            for column, cell in enumerate(row[1:], start=1):
                if isinstance(cell, int | float):
                    sheet.write_number(place, column, cell, number)
        sheet.autofilter(3, 0, 3 + len(rows), len(heads) - 1)
        sheet.freeze_panes(4, 1)
        sheet.set_column(0, 0, 24)
        for_print(sheet, 3)
    return out.getvalue()
