"""Typed values out of plain JSON; each refusal names the field by its path (`max_per_day`, `caps.2.most`). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from campaigns.attempts.codes import Channel
from campaigns.compliance.days import Hours, read_hours
from campaigns.compliance.known import CONTACT_CHANNELS

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class BadField(ValueError):
    """A value that can't be taken."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path, self.message = path, message


def guarded(path: str, read: Callable[[], T]) -> T:
    """What `read` gives; its complaint under this path."""
    try:
        return read()
    except BadField:
        raise
    except (ValueError, TypeError) as problem:
        raise BadField(path, str(problem)) from problem


def number(path: str, value: Any, least: int, most: int) -> int:
    """A whole number within bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise BadField(path, f"a whole number from {least} to {most} is needed")
    return value


def numbers(path: str, value: Any, allowed: Iterable[int]) -> frozenset[int]:
    """Several of the allowed numbers; nothing is none."""
    found = as_list(path, value or [])
    if any(isinstance(one, bool) or one not in allowed for one in found):
        raise BadField(path, f"expected some of {', '.join(map(str, allowed))}")
    return frozenset(found)


def switch(path: str, value: Any) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise BadField(path, "true or false is needed")
    return value


def word(path: str, value: Any, kind: type[E]) -> E:
    """One of an enumeration's words."""
    try:
        return kind(value)
    except ValueError as problem:
        raise BadField(path, f"expected one of {', '.join(kind)}") from problem


def channels(path: str, value: Any) -> frozenset[Channel]:
    """Channels by which people are contacted."""
    found = frozenset(word(path, one, Channel) for one in as_list(path, value))
    if not found <= CONTACT_CHANNELS:
        raise BadField(path, f"expected some of {', '.join(sorted(CONTACT_CHANNELS))}")
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
        raise BadField(path, "a list is needed")
    return list(value)


def table(path: str, value: Any) -> Mapping[str, Any]:
    """An object."""
    if not isinstance(value, Mapping):
        raise BadField(path, "an object is needed")
    return value
