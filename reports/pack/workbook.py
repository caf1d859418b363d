"""The pack's tables as a workbook: live tables with filters, numbers as numbers, sums as formulas."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import xlsxwriter

from reports.collection.ageing import BUCKETS
from reports.collection.effect import FIELDS, Inputs
from reports.collection.rates import TOTAL, VINTAGE_WORDS, Collection
from reports.control.meeting import MeetingControl
from reports.cuts import Cut
from reports.eras import Years
from reports.exports.files import DATES, HEAD_HEIGHT, NUMBERS, OPTIONS, PLAIN_RATIO, days_of, for_print
from reports.exports.table import Cell, head
from reports.figures import Row, ratio
from reports.metrics import BY_CODE, HEADLINE, Unit
from reports.pack.content import Pack
from reports.pack.document import WEEKDAYS, document_model, steps_of
from reports.pack.notes import SECTIONS


@dataclass(frozen=True, slots=True)
class Measured:
    """A number with its unit, which says how the cell is written."""

    value: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class Reckoned:
    """A column that the sheet reckons: `{head}` in `formula` is another column's cell of the row; `values` are what comes out."""

    head: str
    formula: str
    values: Sequence[float | str]

    def written(self, table: str) -> str:
        """The formula as files have it: without the table's name other programs than Excel can't read it."""
        return re.sub(r"\{(.+?)\}", lambda found: f"{table}[[#This Row],[{found[1]}]]", self.formula)


DECISION_FIELDS = ("starts_on", "what", "who", "due_on", "metric", "effect", "state")
SUMMED = frozenset({"attempts", "contacts", "right_party_contacts", "promises", "promises_due", "promises_kept"})


def pack_xlsx(pack: Pack) -> bytes:
    """One sheet per table of the pack."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, OPTIONS) as book:
        _about(book, pack)
        for name, key, rows in (
            ("月別", "月", pack.by_month),
            ("日別", "日", [row for row in pack.by_day if row.figures.attempts or row.figures.promises_due]),
            ("時間帯別", "時間帯", pack.by_hour),
            ("週別", "月曜", pack.by_week),
            ("手段別", "手段", pack.by_channel),
            ("業務別", "業務", pack.by_campaign),
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
        steps = [(row["name"], row["count"], row["base"] or None, row["of"]) for row in steps_of(pack)]
        share = Reckoned("割合", '=IFERROR({人}/{割合の分母},"")', [count / base if base else "" for _, count, base, _ in steps])
        _plain(book, "名簿から納付まで", ("段階", "人", "割合の分母", "分母"), steps, share)
        for found, name in ((pack.collected, "収納"), (pack.closing, "旧年度収納")):
            if found is not None:
                _collected(book, found, name)
        if pack.effect is not None:
            _effect(book, pack.effect)
        _control(book, pack.control)
        _plain(book, "所見", ("区分", "内容"), [(SECTIONS[name].ja, text) for name, text in pack.notes.items()])
    return out.getvalue()


def _about(book: Any, pack: Pack) -> None:
    """What the workbook is of, and as of when."""
    sheet = book.add_worksheet("この資料")
    model = document_model(pack)
    sheet.write_string(0, 0, model["title"], book.add_format({"bold": True, "font_size": 14}))
    part = "" if pack.is_complete else " 月の途中の数字です。"
    for place, line in enumerate(
        (pack.office, f"{model['period']}。{part}", model["as_of"], "率は分子÷分母。計の率は表示中の行の合計から計算します。")
    ):
        sheet.write_string(place + 1, 0, line)
    sheet.set_column(0, 0, 80)
    for_print(sheet, 0)


def _collected(book: Any, collected: Collection, name: str) -> None:
    """The year's sums by tax and vintage; the rates beside them are reckoned by the sheet, cut off after one decimal."""
    rows = [
        (tax, VINTAGE_WORDS[vintage].ja, one.this.assessed, one.this.received, one.last.assessed, one.last.received)
        for tax, compared in collected.by_tax.items()
        for vintage, one in compared.items()
        if vintage != TOTAL
    ]
    rates = (
        Reckoned("収納率", '=IF({調定額}>0,ROUNDDOWN({収入済額}/{調定額},3),"")', [_cut_off(row[3], row[2]) for row in rows]),
        Reckoned(
            "前年収納率", '=IF({前年調定額}>0,ROUNDDOWN({前年収入済額}/{前年調定額},3),"")', [_cut_off(row[5], row[4]) for row in rows]
        ),
    )
    heads = ("税目", "区分", "調定額", "収入済額", "前年調定額", "前年収入済額")
    _plain(book, f"{name}({collected.month.year}年{collected.month.month}月末)", heads, rows, *rates)


def _cut_off(over: int, under: int) -> float | str:
    """A rate after its third digit, as ROUNDDOWN has it."""
    return over * 1000 // under / 1000 if under > 0 else ""


def _effect(book: Any, effect: Inputs) -> None:
    """Cost and effect with its inputs as cells to try others in."""
    sheet = book.add_worksheet("費用と効果")
    yen, rate = book.add_format({"num_format": "#,##0"}), book.add_format({"num_format": "0.00%"})
    bold = book.add_format({"num_format": "#,##0", "bold": True, "top": 1})
    for place, name in enumerate(FIELDS):
        value = getattr(effect, name)
        sheet.write_string(place, 0, FIELDS[name].ja.replace("(%)", ""))
        sheet.write_number(place, 1, value / 100 if name.startswith("rate") else value, rate if name.startswith("rate") else yen)
    for place, (name, formula, result) in enumerate(
        (
            ("費用(円) = 委託料 − 減った事務費", "=B1-B2", effect.cost),
            ("増えた収入(円) = 調定額 × 収納率の差", "=ROUNDDOWN(ROUND(B3*(B5-B4),6),0)", effect.gain),
            ("効果(円) = 増えた収入 − 費用", "=B7-B6", effect.effect),
        ),
        start=len(FIELDS),
    ):
        sheet.write_string(place, 0, name)
        sheet.write_formula(place, 1, formula, bold, result)
    sheet.set_column(0, 0, 42)
    sheet.set_column(1, 1, 18)
    for_print(sheet, 0)


