"""What a rule set is, and what it means: the first rule whose condition holds decides. Pure.

`evaluate` is the plain reference meaning; the compiled SQL must agree with it for every debtor. Comparing an unknown value is
false, and `not` of that is true: there is no third truth value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from campaigns.attempts.codes import Channel

Value = int | bool | str | list[str] | None
Facts = Mapping[str, Value]


class Op(StrEnum):
    """Comparisons."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"
    NOT_IN = "not in"
    IS = "is"
    UNKNOWN = "unknown"
    HAS_ANY = "has any"


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison of an attribute; `IS` compares a flag, `UNKNOWN` whether the value is missing (or not)."""

    attribute: str
    op: Op
    value: int | bool | str | tuple[int, ...] | tuple[str, ...]


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


class ByLadder(StrEnum):
    """What a rule may name in the place of a channel: the campaign's ladder decides."""

    LADDER = "ladder"


RuleChannel = Channel | ByLadder


@dataclass(frozen=True, slots=True)
class Rung:
    """One thing that can be assigned: the channel now, its reasons, the ladder's step (from 1; 0 none) and a priority of its own."""

    channel: Channel
    reasons: tuple[str, ...]
    step: int = 0
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One branch of what a ladder says: where the condition holds, this rung, or the first branch within that holds.

    The last branch of a row always holds.
    """

    when: Condition
    then: Rung | tuple[Case, ...]


Cases = tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a rule set.

    Attributes:
        code: unique word of the rule.
        channel: what it assigns, or that the campaign's ladder decides.
        reasons: codes told to people; at least one, unless the ladder tells its own.
        when: its condition.
        priority: 1 first to 9 last, within the channel.
    """

    code: str
    channel: RuleChannel
    reasons: tuple[str, ...]
    when: Condition
    priority: int = 5


@dataclass(frozen=True, slots=True)
class Experiment:
    """A share of debtors, by stable hash, with whom nothing is done yet, so that effects can be measured.

    `wait_permille` of 1,000 debtors wait; 0 switches it off. `salt` names the experiment: another salt draws anew.
    """

    salt: str = ""
    wait_permille: int = 0


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Ordered rules; the last must hold for everybody, so that each debtor has a reason."""

    rules: tuple[Rule, ...]
    experiment: Experiment = Experiment()


WAIT_ARM, TREATED_ARM, ONLY_ARM = "wait", "treated", "all"
WAIT_REASON = "experiment_wait"
EXPERIMENT_CHANNELS: frozenset[RuleChannel] = frozenset(
    {Channel.SMS, Channel.AUTO_CALL, Channel.OPERATOR_CALL, Channel.VISIT, ByLadder.LADDER}
)


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a rule set says about one debtor; `step` is that of the ladder, 0 when a rule decided by itself."""

    channel: Channel
    reasons: tuple[str, ...]
    rule_code: str
    priority: int
    arm: str
    propensity: float
    step: int = 0


def holds(condition: Condition, facts: Facts) -> bool:
    """Whether a condition is true of a debtor."""
    match condition:
        case All(parts):
            return all(holds(part, facts) for part in parts)
        case AnyOf(parts):
            return any(holds(part, facts) for part in parts)
        case Not(part):
            return not holds(part, facts)
        case Compare():
            return _test_holds(condition, facts.get(condition.attribute))


def _test_holds(test: Compare, value: Value) -> bool:
    if test.op is Op.UNKNOWN:
        return (value is None) == test.value
    if value is None:
        return False
    if test.op is Op.HAS_ANY:
        return isinstance(value, list) and isinstance(test.value, tuple) and any(word in test.value for word in value)
    if test.op in (Op.IN, Op.NOT_IN):
        return isinstance(test.value, tuple) and (value in test.value) == (test.op is Op.IN)
    if test.op in (Op.EQ, Op.NE, Op.IS):
        return (value == test.value) == (test.op is not Op.NE)
    if not isinstance(value, int) or not isinstance(test.value, int):
        return False
    ordered = {Op.LT: value < test.value, Op.LE: value <= test.value, Op.GT: value > test.value, Op.GE: value >= test.value}
    return ordered[test.op]


def attributes_of(condition: Condition) -> Iterator[str]:
    """Names of the attributes a condition asks about, in order, perhaps repeated."""
    match condition:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from attributes_of(part)
        case Not(part):
            yield from attributes_of(part)
        case Compare(attribute):
            yield attribute


def first_match(rule_set: RuleSet, facts: Facts) -> Rule:
    """The rule that decides; a rule set that was read from a document always has one."""
    return next(rule for rule in rule_set.rules if holds(rule.when, facts))


def bucket(salt: str, debtor_no: str) -> int:
    """A stable number 0-999 of a debtor within an experiment: the first 32 bits of an MD5, no security meant."""
    digest = hashlib.md5(f"{salt}:{debtor_no}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % 1000


def rungs_in(cases: Cases) -> Iterator[Rung]:
    """All that a ladder can say, in the order of its branches."""
    for case in cases:
        if isinstance(case.then, Rung):
            yield case.then
        else:
            yield from rungs_in(case.then)


def rung_place(cases: Cases, facts: Facts) -> int:
    """The place, in the order of `rungs_in`, of what a ladder says about a debtor."""
    place = 0
    for case in cases:
        if holds(case.when, facts):
            return place if isinstance(case.then, Rung) else place + rung_place(case.then, facts)
        place += 1 if isinstance(case.then, Rung) else sum(1 for _ in rungs_in(case.then))
    raise ValueError("a ladder says something about everybody: its last branch must always hold")


def rungs_of(rule: Rule, ladder: Cases) -> tuple[Rung, ...]:
    """All that a rule can assign.

    Raises:
        ValueError: the ladder decides, and there is none.
    """
    if isinstance(rule.channel, Channel):
        return (Rung(rule.channel, rule.reasons, 0, rule.priority),)
    if not ladder:
        raise ValueError(f"the rule {rule.code} leaves the channel to a ladder, and none was given")
    return tuple(Rung(rung.channel, rung.reasons + rule.reasons, rung.step, rung.priority or rule.priority) for rung in rungs_in(ladder))


def assigned_of(rule: Rule, rung: Rung, experiment: Experiment, *, is_waiting: bool) -> Assigned:
    """An assignment with its experiment arm; `is_waiting` says that the debtor was drawn into the arm that waits."""
    priority = rung.priority or rule.priority
    if not experiment.wait_permille or rule.channel not in EXPERIMENT_CHANNELS:
        return Assigned(rung.channel, rung.reasons, rule.code, priority, ONLY_ARM, 1.0, rung.step)
    share = experiment.wait_permille / 1000
    if is_waiting:
        return Assigned(Channel.NONE, (WAIT_REASON, *rung.reasons), rule.code, priority, WAIT_ARM, share, rung.step)
    return Assigned(rung.channel, rung.reasons, rule.code, priority, TREATED_ARM, 1 - share, rung.step)


def evaluate(rule_set: RuleSet, facts: Facts, debtor_no: str, ladder: Cases = ()) -> Assigned:
    """The plain meaning of a rule set for one debtor; `ladder` answers where a rule leaves the channel to it."""
    rule = first_match(rule_set, facts)
    rung = rungs_of(rule, ladder)[rung_place(ladder, facts) if rule.channel is ByLadder.LADDER else 0]
    experiment = rule_set.experiment
    is_waiting = bool(experiment.wait_permille) and bucket(experiment.salt, debtor_no) < experiment.wait_permille
    return assigned_of(rule, rung, experiment, is_waiting=is_waiting)
