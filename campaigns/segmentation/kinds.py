"""What an attribute is: its type, unit and words, the parameters it takes, and the SQL that computes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from campaigns.segmentation.query import Ask

Build = Callable[[Ask], str]
LARGEST = 10**15


class Kind(StrEnum):
    """Types of attributes."""

    NUMBER = "number"
    FLAG = "flag"
    WORD = "word"
    WORDS = "words"
    TEXT = "text"


class Unit(StrEnum):
    """What a number counts."""

    NONE = ""
    YEN = "yen"
    DAYS = "days"
    TIMES = "times"
    ITEMS = "items"
    PEOPLE = "people"
    AGE = "age"
    PERCENT = "percent"


class Group(StrEnum):
    """Where people look for an attribute."""

    DEBT = "debt"
    PERSON = "person"
    HOLD = "hold"
    PHONE = "phone"
    HISTORY = "history"
    REACTION = "reaction"
    PROMISE = "promise"
    PAYMENT = "payment"
    CYCLE = "cycle"
    EXPERIMENT = "experiment"


GROUPS: dict[Group, tuple[str, str]] = {
    Group.DEBT: ("未納", "What is owed"),
    Group.PERSON: ("人・世帯・住所", "Person, household, address"),
    Group.HOLD: ("停止・配慮", "Holds and care"),
    Group.PHONE: ("電話番号", "Telephone numbers"),
    Group.HISTORY: ("連絡の経過", "Contact history"),
    Group.REACTION: ("反応", "Reactions"),
    Group.PROMISE: ("納付約束", "Promises"),
    Group.PAYMENT: ("納付", "Payments"),
    Group.CYCLE: ("周期と手順", "Cycle and ladder"),
    Group.EXPERIMENT: ("効果測定", "Experiment"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A word that may be chosen, with its labels."""

    code: str
    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of an attribute: a whole number, or a word, of the choices where there are some.

    `ja` and `en` name it; `ja_of` and `en_of` tell a value within a sentence, at `{}`.
    """

    name: str
    ja: str
    en: str
    ja_of: str
    en_of: str
    is_number: bool = False
    choices: tuple[Choice, ...] = ()
    is_required: bool = False
    lowest: int = 0
    highest: int = 3660


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing rules can ask about.

    Attributes:
        sql: makes its expression.
        ja, en: its name; of a flag, what is said when it is set.
        ja_not, en_not: of a flag, what is said when it is not.
        choices: the words it can have; empty: any.
    """

    name: str
    kind: Kind
    sql: Build
    ja: str
    en: str
    is_nullable: bool = False
    group: Group = Group.DEBT
    unit: Unit = Unit.NONE
    params: tuple[Param, ...] = ()
    choices: tuple[Choice, ...] = ()
    ja_not: str = ""
    en_not: str = ""

    @property
    def is_askable(self) -> bool:
        """Whether it has a value without any parameter."""
        return not any(param.is_required for param in self.params)

    def param(self, name: str) -> Param | None:
        """The parameter of that name."""
        return next((param for param in self.params if param.name == name), None)


def number(name: str, group: Group, unit: Unit, build: Build, ja: str, en: str, *params: Param, is_nullable: bool = False) -> Attribute:
    """A number."""
    return Attribute(name, Kind.NUMBER, build, ja, en, is_nullable, group, unit, params)


def flag(name: str, group: Group, build: Build, ja: tuple[str, str], en: tuple[str, str]) -> Attribute:
    """A flag; `ja` and `en` tell it set and not set."""
    return Attribute(name, Kind.FLAG, lambda ask: f"coalesce({build(ask)}, false)", ja[0], en[0], False, group, ja_not=ja[1], en_not=en[1])


def raw(sql: str) -> Build:
    """An expression that needs no source."""
    return lambda ask: sql
