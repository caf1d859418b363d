"""Reads single values of a rule set's document, noting every mistake with its position."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any as Json
from typing import NoReturn, TypeVar

from campaigns.segmentation.problems import Problem

CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
OWN_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")  # codes of experiments, templates and scripts
MAX_TEXT = 200
T = TypeVar("T")


class Refused(Exception):
    """The mistake has been noted; what holds it goes on with the next."""


class ValueReader:
    """`problems` are the mistakes so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.rule_number, self.rule_code = 0, ""

    def refuse(
        self, code: str, where: str, value: object = "", expected: Sequence[object] = (), attribute: str = "", **fields: object
    ) -> NoReturn:
        """Notes a mistake and leaves what holds it."""
        shown = value if isinstance(value, str) else repr(value)
        words = tuple(str(word) for word in expected)
        self.problems.append(Problem(code, where, self.rule_number, self.rule_code, attribute, shown[:80], words, fields))
        raise Refused

    def each(self, rows: Sequence[object], where: str, read: Callable[[object, str], T]) -> list[T]:
        """Reads every element that can be read."""
        found: list[T] = []
        for number, row in enumerate(rows):
            with suppress(Refused):
                found.append(read(row, f"{where}[{number}]"))
        return found

    def attempt(self, read: Callable[[], T]) -> T | None:
        """What is read, or None when it can't be."""
        with suppress(Refused):
            return read()
        return None

    def mapping(self, value: object, where: str, known: set[str] | None, required: Sequence[str] = ()) -> Mapping[str, Json]:
        """An object with known fields only (None: any)."""
        if not isinstance(value, Mapping):
            self.refuse("no_object", where, value)
        for key in value:
            if not isinstance(key, str) or (known is not None and key not in known):
                self.refuse("unknown_field", where, key, sorted(known or ()))
        for name in required:
            if name not in value:
                self.refuse("missing_field", where, name)
        return value

    def sequence(self, value: object, where: str) -> Sequence[object]:
        """A list."""
        if not isinstance(value, list | tuple):
            self.refuse("no_list", where, value)
        return value

    def whole(self, value: object, where: str, lowest: int, highest: int, attribute: str = "") -> int:
        """A whole number within limits."""
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            self.refuse("bad_whole", where, value, attribute=attribute, lowest=lowest, highest=highest)
        return value

    def text(self, value: object, where: str, highest: int = MAX_TEXT, attribute: str = "") -> str:
        """A text that the database can hold."""
        if not isinstance(value, str) or len(value) > highest or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value):
            self.refuse("bad_text", where, value, attribute=attribute, highest=highest)
        return value

    def word(self, value: object, where: str, attribute: str, choices: Sequence[str]) -> str:
        """A text that is not empty, and one of the choices where there are some."""
        word = self.text(value, where, attribute=attribute)
        if choices and word not in choices:
            self.refuse("not_a_choice", where, word, choices, attribute)
        if not word:
            self.refuse("empty_text", where, attribute=attribute)
        return word

    def code(self, value: object, where: str) -> str:
        """A code of ours."""
        if not isinstance(value, str) or not CODE.fullmatch(value):
            self.refuse("bad_code", where, value, ("small letters, digits and underscores, beginning with a letter, at most 40",))
        return value

    def own_code(self, value: object, where: str, *, is_required: bool = False) -> str:
        """A code of somebody else's; empty unless it is required."""
        if value == "" and not is_required:
            return ""
        if not isinstance(value, str) or not OWN_CODE.fullmatch(value):
            self.refuse("bad_code", where, value, ("letters, digits, underscores, points and hyphens, at most 40",))
        return value
