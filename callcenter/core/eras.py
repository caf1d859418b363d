"""Japanese era dates (和暦) and the western ones beside them: reading every style a core system writes, and writing the usual ones."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from callcenter.core.errors import InvalidInput


@dataclass(frozen=True)
class Era:
    """One era: its digit in core systems' seven-digit dates, its letter, its name and its first day."""

    digit: str
    letter: str
    name: str
    first: date
    last_year: int | None  # number of its last year; None while it runs


# Days before an era's first day do not belong to it. Days after its end but in its last year do: papers of 2019 say 平成31年6月30日.
ERAS: tuple[Era, ...] = (
    Era("5", "R", "令和", date(2019, 5, 1), None),
    Era("4", "H", "平成", date(1989, 1, 8), 31),
    Era("3", "S", "昭和", date(1926, 12, 25), 64),
    Era("2", "T", "大正", date(1912, 7, 30), 15),
    Era("1", "M", "明治", date(1868, 1, 25), 45),
)
_BY_KEY: dict[str, Era] = {key: era for era in ERAS for key in (era.digit, era.letter, era.name, era.name[0])}

_EMPTY = re.compile(r"^0*([-/.]0+){0,2}$")
_WESTERN = re.compile(
    r"^(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})|年(\d{1,2})月(\d{1,2})日|(\d{2})(\d{2}))$"
)
_ERA_COMPACT = re.compile(r"^([1-5RHSTM])(\d{2})(\d{2})(\d{2})$")
_ERA_PARTS = re.compile(r"^(令和|平成|昭和|大正|明治|[令平昭大明RHSTM])(元|\d{1,2})(?:年|[./-])(\d{1,2})(?:月|[./-])(\d{1,2})日?$")
_MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0+)?)?$")
_WESTERN_YEAR = re.compile(r"^(\d{4})(?:年度?)?$")
_ERA_YEAR = re.compile(r"^(令和|平成|昭和|大正|明治|[令平昭大明RHSTM])\.?(元|\d{1,2})(?:年度?)?$")


def _normal(text: str) -> str:
    """Half-width, upper case, no spaces between the parts; a midnight time after an ISO date is dropped."""
    plain = unicodedata.normalize("NFKC", text).strip().upper()
    return re.sub(r"\s+", "", _MIDNIGHT.sub("", plain))


def _bad_date(text: str) -> InvalidInput:
    return InvalidInput(
        "日付として読めません。",
        hint="2025-09-01、20250901、2025/9/1、令和7年9月1日、R7.9.1、R070901、5070901 のいずれかで書いてください。",
        code="bad_date",
    )


def _era_year(era: Era, number: str) -> int:
    """The western year of an era's year; ValueError when the era has no such year."""
    year = 1 if number == "元" else int(number)
    if year < 1 or (era.last_year is not None and year > era.last_year):
        raise ValueError("no such year of the era")
    return era.first.year + year - 1


def _era_date(key: str, number: str, month: str, day: str) -> date:
    era = _BY_KEY[key]
    found = date(_era_year(era, number), int(month), int(day))
    if found < era.first:
        raise ValueError("before the era began")
    return found


def parse_date(text: str | None) -> date | None:
    """The day written in `text`; None when it is empty or one of the core systems' empty values (0000-00-00, 00000000).

    Reads ISO, YYYYMMDD, YYYY/M/D, 2025年9月1日, 令和7年9月1日, 令和元年5月1日, R7.9.1, R070901 and 5070901, full-width or not.
    Raises InvalidInput (code bad_date) for anything else, days that do not exist, and years an era never had.
    """
    plain = _normal(text or "")
    if _EMPTY.match(plain):
        return None
    try:
        if found := _WESTERN.match(plain):
            year, month, day = (int(part) for part in found.groups() if part is not None)
            return date(year, month, day)
        if found := _ERA_COMPACT.match(plain) or _ERA_PARTS.match(plain):
            return _era_date(*found.groups())
    except ValueError:
        raise _bad_date(plain) from None
    raise _bad_date(plain)


def parse_year(text: str | None) -> int | None:
    """The western year of 令和7, 令和7年度, R7, R07, 2025 or 2025年度; None when empty.

    Raises InvalidInput (code bad_year) for anything else and for years outside 1868–2199.
    """
    plain = _normal(text or "")
    if not plain or set(plain) == {"0"}:
        return None
    try:
        if found := _WESTERN_YEAR.match(plain):
            year = int(found[1])
        elif found := _ERA_YEAR.match(plain):
            year = _era_year(_BY_KEY[found[1]], found[2])
        else:
            raise ValueError("no style of ours")
        if not 1868 <= year <= 2199:
            raise ValueError("out of range")
    except ValueError:
        raise InvalidInput(
            "年度として読めません。", hint="2025、令和7、令和7年度、R7、R07 のいずれかで書いてください。", code="bad_year"
        ) from None
    return year


def era_of(day: date) -> Era:
    """The era `day` belongs to; ValueError before 明治."""
    for era in ERAS:
        if day >= era.first:
            return era
    raise ValueError("no era before 1868-01-25")


def format_era(day: date) -> str:
    """`day` as 令和7年9月1日; the first year is 元年."""
    era = era_of(day)
    year = day.year - era.first.year + 1
    return f"{era.name}{'元' if year == 1 else year}年{day.month}月{day.day}日"


def format_era_short(day: date) -> str:
    """`day` as R7.9.1."""
    era = era_of(day)
    return f"{era.letter}{day.year - era.first.year + 1}.{day.month}.{day.day}"


def format_era_digits(day: date) -> str:
    """`day` as 5070901, the seven digits of older core systems."""
    era = era_of(day)
    return f"{era.digit}{day.year - era.first.year + 1:02d}{day.month:02d}{day.day:02d}"


def format_fiscal_year(year: int) -> str:
    """The fiscal year beginning in April of `year` as 令和7年度; 2019 is 令和元年度, as offices print it."""
    era = era_of(date(year, 12, 31))
    number = year - era.first.year + 1
    return f"{era.name}{'元' if number == 1 else number}年度"


def fiscal_year(day: date) -> int:
    """The year in whose April the fiscal year (年度) of `day` began."""
    return day.year if day.month >= 4 else day.year - 1
