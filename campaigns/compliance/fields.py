"""Typed values out of plain JSON; each refusal names the field by its path (`max_per_day`, `caps.2.most`). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from campaigns.attempts.codes import Channel
from campaigns.compliance.days import BadText, Hours, read_hours
from campaigns.compliance.known import CONTACT_CHANNELS

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class BadField(ValueError):
    """A value that can't be taken: which, and what was expected, in both languages."""

    def __init__(self, path: str, en: str, ja: str) -> None:
        super().__init__(f"{path}: {en}")
        self.path, self.en, self.ja = path, en, ja

    def told(self, lang: str) -> str:
        """What was expected, in one language."""
        return self.en if lang == "en" else self.ja


def guarded(path: str, read: Callable[[], T]) -> T:
    """What `read` gives; its complaint under this path."""
    try:
        return read()
    except BadField:
        raise
    except BadText as problem:
        raise BadField(path, problem.en, problem.ja) from problem
    except (ValueError, TypeError) as problem:
        raise BadField(path, "it can't be read", "読めない書き方です") from problem


def number(path: str, value: Any, least: int, most: int) -> int:
    """A whole number within bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise BadField(path, f"a whole number from {least} to {most} is needed", f"{least}〜{most}の整数で入れてください")
    return value


def numbers(path: str, value: Any, allowed: Iterable[int]) -> frozenset[int]:
    """Several of the allowed numbers; nothing is none."""
    found = as_list(path, value or [])
    if any(isinstance(one, bool) or one not in allowed for one in found):
        raise BadField(path, f"expected some of {', '.join(map(str, allowed))}", "選べない値があります")
    return frozenset(found)


def switch(path: str, value: Any) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise BadField(path, "true or false is needed", "はい・いいえのどちらかです")
    return value


def word(path: str, value: Any, kind: type[E]) -> E:
    """One of an enumeration's words."""
    try:
        return kind(value)
    except ValueError as problem:
        raise BadField(path, f"expected one of {', '.join(kind)}", "選べない値です") from problem


def channels(path: str, value: Any) -> frozenset[Channel]:
    """Channels by which people are contacted."""
    found = frozenset(word(path, one, Channel) for one in as_list(path, value))
    if not found <= CONTACT_CHANNELS:
        raise BadField(path, f"expected some of {', '.join(sorted(CONTACT_CHANNELS))}", "連絡の手段ではありません")
    return found


def hours(path: str, value: Any) -> tuple[Hours, ...]:
    """Hours of a day."""
    return guarded(path, lambda: read_hours(str(value)))


def day(path: str, value: Any) -> date | None:
    """An ISO date, or none."""
    return None if value in (None, "") else guarded(path, lambda: date.fromisoformat(str(value)))


def as_list(path: str, value: Any) -> list[Any]:
    """A list."""
    if not isinstance(value, list | tuple):
        raise BadField(path, "a list is needed", "一覧の形ではありません")
    return list(value)


def table(path: str, value: Any) -> Mapping[str, Any]:
    """An object."""
    if not isinstance(value, Mapping):
        raise BadField(path, "an object is needed", "項目の形ではありません")
    return value
