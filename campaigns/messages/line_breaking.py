"""Lines as a phone breaks them: Japanese line breaking (行頭・行末禁則), numbers kept whole, half-width signs half as wide. Pure."""

from __future__ import annotations

import re
import unicodedata

# JIS X 4051: what does not begin a line, and what does not end one.
NOT_AT_START = frozenset(
    "、。，．・：；？！゛゜ヽヾゝゞ々ー）］｝〕〉》」』】’”ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ,.!?:;)]}｡｣､ｰﾞﾟ%‰℃"
)
NOT_AT_END = frozenset("（［｛〔〈《「『【‘“([{｢¥￥$＄")
_WHOLE = re.compile(r"[0-9A-Za-z+\-./:@_]+|.", re.DOTALL)


def width_of(text: str) -> int:
    """In half-width columns."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WFA" else 1 for sign in text if not unicodedata.combining(sign))


def break_lines(text: str, columns: int = 34) -> list[str]:
    """The text's lines on a screen of so many half-width columns."""
    lines: list[str] = []
    for paragraph in text.replace("\r\n", "\n").split("\n"):
        lines += _lines_of(_pieces(paragraph, columns), columns)
    return lines


def _pieces(paragraph: str, columns: int) -> list[str]:
    """What is never broken: a sign with those that may not begin a line after it, or may not end one before it; a number; a word."""
    pieces: list[str] = []
    for found in _WHOLE.finditer(paragraph):
        piece = found[0]
        while width_of(piece) > columns:  # longer than any line: broken all the same
            pieces.append(piece[:columns])
            piece = piece[columns:]
        is_bound = pieces and (piece[0] in NOT_AT_START or pieces[-1][-1] in NOT_AT_END)
        if is_bound and width_of(pieces[-1] + piece) <= columns:
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces


def _lines_of(pieces: list[str], columns: int) -> list[str]:
    lines = [""]
    for piece in pieces:
        if width_of(lines[-1] + piece) > columns and lines[-1]:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip(" ") for line in lines]
