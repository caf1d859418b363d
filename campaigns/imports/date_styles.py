"""Named ways of writing days and fiscal years, for layouts that restrict them or use one that can't be told from others by itself.

Without a restriction every unambiguous style is read (`callcenter.core.eras`). The styles marked as explicit are read only where a layout
names them: 070901 may be a 令和 date without its era, 45901 a spreadsheet's day number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from callcenter.core.eras import parse_date, parse_year
from callcenter.core.errors import InvalidInput

_ERA = "(?:令和|平成|昭和|大正|明治|[令平昭大明RHSTM])"
_SPREADSHEET_ZERO = date(1899, 12, 30)
_EMPTY = re.compile(r"^0*([-/.]0+){0,2}$")


@dataclass(frozen=True)
class Style:
    """One way of writing: its name, an example with its meaning, its shape, and whether only a layout that names it reads it."""

    name: str
    example: str
    pattern: re.Pattern[str]
    is_explicit: bool = False


def _styles(*styles: tuple[str, str, str] | tuple[str, str, str, bool]) -> dict[str, Style]:
    return {style[0]: Style(style[0], style[1], re.compile(style[2]), len(style) > 3) for style in styles}


DATE_STYLES = _styles(
    ("iso", "2025-09-01", r"^\d{4}-\d{1,2}-\d{1,2}([T ]00:00(:00(\.0+)?)?)?$"),
    ("digits", "20250901", r"^\d{8}$"),
    ("slash", "2025/9/1", r"^\d{4}/\d{1,2}/\d{1,2}([T ]00:00(:00(\.0+)?)?)?$"),
    ("dots", "2025.9.1", r"^\d{4}\.\d{1,2}\.\d{1,2}$"),
    ("kanji", "2025年9月1日", r"^\d{4}年\d{1,2}月\d{1,2}日$"),
    ("era_kanji", "令和7年9月1日", rf"^{_ERA}(元|\d{{1,2}})年\d{{1,2}}月\d{{1,2}}日$"),
    ("era_dots", "R7.9.1", rf"^{_ERA}(元|\d{{1,2}})([./-])\d{{1,2}}\2\d{{1,2}}$"),
    ("era_letter", "R070901", r"^[RHSTM]\d{6}$"),
    ("era_digits", "5070901", r"^[1-5]\d{6}$"),
    ("reiwa_digits", "070901", r"^\d{5,6}$", True),
    ("reiwa_dots", "7.9.1", r"^\d{1,2}([./-])\d{1,2}\1\d{1,2}$", True),
    ("spreadsheet", "45901", r"^\d{5}$", True),
)
YEAR_STYLES = _styles(
    ("western", "2025", r"^\d{4}(年度?)?$"),
    ("era", "令和7", rf"^{_ERA}\.?(元|\d{{1,2}})(年度?)?$"),
    ("era_digits", "507", r"^[1-5]\d{2}$", True),
    ("reiwa_digits", "07", r"^\d{1,2}$", True),
)
_YEAR_ERAS = {"5": "令和", "4": "平成", "3": "昭和", "2": "大正", "1": "明治"}


def _plain(text: str) -> str:
    return re.sub(r"(?<!\d)\s+|\s+(?!\d)", "", unicodedata.normalize("NFKC", text).strip().upper())


def _day_in(style: str, plain: str) -> date | None:
    if style == "reiwa_digits":
        digits = plain.zfill(6)
        return parse_date(f"R{digits}")
    if style == "reiwa_dots":
        return parse_date(f"R{plain}")
    if style == "spreadsheet":
        return _SPREADSHEET_ZERO + timedelta(days=int(plain))
    return parse_date(plain)


def parse_styled_date(text: str | None, styles: Iterable[str]) -> date | None:
    """The day written in `text` in the first of `styles` that has its shape; None when empty or an empty value such as 00000000.

    Raises InvalidInput (code bad_date) for every other writing.
    """
    plain = _plain(text or "")
    if _EMPTY.match(plain):
        return None
    for name in styles:
        if DATE_STYLES[name].pattern.match(plain):
            return _day_in(name, plain)
    raise InvalidInput(
        "日付として読めません。",
        hint=f"このレイアウトの書き方: {'、'.join(DATE_STYLES[name].example for name in styles)}",
        code="bad_date",
    )


def parse_styled_year(text: str | None, styles: Iterable[str]) -> int | None:
    """The western year written in `text` in the first of `styles` that has its shape; None when empty or zeros only.

    Raises InvalidInput (code bad_year) for every other writing.
    """
    plain = _plain(text or "")
    if not plain.strip("0"):
        return None
    for name in styles:
        if not YEAR_STYLES[name].pattern.match(plain):
            continue
        if name == "era_digits":
            return parse_year(f"{_YEAR_ERAS[plain[0]]}{plain[1:]}")
        return parse_year(f"令和{plain}" if name == "reiwa_digits" else plain)
    raise InvalidInput(
        "年度として読めません。",
        hint=f"このレイアウトの書き方: {'、'.join(YEAR_STYLES[name].example for name in styles)}",
        code="bad_year",
    )


def date_styles_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The styles in which these texts are days, commonest first; explicit ones only where no other fits any text. Empty: no days."""
    return _told(texts, DATE_STYLES, lambda text, style: parse_styled_date(text, (style,)))


def year_styles_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The styles in which these texts are fiscal years, as `date_styles_of` does for days."""
    return _told(texts, YEAR_STYLES, lambda text, style: parse_styled_year(text, (style,)))


def _told(texts: Iterable[str], styles: dict[str, Style], parse: Callable[[str, str], object]) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for text in texts:
        for name in styles:
            try:
                if parse(text, name) is not None:
                    counts[name] = counts.get(name, 0) + 1
            except InvalidInput:
                continue
    usual = {name: count for name, count in counts.items() if not styles[name].is_explicit}
    found = usual or counts
    return tuple(sorted(found, key=lambda name: -found[name]))
