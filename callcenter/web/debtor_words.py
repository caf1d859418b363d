"""Words for a debtor's codes, Japanese and English side by side."""

from __future__ import annotations

from collections.abc import Mapping

from callcenter.web import phrases

HOLDS: Mapping[int, tuple[str, str]] = {
    0: ("なし", "None"),
    1: ("執行停止", "Stopped"),
    2: ("徴収猶予", "Grace of collection"),
    3: ("換価猶予", "Grace of realisation"),
    4: ("差押中", "Seized"),
    5: ("破産・相続調査", "Bankruptcy or inheritance"),
    6: ("分納履行中", "Pays instalments"),
    9: ("要配慮", "Special care"),
}
MATCHES: Mapping[str, tuple[str, str]] = {
    "number": ("宛名番号", "Number"),
    "notice": ("通知書番号", "Notice"),
    "phone": ("電話番号", "Telephone"),
    "household": ("世帯番号", "Household"),
    "name": ("氏名", "Name"),
    "kana": ("カナ", "Reading"),
    "part": ("氏名・カナの一部", "Part of the name"),
}


def hold_word(hold: int, lang: str) -> str:
    """停止区分 in words; an unknown digit as it is."""
    return phrases.pick(lang, HOLDS.get(hold, (str(hold), str(hold))))
