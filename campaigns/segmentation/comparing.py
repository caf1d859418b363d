"""How two versions of a rule set differ, rule by rule; a rule is known by its code. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

from campaigns.segmentation.experiments import Arm, moved
from campaigns.segmentation.rules import Rule, RuleSet


class Change(StrEnum):
    """What happened to a rule."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rule that is not as it was.

    Attributes:
        old_number, new_number: its number in either version, from 1; 0 where it is missing.
        parts: names of the fields that differ; `order` when it also changed its place.
    """

    change: Change
    code: str
    old_number: int
    new_number: int
    before: Rule | None
    after: Rule | None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences; `moved_places` of a thousand change their arm, None when the experiment is the same or another one."""

    changes: tuple[RuleChange, ...]
    is_experiment_changed: bool
    moved_places: int | None

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.changes and not self.is_experiment_changed


def compare(before: RuleSet, after: RuleSet) -> Comparison:
    """What changed from one version to the other, in the order of the new one; removed rules follow the rule they stood behind."""
    old = {rule.code: (number, rule) for number, rule in enumerate(before.rules, 1)}
    new = {rule.code: (number, rule) for number, rule in enumerate(after.rules, 1)}
    stayed = in_order([old[rule.code][0] for rule in after.rules if rule.code in old])
    changes: list[tuple[float, RuleChange]] = []
    for code, (number, rule) in new.items():
        if code not in old:
            changes.append((number, RuleChange(Change.ADDED, code, 0, number, None, rule)))
            continue
        was, known = old[code]
        parts = tuple(field.name for field in fields(Rule) if getattr(rule, field.name) != getattr(known, field.name))
        order = () if was in stayed else ("order",)
        if parts or order:
            change = Change.CHANGED if parts else Change.MOVED
            changes.append((number, RuleChange(change, code, was, number, known, rule, (*parts, *order))))
    for code, (number, rule) in old.items():
        if code not in new:
            ahead = [new[other.code][0] for other in before.rules[: number - 1] if other.code in new]
            changes.append((max(ahead, default=0) + 0.5, RuleChange(Change.REMOVED, code, number, 0, rule, None)))
    ordered = tuple(change for _, change in sorted(changes, key=lambda each: each[0]))
    return Comparison(ordered, before.experiment != after.experiment, _moved(before, after))


def in_order(numbers: Sequence[int]) -> set[int]:
    """A longest part of the numbers that already stands in order: those that need not be moved."""
    ends: list[int] = []  # the smallest end of a row of each length
    at: list[int] = []
    back: list[int] = []
    for place, number in enumerate(numbers):
        length = bisect_left(ends, number)
        back.append(at[length - 1] if length else -1)
        if length == len(ends):
            ends.append(number)
            at.append(place)
        else:
            ends[length], at[length] = number, place
    kept: set[int] = set()
    place = at[-1] if at else -1
    while place >= 0:
        kept.add(numbers[place])
        place = back[place]
    return kept


def _moved(before: RuleSet, after: RuleSet) -> int | None:
    old, new = before.experiment, after.experiment
    arms: tuple[Sequence[Arm], Sequence[Arm]] = (old.arms, new.arms)
    return moved(*arms) if all(arms) and old.code == new.code and old != new else None
