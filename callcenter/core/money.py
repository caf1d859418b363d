"""Whole yen: reading what files and forms write, and writing it for people. Never negative, never a fraction."""

from __future__ import annotations

import re
import unicodedata

from callcenter.core.errors import InvalidInput

MAX_YEN = 999_999_999_999
_DIGITS = re.compile(r"^(?:\d{1,3}(?:,\d{3})+|\d+)$")
_SIGNED = re.compile(r"^(?:[-−▲△]|\(.*\)$)|-$")
_FRACTION = re.compile(r"^[\d,]*\.\d+$")


def _bad(message: str, code: str) -> InvalidInput:
    return InvalidInput(message, hint="0 以上の円単位の整数で書いてください(例: 12000、12,000、12,000円)。", code=code)


def parse_yen(text: str | None) -> int | None:
    """Yen written as digits, full-width digits, with thousands commas, 円 or ¥; None when empty.

    Raises InvalidInput: negative_amount, fraction_amount, amount_too_large (above 999,999,999,999) or bad_amount.
    """
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text or ""))
    if not plain:
        return None
    plain = plain.removeprefix("¥").removeprefix("\\").removesuffix("円").removeprefix("¥")
    if _DIGITS.match(plain):
        yen = int(plain.replace(",", ""))
        if yen > MAX_YEN:
            raise _bad("金額が大きすぎます。", "amount_too_large")
        return yen
    if _SIGNED.search(plain):
        raise _bad("金額が負の数です。", "negative_amount")
    if _FRACTION.match(plain):
        raise _bad("金額に小数があります。", "fraction_amount")
    raise _bad("金額として読めません。", "bad_amount")


def format_yen(yen: int) -> str:
    """`yen` as 12,000円."""
    return f"{yen:,}円"
