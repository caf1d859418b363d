"""What a rule may ask: comparisons of attributes, and their nesting. Pure.

`holds` is the plain reference meaning; the compiled SQL must agree with it for every debtor. Comparing an unknown value is false, and
`not` of that is true: there is no third truth value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

Value = int | bool | str | list[str] | None
Facts = Mapping[str, Value]
Params = tuple[tuple[str, int | str], ...]
Operand = int | bool | str | tuple[int, ...] | tuple[str, ...]


class Op(StrEnum):
    """Comparisons. `IS` is for flags, `BETWEEN` includes both ends, `STARTS` takes one beginning or several."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    BETWEEN = "between"
    IN = "in"
    NOT_IN = "not in"
    STARTS = "starts with"
    IS = "is"
    UNKNOWN = "is empty"
    HAS_ANY = "has any"
    HAS_ALL = "has all"
    HAS_NONE = "has none"


@dataclass(frozen=True, slots=True)
class Ref:
    """An attribute with its parameters (in the order of their names): what one value of a debtor is called."""

    name: str
    params: Params = ()

    @property
    def key(self) -> str:
        """Its name among a debtor's facts: `outstanding`, `attempts[channel=sms,days=30]`."""
        return self.name + (f"[{','.join(f'{name}={value}' for name, value in self.params)}]" if self.params else "")


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison of an attribute; `UNKNOWN` compares whether the value is missing (or not)."""

    attribute: str
    op: Op
    value: Operand
    params: Params = ()

    @property
    def ref(self) -> Ref:
        """What is compared."""
        return Ref(self.attribute, self.params)


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; none at all holds, too."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = Compare | All | AnyOf | Not


def holds(condition: Condition, facts: Facts) -> bool:
    """Whether a condition is true of a debtor, whose facts go by `Ref.key`."""
    match condition:
        case All(parts):
            return all(holds(part, facts) for part in parts)
        case AnyOf(parts):
            return any(holds(part, facts) for part in parts)
        case Not(part):
            return not holds(part, facts)
        case Compare():
            return _test_holds(condition, facts[condition.ref.key])


def _test_holds(test: Compare, value: Value) -> bool:
    if test.op is Op.UNKNOWN:
        return (value is None or value in ("", [])) == test.value
    if value is None:
        return False
    if test.op in (Op.HAS_ANY, Op.HAS_ALL, Op.HAS_NONE):
        return _words_hold(test, value)
    if test.op in (Op.IN, Op.NOT_IN):
        return isinstance(test.value, tuple) and (value in test.value) == (test.op is Op.IN)
    if test.op is Op.STARTS:
        return isinstance(value, str) and isinstance(test.value, tuple) and value.startswith(tuple(map(str, test.value)))
    if test.op in (Op.EQ, Op.NE, Op.IS):
        return (value == test.value) == (test.op is not Op.NE)
    if not isinstance(value, int):
        return False
    if test.op is Op.BETWEEN:
        assert isinstance(test.value, tuple)
        return int(test.value[0]) <= value <= int(test.value[1])
    number = test.value
    assert isinstance(number, int)
    ordered = {Op.LT: value < number, Op.LE: value <= number, Op.GT: value > number, Op.GE: value >= number}
    return ordered[test.op]


def _words_hold(test: Compare, value: Value) -> bool:
    assert isinstance(value, list)
    assert isinstance(test.value, tuple)
    if test.op is Op.HAS_ALL:
        return all(word in value for word in test.value)
    return any(word in test.value for word in value) == (test.op is Op.HAS_ANY)


def refs_of(condition: Condition) -> Iterator[Ref]:
    """What a condition asks about, in order, perhaps repeated."""
    match condition:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from refs_of(part)
        case Not(part):
            yield from refs_of(part)
        case Compare():
            yield condition.ref


def attributes_of(condition: Condition) -> Iterator[str]:
    """The keys of what a condition asks about, in order, perhaps repeated."""
    return (ref.key for ref in refs_of(condition))
