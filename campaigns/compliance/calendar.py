"""The office's own days: declared one by one or for a span, read from a year's list, and shown by month."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from callcenter.core.eras import parse_date
from callcenter.core.errors import InvalidInput
from campaigns.compliance.days import DayKind, DeclaredDay, hours_text, time_text
from campaigns.compliance.documents import day_document, read_day
from campaigns.compliance.fields import BadField
from campaigns.compliance.models import CalendarDay

MOST_DAYS, MOST_LINES, MOST_BYTES = 62, 2_000, 500_000
KIND_WORDS: Mapping[str, DayKind] = {
    "閉庁": DayKind.CLOSED,
    "閉庁日": DayKind.CLOSED,
    "休み": DayKind.CLOSED,
    "closed": DayKind.CLOSED,
    "夜間": DayKind.EVENING,
    "夜間窓口": DayKind.EVENING,
    "evening": DayKind.EVENING,
    "開庁": DayKind.OPEN,
    "休日開庁": DayKind.OPEN,
    "休日窓口": DayKind.OPEN,
    "open": DayKind.OPEN,
}
HEADERS: Mapping[str, str] = {
    "日付": "day",
    "date": "day",
    "day": "day",
    "区分": "kind",
    "種別": "kind",
    "kind": "kind",
    "時間": "hours",
    "時間帯": "hours",
    "hours": "hours",
    "名称": "name",
    "備考": "name",
    "name": "name",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A line of a list that can't be taken."""

    line: int
    column: str
    value: str
    en: str
    ja: str


@dataclass(frozen=True, slots=True)
class DayList:
    """A year's list as it was read: its days, and what is wrong with it; with any problem nothing is taken."""

    days: Mapping[date, DeclaredDay]
    problems: Sequence[Problem]


def declare(session: Session, days: Mapping[date, DeclaredDay], user_id: int | None, now: datetime) -> int:
    """Declares days; a day that was declared before is told anew. Returns how many."""
    rows = [
        {
            "day": day,
            "kind": told.kind.value,
            "name": told.name,
            "hours": hours_text(told.hours),
            "until": time_text(told.until) if told.until is not None else "",
            "channels": day_document(told)["channels"],
            "declared_by": user_id,
            "declared_at": now,
        }
        for day, told in sorted(days.items())
    ]
    if rows:
        statement = insert(CalendarDay)
        changed = {name: statement.excluded[name] for name in rows[0] if name != "day"}
        session.execute(statement.on_conflict_do_update(index_elements=["office_id", "day"], set_=changed), rows)
    return len(rows)


def take_back(session: Session, days: Sequence[date]) -> int:
    """Takes declarations back: the usual rule holds again. Returns how many there were."""
    return len(session.scalars(delete(CalendarDay).where(CalendarDay.day.in_(days)).returning(CalendarDay.id)).all())


def declared_between(session: Session, first: date, last: date) -> Sequence[CalendarDay]:
    """Declared days of a span, in order."""
    between = select(CalendarDay).where(CalendarDay.day >= first, CalendarDay.day <= last)
    return session.scalars(between.order_by(CalendarDay.day)).all()


def span_of_days(first: date, last: date, told: DeclaredDay, weekdays: frozenset[int] = frozenset()) -> dict[date, DeclaredDay]:
    """One declaration for every day of a span, or for its days on some weekdays.

    Raises:
        InvalidInput: the span ends before it begins, or is longer than two months.
    """
    if last < first:
        raise InvalidInput("終わりの日が始まりの日より前です。", hint="日付を確かめてください。", code="bad_span")
    if (last - first).days >= MOST_DAYS:
        raise InvalidInput(f"一度に宣言できるのは{MOST_DAYS}日までです。", hint="くり返す日は規則で書けます。", code="bad_span")
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return {day: told for day in days if not weekdays or day.weekday() in weekdays}


def read_list(data: bytes) -> DayList:
    """Reads a year's list (CSV, UTF-8 or CP932): 日付, 区分, and if it has them 時間 and 名称.

    Raises:
        InvalidInput: no text, no such columns, or far too long.
    """
    if len(data) > MOST_BYTES:
        raise InvalidInput("ファイルが大きすぎます。", hint=f"{MOST_BYTES // 1000}KBまでです。", code="list_too_long")
    rows = list(csv.reader(io.StringIO(_decoded(data), newline="")))
    columns = [HEADERS.get(name.strip().lstrip("\ufeff").lower(), "") for name in rows[0]] if rows else []
    if not {"day", "kind"} <= set(columns):
        raise InvalidInput(
            "見出しに「日付」と「区分」がありません。", hint="一行目を 日付,区分,時間,名称 にしてください。", code="list_headers"
        )
    if len(rows) > MOST_LINES:
        raise InvalidInput(f"行が多すぎます。{MOST_LINES}行までです。", code="list_too_long")
    days: dict[date, DeclaredDay] = {}
    problems: list[Problem] = []
    for line, row in enumerate(rows[1:], start=2):
        cells = {column: cell.strip() for column, cell in zip(columns, row, strict=False) if column}
        if any(cells.values()):
            _read_line(line, cells, days, problems)
    return DayList(days, problems)


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidInput("文字を読めません。", hint="UTF-8 か Shift_JIS(CP932)のCSVにしてください。", code="list_encoding")


def _read_line(line: int, cells: Mapping[str, str], days: dict[date, DeclaredDay], problems: list[Problem]) -> None:
    told = cells.get("day", "")
    try:
        day = parse_date(told)
    except InvalidInput:
        day = None
    if day is None:
        problems.append(Problem(line, "日付", told, "this is no date", "日付として読めません"))
        return
    kind = KIND_WORDS.get(cells.get("kind", "").lower())
    if kind is None:
        message = f"expected one of {', '.join(KIND_WORDS)}"
        problems.append(Problem(line, "区分", cells.get("kind", ""), message, "閉庁・夜間・開庁のどれかです"))
        return
    if day in days:
        problems.append(Problem(line, "日付", told, "this day stands twice in the list", "同じ日が二度あります"))
        return
    hours = cells.get("hours", "")
    until = hours.lstrip("-〜~～ ") if kind is DayKind.EVENING and hours[:1] in tuple("-〜~～") else ""
    try:
        days[day] = read_day("day", {"kind": kind, "hours": "" if until else hours, "until": until, "name": cells.get("name", "")})
    except BadField as problem:
        problems.append(Problem(line, "時間", hours, problem.en, problem.ja))


def as_list(days: Sequence[CalendarDay]) -> bytes:
    """Declared days as a list that can be loaded again: CSV, UTF-8 with BOM."""
    words = {DayKind.CLOSED: "閉庁", DayKind.EVENING: "夜間", DayKind.OPEN: "開庁"}
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["日付", "区分", "時間", "名称"])
    for row in days:
        name = f"'{row.name}" if row.name[:1] in tuple("=+-@\t\r＝＋－＠") else row.name
        writer.writerow([row.day.isoformat(), words[DayKind(row.kind)], f"〜{row.until}" if row.until else row.hours, name])
    return ("\ufeff" + out.getvalue()).encode("utf-8")
