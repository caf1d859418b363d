"""The pack's tables as a workbook: live tables with filters, sums as formulas."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import xlsxwriter

from reports.collection.ageing import BUCKETS
from reports.collection.rates import TOTAL, VINTAGE_WORDS
from reports.control.meeting import MeetingControl
from reports.exports.files import NUMBERS, OPTIONS
from reports.exports.table import head
from reports.figures import Row
from reports.metrics import HEADLINE, Unit
from reports.pack.content import Pack
from reports.pack.document import WEEKDAYS
from reports.pack.notes import SECTIONS

DECISION_FIELDS = ("starts_on", "what", "who", "due_on", "metric", "effect", "state")
SUMMED = frozenset({"attempts", "contacts", "right_party_contacts", "promises", "promises_due", "promises_kept"})


def pack_xlsx(pack: Pack) -> bytes:
    """One sheet per table of the pack."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, OPTIONS) as book:
        for name, key, rows in (
            ("月別", "月", pack.by_month),
            ("日別", "日", [row for row in pack.by_day if row.figures.attempts or row.figures.promises_due]),
            ("時間帯別", "時間帯", pack.by_hour),
            ("手段別", "手段", pack.by_channel),
            ("規則別", "規則", pack.by_segment),
        ):
            _figures(book, name, key, rows)
        _plain(
            book,
            "時間帯×曜日",
            ("時間帯", "曜日", "架電件数", "接触件数"),
            [(f"{hour}時", WEEKDAYS[day], cell.n, cell.contacts) for (hour, day), cell in sorted(pack.heat.cells.items())],
        )
        _plain(
            book,
            "未納の古さ",
            ("納期限から", "人", "件", "未納額"),
            [(BUCKETS[number].ja, age.persons, age.debts, age.yen) for number, age in enumerate(pack.ages)],
        )
        if pack.collected is not None:
            _plain(
                book,
                "収納",
                ("税目", "区分", "調定額", "収入済額", "前年調定額", "前年収入済額"),
                [
                    (tax, VINTAGE_WORDS[vintage].ja, one.this.assessed, one.this.received, one.last.assessed, one.last.received)
                    for tax, compared in pack.collected.by_tax.items()
                    for vintage, one in compared.items()
                    if vintage != TOTAL
                ],
            )
        _control(book, pack.control)
        _plain(book, "所見", ("区分", "内容"), [(SECTIONS[name].ja, text) for name, text in pack.notes.items()])
    return out.getvalue()


def _control(book: Any, control: MeetingControl) -> None:
    """Sheets of targets, alerts and decisions; only those with anything in them."""
    for name, heads, fields, rows in (
        ("目標", ("指標", "実績", "目標", "差"), ("name", "value", "target", "gap"), control.targets),
        ("点検", ("期間", "指標", "値", "いつもの範囲", "分かったこと"), ("period", "name", "value", "range", "remark"), control.alerts),
        ("決定", ("始め", "内容", "担当", "期限", "動かす指標", "前後28日の差", "状態"), DECISION_FIELDS, control.decisions),
    ):
        if rows:
            _plain(book, name, heads, [tuple(row[field] for field in fields) for row in rows])


def _figures(book: Any, name: str, key: str, rows: Sequence[Row]) -> None:
    """A table of the headline figures with a row of sums; rates of the whole are formulas over the sums."""
    sheet = book.add_worksheet(name)
    columns: list[dict[str, Any]] = [{"header": key, "total_string": "計"}]
    for metric in HEADLINE:
        column: dict[str, Any] = {
            "header": head(metric, "ja"),
            "format": book.add_format({"num_format": NUMBERS.get(metric.unit, "#,##0")}),
        }
        if metric.code in SUMMED:
            column["total_function"] = "sum"
        elif metric.unit is Unit.RATIO and {metric.over, metric.under} <= SUMMED:
            over, under = (head(next(one for one in HEADLINE if one.code == code), "ja") for code in (metric.over, metric.under))
            column["total_function"] = f'=IFERROR(SUBTOTAL(109,[{over}])/SUBTOTAL(109,[{under}]),"")'
        columns.append(column)
    data = [[row.label, *(row.figures.value(metric.code) for metric in HEADLINE)] for row in rows] or [["", *[None] * len(HEADLINE)]]
    sheet.add_table(
        0,
        0,
        len(data) + 1,
        len(HEADLINE),
        {"columns": columns, "data": data, "total_row": True, "name": f"T_{book.worksheets().index(sheet)}"},
    )
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, len(HEADLINE), 13)
    sheet.freeze_panes(1, 1)


def _plain(book: Any, name: str, heads: Sequence[str], rows: Sequence[Sequence[str | int]]) -> None:
    """A table of texts and numbers."""
    sheet = book.add_worksheet(name)
    number = book.add_format({"num_format": "#,##0"})
    data = [list(row) for row in rows] or [[""] * len(heads)]
    columns = [{"header": text, "format": number} for text in heads]
    sheet.add_table(0, 0, len(data), len(heads) - 1, {"columns": columns, "data": data, "name": f"T_{book.worksheets().index(sheet)}"})
    sheet.set_column(0, len(heads) - 1, 18)
    sheet.freeze_panes(1, 1)
