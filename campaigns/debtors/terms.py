"""What somebody typed into the search field, read as everything it may mean. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from callcenter.core.errors import InvalidInput
from callcenter.core.phones import plain
from callcenter.core.text import kana_key, search_key

MAX_TEXT = 80
LONGEST_CODE = 20  # a code is looked for with as many leading zeros as this many digits leave
SHORTEST_PHONE = 4
_NUMBER = re.compile(r"[+\d()\-. ]*\d[\d()\-. ]*")


@dataclass(frozen=True, slots=True)
class Terms:
    """The readings of a search: `codes` (宛名番号, 通知書番号, 世帯番号), `digits` of a telephone number, keys of a name."""

    codes: tuple[str, ...] = ()
    digits: str = ""
    name: str = ""
    kana: str = ""

    @property
    def phone_ends(self) -> tuple[str, ...]:
        """What the number in E.164 may end with: the digits, without the 0 or the 81 that a whole number begins with."""
        if len(self.digits) < SHORTEST_PHONE:
            return ()
        ends = [self.digits]
        if len(self.digits) >= 10 and self.digits.startswith(("0", "81")):
            ends.append(self.digits[2:] if self.digits.startswith("81") else self.digits[1:])
        return tuple(ends)


def read_terms(text: str) -> Terms:
    """Digits are codes and telephone numbers; letters are a name or a reading; both together may also be a code.

    Raises:
        InvalidInput: nothing was typed, or more than a name is long.
    """
    typed = unicodedata.normalize("NFKC", text).replace("\x00", "").strip()
    if not typed:
        raise InvalidInput("探す言葉を入れてください。", hint="宛名番号、氏名、カナ、電話番号のどれかです。", code="search_empty")
    if len(typed) > MAX_TEXT:
        raise InvalidInput("言葉が長すぎます。", hint=f"{MAX_TEXT}文字までです。", code="search_long")
    as_number = plain(typed)
    if _NUMBER.fullmatch(as_number):
        digits = re.sub(r"\D", "", as_number)
        return Terms(_codes(digits, "".join(as_number.split())), digits)
    code = "".join(typed.split())
    has_digit = any(letter.isdigit() for letter in code)
    return Terms(tuple(dict.fromkeys((code, code.upper()))) if has_digit or code.isascii() else (), "", search_key(typed), kana_key(typed))


def _codes(digits: str, typed: str) -> tuple[str, ...]:
    """The code as typed, and its number with every count of leading zeros."""
    core = digits.lstrip("0") or "0"
    padded = (core.zfill(length) for length in range(len(core), LONGEST_CODE + 1))
    return tuple(dict.fromkeys((typed, digits, *padded)))


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a search is narrowed to; empty means everything. Amounts are whole yen of unpaid tax over all open terms.

    `hold`: any, none, or a digit of 停止区分. `status`: listed or not_listed.
    """

    tax_code: str = ""
    least: int | None = None
    most: int | None = None
    hold: str = ""
    channel: str = ""
    status: str = ""

    def document(self) -> dict[str, Any]:
        """As JSON, without what is empty."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) not in ("", None)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Narrowing:
        """The other way round; unknown names are left out."""
        return cls(**{name: document[name] for name in cls.__slots__ if name in document})


def escape_like(key: str) -> str:
    """`key` as a literal within LIKE."""
    return key.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
