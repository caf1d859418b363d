"""What a rule set is, and what it means: the first rule whose condition holds decides. Pure.

`evaluate` is the plain reference meaning; the compiled SQL must agree with it for every debtor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from campaigns.attempts.codes import Channel
from campaigns.segmentation.conditions import (
    All,
    AnyOf,
    Compare,
    Condition,
    Facts,
    Not,
    Op,
    Ref,
    Value,
    attributes_of,
    holds,
    refs_of,
)
from campaigns.segmentation.experiments import (
    EXPERIMENT_CHANNELS,
    ONLY_ARM,
    WAIT_REASON,
    WAITED_REASON,
    Arm,
    ByLadder,
    Experiment,
    Override,
    RuleChannel,
)

__all__ = [
    "All", "AnyOf", "Arm", "Assigned", "ByLadder", "Case", "Cases", "Compare", "Condition", "Decision", "Experiment", "Facts", "Not", "Op",
    "Override", "Ref", "Rule", "RuleChannel", "RuleSet", "Rung", "Value", "assigned_of", "attributes_of", "decide", "evaluate",
    "first_match", "holds", "refs_in", "refs_of", "rung_place", "rungs_in", "rungs_of",
]  # fmt: skip


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
        name: what people call it.
        template, script: codes of the message's wording and of the automated call's script; empty: the campaign's own.
        arms: codes of the experiment's arms it is for; empty: everybody.
    """

    code: str
    channel: RuleChannel
    reasons: tuple[str, ...]
    when: Condition
    priority: int = 5
    name: str = ""
    template: str = ""
    script: str = ""
    arms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Ordered rules; the last must hold for everybody, so that each debtor has a reason."""

    rules: tuple[Rule, ...]
    experiment: Experiment = field(default_factory=Experiment)

    def needs_ladder(self) -> bool:
        """Whether any rule, or any arm in its place, leaves the channel to the campaign's ladder."""
        channels = [rule.channel for rule in self.rules] + [each.channel for arm in self.experiment.arms for each in arm.overrides]
        return ByLadder.LADDER in channels

    def refs(self, ladder: Cases = ()) -> list[Ref]:
        """Everything that must be known of a debtor, each once."""
        asked = [ref for rule in self.rules for ref in refs_of(rule.when)]
        of_ladder = refs_in(ladder) if self.needs_ladder() else ()
        return list(dict.fromkeys((*asked, *of_ladder, *self.experiment.refs())))


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a rule set says about one debtor.

    Attributes:
        arm, propensity: of the experiment; `all` and 1 for those who take no part.
        step: of the ladder, 0 when a rule decided by itself.
        template, script: empty for the campaign's own.
    """

    channel: Channel
    reasons: tuple[str, ...]
    rule_code: str
    priority: int
    arm: str = ONLY_ARM
    propensity: float = 1.0
    step: int = 0
    template: str = ""
    script: str = ""


def first_match(rule_set: RuleSet, facts: Facts, arm: str | None = None) -> Rule:
    """The rule that decides for an arm, by default the champion's; a rule set that was read from a document always has one."""
    arm = rule_set.experiment.champion if arm is None else arm
    return next(rule for rule in rule_set.rules if (not rule.arms or arm in rule.arms) and holds(rule.when, facts))


def rungs_in(cases: Cases) -> Iterator[Rung]:
    """All that a ladder can say, in the order of its branches."""
    for case in cases:
        if isinstance(case.then, Rung):
            yield case.then
        else:
            yield from rungs_in(case.then)


def refs_in(cases: Cases) -> Iterator[Ref]:
    """What a ladder asks about, perhaps repeated."""
    for case in cases:
        yield from refs_of(case.when)
        if not isinstance(case.then, Rung):
            yield from refs_in(case.then)


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


def as_done_by(rule: Rule, arm: Arm | None) -> Rule:
    """The rule with what an arm does otherwise."""
    other = arm.override(rule.code) if arm is not None else None
    if other is None:
        return rule
    return replace(
        rule,
        channel=rule.channel if other.channel is None else other.channel,
        priority=rule.priority if other.priority is None else other.priority,
        template=rule.template if other.template is None else other.template,
        script=rule.script if other.script is None else other.script,
    )


def assigned_of(rule: Rule, rung: Rung, arm: Arm | None = None, *, has_waited: bool = False) -> Assigned:
    """An assignment with its arm (None: takes no part); in an arm that waits nothing is done until the debtor has waited enough."""
    told = Assigned(rung.channel, rung.reasons, rule.code, rung.priority or rule.priority, step=rung.step)
    if arm is not None:
        told = replace(told, arm=arm.code, propensity=arm.propensity)
        if arm.wait_days and not has_waited:
            return replace(told, channel=Channel.NONE, reasons=(WAIT_REASON, *rung.reasons))
        if arm.wait_days:
            told = replace(told, reasons=(*rung.reasons, WAITED_REASON))
    template = rule.template if rung.channel is Channel.SMS else ""
    return replace(told, template=template, script=rule.script if rung.channel is Channel.AUTO_CALL else "")


@dataclass(frozen=True, slots=True)
class Decision:
    """The rule that decides for a debtor, as the debtor's arm does it; no arm for those who take no part in the experiment."""

    rule: Rule
    arm: Arm | None = None
    has_waited: bool = False


def decide(rule_set: RuleSet, facts: Facts) -> Decision:
    """Which rule decides.

    Whether a debtor takes part in the experiment does not depend on the arm: it is the champion's rule that tells.
    """
    rule, experiment = first_match(rule_set, facts), rule_set.experiment
    if not experiment.arms or rule.channel not in EXPERIMENT_CHANNELS:
        return Decision(rule)
    place = facts[experiment.place.key]
    assert isinstance(place, int)
    arm = experiment.arms[experiment.arm_at(place)]
    if not arm.wait_days:
        return Decision(as_done_by(first_match(rule_set, facts, arm.code), arm), arm)
    days = facts[experiment.days_in(arm).key]
    return Decision(rule, arm, isinstance(days, int) and days >= arm.wait_days)


def evaluate(rule_set: RuleSet, facts: Facts, ladder: Cases = ()) -> Assigned:
    """The plain meaning of a rule set for one debtor; `ladder` answers where a rule leaves the channel to it."""
    found = decide(rule_set, facts)
    rung = rungs_of(found.rule, ladder)[rung_place(ladder, facts) if found.rule.channel is ByLadder.LADDER else 0]
    return assigned_of(found.rule, rung, found.arm, has_waited=found.has_waited)