def _control(book: Any, control: MeetingControl) -> None:
    """Sheets of targets, alerts and decisions; only those with anything in them."""
    if control.targets:
        rows = [(row["name"], *_numbers(row)) for row in control.targets]
        _plain(book, "目標", ("指標", "実績", "目標", "差"), rows)
    if control.alerts:
        rows = [(row["period"], row["name"], *_numbers(row), row["rule"], row["remark"]) for row in control.alerts]
        _plain(book, "点検", ("期間", "指標", "値", "下限", "上限", "規則", "分かったこと"), rows)
    if control.decisions:
        heads = ("始め", "内容", "担当", "期限", "動かす指標", "前後28日の差", "状態")
        _plain(book, "決定", heads, [tuple(row[field] for field in DECISION_FIELDS) for row in control.decisions])


def _numbers(row: dict[str, Any]) -> list[Measured | None]:
    """A row's numbers in the unit of its metric."""
    unit = BY_CODE[row["code"]].unit
    return [None if number is None else Measured(number, unit) for number in row["numbers"]]


def _figures(book: Any, name: str, key: str, rows: Sequence[Row]) -> None:
    """A table of the headline figures with a row of sums; rates of the whole are formulas over the sums."""
    sheet = book.add_worksheet(name)
    table = f"T_{book.worksheets().index(sheet)}"
    day = book.add_format({"num_format": DATES[Years.WESTERN], "align": "left"})
    columns: list[dict[str, Any]] = [{"header": key, "total_string": "計", "format": day}]
    for metric in HEADLINE:
        column: dict[str, Any] = {
            "header": head(metric, "ja"),
            "format": book.add_format({"num_format": NUMBERS.get(metric.unit, "#,##0")}),
        }
        if metric.code in SUMMED:
            column |= {"total_function": "sum", "total_formula": _subtotal(table, metric.code), "total_value": _sum(rows, metric.code)}
        elif metric.unit is Unit.RATIO and {metric.over, metric.under} <= SUMMED:
            column["total_function"] = f'=IFERROR({_subtotal(table, metric.over)}/{_subtotal(table, metric.under)},"")'
            column["total_formula"] = column["total_function"]
            share = ratio(_sum(rows, metric.over), _sum(rows, metric.under))
            column["total_value"] = "" if share is None else share
        columns.append(column)
    days = days_of(rows, {"日": Cut.DAY, "月曜": Cut.WEEK}.get(key))
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    columns = [column | {"header_format": wrapped} for column in columns]
    sheet.set_row(0, HEAD_HEIGHT)
    data = [[on or row.label, *(row.figures.value(metric.code) for metric in HEADLINE)] for on, row in zip(days, rows, strict=True)] or [
        ["", *[None] * len(HEADLINE)]
    ]
    sheet.add_table(
        0,
        0,
        len(data) + 1,
        len(HEADLINE),
        {"columns": columns, "data": data, "total_row": True, "name": table},
    )
    for place, column in enumerate(columns):  # with the table's name, which other programs than Excel need
        if "total_formula" in column:
            sheet.write_formula(len(data) + 1, place, column["total_formula"], column["format"], column["total_value"])
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, len(HEADLINE), 13)
    sheet.freeze_panes(1, 1)
    for_print(sheet, 0)


def _subtotal(table: str, code: str) -> str:
    """The sum of the rows that are shown."""
    return f"SUBTOTAL(109,{table}[{head(BY_CODE[code], 'ja')}])"


def _sum(rows: Sequence[Row], code: str) -> int:
    """What a program that does not reckon shows in the row of sums."""
    return sum(int(row.figures.value(code) or 0) for row in rows)


def _plain(book: Any, name: str, heads: Sequence[str], rows: Sequence[Sequence[Cell | Measured]], *shares: Reckoned) -> None:
    """A table of texts and numbers; `shares` are columns after them that the sheet reckons."""
    sheet = book.add_worksheet(name)
    number = book.add_format({"num_format": "#,##0"})
    data = [[cell.value if isinstance(cell, Measured) else cell for cell in row] for row in rows] or [[""] * len(heads)]
    share = book.add_format({"num_format": NUMBERS[Unit.RATIO]})
    columns = [{"header": text, "format": number} for text in heads]
    table = f"T_{book.worksheets().index(sheet)}"
    columns += [{"header": each.head, "formula": each.written(table), "format": share} for each in shares]
    sheet.add_table(0, 0, len(data), len(columns) - 1, {"columns": columns, "data": data, "name": table})
    for column, each in enumerate(shares, start=len(heads)):  # with what comes out, for programs that do not reckon
        for place, value in enumerate(each.values, start=1):
            sheet.write_formula(place, column, each.written(table), share, value)
    points = book.add_format({"num_format": PLAIN_RATIO})
    units = {unit: book.add_format({"num_format": form}) for unit, form in NUMBERS.items()}
    for place, row in enumerate(rows, start=1):
        for column, cell in enumerate(row):
            if isinstance(cell, Measured):
                is_less = cell.unit is Unit.RATIO and cell.value < 0  # a gap to a target
                sheet.write_number(place, column, cell.value, points if is_less else units.get(cell.unit, number))
    sheet.set_column(0, len(columns) - 1, 18)
    sheet.freeze_panes(1, 1)
    for_print(sheet, 0)
