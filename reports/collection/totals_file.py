"""The monthly totals as a CSV file: read whole or refused whole, with every problem named by row, column and value."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from callcenter.core.eras import parse_date, parse_year
from callcenter.core.errors import InvalidInput
from callcenter.core.money import parse_yen
from reports.collection.models import CARRIED_OVER, CURRENT, CollectionTotal

HEADS = ("年度", "年月", "税目", "区分", "調定額", "収入済額", "不納欠損額")
OPTIONAL = frozenset({"不納欠損額"})
VINTAGES = {
    "現年": CURRENT,
    "現年度": CURRENT,
    "現年課税分": CURRENT,
    "滞繰": CARRIED_OVER,
    "滞納繰越": CARRIED_OVER,
    "滞納繰越分": CARRIED_OVER,
}
MOST_ROWS, MOST_BYTES, MOST_PROBLEMS = 20_000, 4_000_000, 20
_MONTH = re.compile(r"(.*?\d)\s*(?:[-/.]|年)\s*(\d{1,2})\s*月?$")


@dataclass(frozen=True, slots=True)
class Total:
    """One row, checked."""

    fiscal_year: int
    month: date
    tax_code: str
    vintage: str
    assessed: int
    received: int
    written_off: int


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row (1 is the header), and what was expected."""

    row: int
    column: str
    value: str
    expected: str


def read_totals(data: bytes) -> tuple[list[Total], list[Problem]]:
    """The rows of a file (UTF-8 or CP932), and its problems; with any problem nothing should be taken.

    Raises:
        InvalidInput: no CSV that can be read, columns missing, or too large.
    """
    if len(data) > MOST_BYTES:
        raise InvalidInput("ファイルが大きすぎます。", hint=f"{MOST_BYTES // 1_000_000} MB、{MOST_ROWS:,}行までです。", code="too_large")
    rows = list(csv.reader(io.StringIO(_decoded(data), newline="")))
    heads = [unicodedata.normalize("NFKC", cell).strip() for cell in rows[0]] if rows else []
    if missing := [name for name in HEADS if name not in heads and name not in OPTIONAL]:
        raise InvalidInput(f"列がありません: {'、'.join(missing)}。", hint=f"1行目に見出しを書きます: {','.join(HEADS)}", code="columns")
    if len(rows) > MOST_ROWS:
        raise InvalidInput(f"行が多すぎます({len(rows):,}行)。", hint=f"{MOST_ROWS:,}行までに分けてください。", code="too_many_rows")
    totals: list[Total] = []
    problems: list[Problem] = []
    seen: dict[tuple[object, ...], int] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        reader = _Row(number, dict(zip(heads, row, strict=False)), problems)
        total = reader.total()
        if total is None:
            continue
        key = (total.fiscal_year, total.month, total.tax_code, total.vintage)
        if key in seen:
            problems.append(Problem(number, "年月", "", f"{seen[key]}行目と同じ年度・年月・税目・区分です。1つにしてください"))
            continue
        seen[key] = number
        totals.append(total)
    return totals, problems[:MOST_PROBLEMS]


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidInput("文字を読めません。", hint="UTF-8かShift_JIS(CP932)のCSVで保存してください。", code="encoding")


class _Row:
    """One row being read; what can't be read is added to `problems`."""

    def __init__(self, number: int, cells: dict[str, str], problems: list[Problem]) -> None:
        self.number, self.cells, self.problems = number, cells, problems
        self.is_bad = False

    def total(self) -> Total | None:
        year, month = self.year(), self.month()
        tax = unicodedata.normalize("NFKC", self.cells.get("税目", "")).strip()
        if not 1 <= len(tax) <= 20:
            self.wrong("税目", "税目のコードか名前(1〜20字)")
        vintage = VINTAGES.get(unicodedata.normalize("NFKC", self.cells.get("区分", "")).strip(), "")
        if not vintage:
            self.wrong("区分", "現年 または 滞繰")
        assessed, received, off = (self.yen(name) for name in HEADS[4:])
        if self.is_bad or year is None or month is None:
            return None
        if not date(year, 4, 1) <= month <= date(year + 1, 5, 1):
            self.wrong("年月", f"{year}年度の月({year}年4月から{year + 1}年5月まで)")
            return None
        return Total(year, month, tax, vintage, assessed, received, off)

    def wrong(self, column: str, expected: str) -> None:
        self.is_bad = True
        self.problems.append(Problem(self.number, column, self.cells.get(column, "")[:40], expected))

    def year(self) -> int | None:
        try:
            year = parse_year(self.cells.get("年度", "").strip().removesuffix("年度").removesuffix("度"))
        except InvalidInput:
            year = None
        if year is None:
            self.wrong("年度", "2026、令和8、R8 など")
        return year

    def month(self) -> date | None:
        text = unicodedata.normalize("NFKC", self.cells.get("年月", "")).strip()
        found = _MONTH.match(text)
        try:
            day = parse_date(f"{found[1]}年{found[2]}月1日" if found else text)
        except InvalidInput:
            try:
                day = parse_date(f"{found[1]}.{found[2]}.1") if found else None
            except InvalidInput:
                day = None
        if day is None:
            self.wrong("年月", "2026-10、2026/10、令和8年10月、R8.10 など")
        return day.replace(day=1) if day else None

    def yen(self, column: str) -> int:
        text = self.cells.get(column, "")
        try:
            value = parse_yen(text)
        except InvalidInput:
            value = None
        if value is None:
            if column in OPTIONAL and not text.strip():
                return 0
            self.wrong(column, "0以上の円の額(12,345 など)")
            return 0
        if not 0 <= value < 10**15:
            self.wrong(column, "0以上の円の額")
            return 0
        return value


def store_totals(session: Session, totals: list[Total], user_id: int | None, now: datetime) -> int:
    """Keeps the rows; a month that is there already is replaced. Returns how many."""
    names = ("assessed", "received", "written_off", "updated_by", "updated_at")
    for start in range(0, len(totals), 1000):
        rows = [
            {name: getattr(total, name) for name in Total.__dataclass_fields__}
            | {"office_id": office_of(session), "updated_by": user_id, "updated_at": now}
            for total in totals[start : start + 1000]
        ]
        statement = insert(CollectionTotal).values(rows)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["office_id", "fiscal_year", "month", "tax_code", "vintage"],
                set_={name: statement.excluded[name] for name in names},
            )
        )
    return len(totals)
