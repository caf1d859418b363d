"""Everything an office can settle for itself, in one table: what other rooms read from `Office.options`, with type, default and limits.

Words are in the locale files, in [office_option], [office_help] and [office_choice], by the option's key. Limits and defaults are those of
the rooms that read them, so that page, command line and rooms can't disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData

from callcenter.auth.models import Role
from callcenter.auth.terms import KEY as ACCESS
from callcenter.auth.terms import AccessTerms
from callcenter.core.errors import AppError, InvalidInput
from campaigns.messages.terms import CHOICES, PRICES, BatchTerms
from campaigns.messages.terms import KEY as BATCHES
from campaigns.messages.terms import RANGES as BATCH_RANGES
from campaigns.payments.charges import Rounding
from campaigns.planning.versions import FOUR_EYES
from campaigns.promises.terms import RANGES as PROMISE_RANGES
from campaigns.promises.terms import Terms
from dialer.recordings.terms import LONGEST_DAYS, OfficeTerms

WHOLE, YEN, CHOICE, SWITCH, ROLES = "whole", "yen", "choice", "switch", "roles"
RECORDINGS = "recordings"


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to settle.

    Attributes:
        group: the section of the page.
        path: where it is in the office's options.
        kind: whole (a number from `low` to `high`), yen (hundredths of a yen are kept), choice, switch, roles.
        default: what holds where nothing was settled, as it is kept.
    """

    group: str
    path: tuple[str, ...]
    kind: str
    default: Any
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its name in forms and locale files."""
        return "_".join(self.path)


def _of_promises() -> Iterable[Option]:
    for name, (low, high) in PROMISE_RANGES.items():
        yield Option("promises", (name,), WHOLE, getattr(Terms(), name), low, high)
    yield Option("promises", ("rounding",), CHOICE, Rounding.SEGMENT.value, choices=tuple(each.value for each in Rounding))


def _of_batches() -> Iterable[Option]:
    usual = BatchTerms()
    for name, choices in CHOICES.items():
        yield Option("batches", (BATCHES, name), CHOICE, getattr(usual, name), choices=choices)
    for name, (low, high) in BATCH_RANGES.items():
        yield Option("batches", (BATCHES, name), WHOLE, getattr(usual, name), low, high)
    for name in PRICES:
        yield Option("batches", (BATCHES, name), YEN, getattr(usual, name), 0, 9_999)


def _of_access() -> Iterable[Option]:
    usual = AccessTerms()
    yield Option("access", (ACCESS, "second_factor_roles"), ROLES, (), choices=tuple(role.value for role in Role))
    yield Option("access", (ACCESS, "lock_minutes"), WHOLE, usual.lock_minutes, 0, 60)
    yield Option("access", (ACCESS, "reads_per_minute"), WHOLE, usual.reads_per_minute, 5, 300)
    yield Option("access", (ACCESS, "reads_per_hour"), WHOLE, usual.reads_per_hour, 20, 5_000)


def _of_recordings() -> Iterable[Option]:
    usual = OfficeTerms()
    yield Option("recordings", (RECORDINGS, "keep_days"), WHOLE, usual.keep_days, 1, LONGEST_DAYS)
    yield Option("recordings", (RECORDINGS, "open_minutes"), WHOLE, usual.open_minutes, 1, 480)
    yield Option("recordings", (RECORDINGS, "shows_supervision"), SWITCH, usual.shows_supervision)
    yield Option("recordings", (RECORDINGS, "shows_reviews"), SWITCH, usual.shows_reviews)


OPTIONS: tuple[Option, ...] = (
    *_of_promises(),
    *_of_batches(),
    Option("rules", (FOUR_EYES,), SWITCH, default=True),
    *_of_recordings(),
    *_of_access(),
)
GROUPS = tuple(dict.fromkeys(option.group for option in OPTIONS))
ELSEWHERE = ("review_criteria", "retention")  # lists of their own, on pages of their own


class BadOption(AppError):
    """A value that can't be; `option` is whose."""

    status = 422
    code = "bad_option"

    def __init__(self, option: Option) -> None:
        super().__init__(f"{option.key} can't be that.")
        self.option = option


def value_of(option: Option, options: Mapping[str, Any]) -> Any:
    """What holds at that office."""
    held: Any = options
    for step in option.path:
        if not isinstance(held, Mapping) or step not in held:
            return option.default
        held = held[step]
    return held


def with_value(option: Option, options: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """The options with one of them changed."""
    if len(option.path) == 1:
        return {**options, option.path[0]: value}
    first, second = option.path
    return {**options, first: {**options.get(first, {}), second: value}}


def read(option: Option, form: FormData) -> Any:
    """The value sent for it, as it is kept. Raises BadOption."""
    if option.kind == SWITCH:
        return form.get(option.key) == "true"
    if option.kind == ROLES:
        told = {str(each) for each in form.getlist(option.key)}
        return [each for each in option.choices if each in told]
    text = str(form.get(option.key, "")).strip()
    if option.kind == CHOICE:
        if text not in option.choices:
            raise BadOption(option)
        return text
    whole, _, part = text.partition(".")
    has_part = option.kind == YEN and part.isdigit() and len(part) < 3
    is_number = text.isascii() and whole.isdigit() and len(whole) < 7 and (has_part or "." not in text)
    if not is_number or not option.low <= int(whole) <= option.high:
        raise BadOption(option)
    return int(whole) * 100 + int(part.ljust(2, "0")) if option.kind == YEN else int(whole)


def shown(option: Option, value: Any) -> str:
    """A number as it is typed."""
    return f"{value / 100:g}" if option.kind == YEN else str(value)


def group_of(name: str) -> tuple[Option, ...]:
    """The options of one section. Raises InvalidInput for an unknown one."""
    found = tuple(option for option in OPTIONS if option.group == name)
    if not found:
        raise InvalidInput("その区分はありません。", code="no_group")
    return found
