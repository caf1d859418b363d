"""Right-party verification by blind matching: what the caller said against what is registered.

Pure; the registered value is never returned.

The caller names themselves; then one registered fact (birth date or address) must match. Dates are read in any usual style, addresses by
town and block numbers, names by their folded keys.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from callcenter.core.eras import parse_date
from callcenter.core.errors import InvalidInput
from callcenter.core.text import search_key

MAX_FAILURES = 3


class Method(StrEnum):
    """What the caller was asked for."""

    BIRTH_DATE = "birth_date"
    ADDRESS = "address"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Registered:
    """What the list knows of a debtor, as far as it can be asked for."""

    name: str
    name_kana: str
    birth_date: date | None
    address: str


_KANJI_DIGITS = {"〇": 0, "一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_KANJI_NUMBER = re.compile(r"([一二三四五六七八九]?十[一二三四五六七八九]?|[〇一二三四五六七八九]+)(?=丁目|番地|番|号)")
_BLOCK = re.compile(r"^(?P<town>\D*?)-?(?P<numbers>\d+(?:-\d+)*)")


def block_of(address: str) -> tuple[str, str] | None:
    """Town and block numbers: 架空市本町二丁目3番4号 and 架空市本町2-3-4 are both (架空市本町, 2-3-4)."""
    plain = unicodedata.normalize("NFKC", address)
    plain = _KANJI_NUMBER.sub(lambda found: str(_kanji_number(found[1])), plain)
    plain = re.sub(r"(?<=\d)(丁目|番地|番|号)の?", "-", plain)
    plain = re.sub(r"(?<=\d)\s+(?=\d)", "|", plain)  # a room number is no block number
    plain = re.sub(r"\s+", "", plain)
    plain = re.sub(r"(?<=\d)[‐‑‒–—―−ー－ｰ─ノの](?=\d)", "-", plain)
    plain = re.sub(r"-+", "-", plain)
    found = _BLOCK.match(plain)
    if found is None or not found["town"]:
        return None
    return search_key(found["town"].rstrip("-")), found["numbers"]


def methods_for(registered: Registered) -> tuple[Method, ...]:
    """What can be asked for, best first; empty when nothing that proves anything is registered."""
    known = {Method.BIRTH_DATE: registered.birth_date is not None, Method.ADDRESS: block_of(registered.address) is not None}
    return tuple(method for method, is_known in known.items() if is_known)


def matches(registered: Registered, method: Method, said: str) -> bool:
    """Whether what was said agrees with what is registered.

    Raises:
        InvalidInput: nothing was typed, or it can't be read as a date or an address: that is no failed try.
    """
    if not said.strip() or len(said) > 200:
        raise InvalidInput("相手が言った内容を入れてください。", code="nothing_said")
    if method is Method.BIRTH_DATE:
        return (day := parse_date(said)) is not None and day == registered.birth_date
    if method is Method.ADDRESS:
        return _same_address(registered.address, said)
    return search_key(said) in {search_key(registered.name), search_key(registered.name_kana)} - {""}


def _same_address(registered: str, said: str) -> bool:
    heard, known = block_of(said), block_of(registered)
    if heard is None:
        raise InvalidInput("住所として読めません。", hint="町名と番地を入れてください(例: 本町2-3-4)。", code="bad_address")
    if known is None:
        return False
    # The town may be said without its city, never without its own name.
    return len(heard[0]) >= 2 and known[0].endswith(heard[0]) and heard[1] == known[1]


def _kanji_number(text: str) -> int:
    if "十" in text:
        tens, _, ones = text.partition("十")
        return _KANJI_DIGITS.get(tens, 1) * 10 + _KANJI_DIGITS.get(ones, 0)
    return int("".join(str(_KANJI_DIGITS[digit]) for digit in text))
