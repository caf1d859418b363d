"""Champion against challenger: which arm of an experiment a debtor is in, for good. Pure.

A debtor's place in an experiment is a number from 0 to 999, an MD5 of the experiment's code, the office and the 宛名番号: the same at every
plan. The arms share these thousand places out among themselves, and a version of a rule set keeps who has which (`Arm.slots`). When shares
change, `allot` takes places only from arms that shrink and gives them only to arms that grow. So whoever is in an arm whose share stays the
same or grows stays in it, and of an arm that shrinks only the part that it loses moves.

The code of an experiment is its lottery ticket: another code draws everybody anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from campaigns.attempts.codes import Channel
from campaigns.segmentation.conditions import Ref

PLACES = 1000
ONLY_ARM = "all"
WAIT_REASON, WAITED_REASON = "experiment_wait", "experiment_waited"


class ByLadder(StrEnum):
    """What a rule may name in the place of a channel: the campaign's ladder decides."""

    LADDER = "ladder"


RuleChannel = Channel | ByLadder
# Only whom a rule would reach takes part: those who are not contacted, or whom tax officers have, are no part of an experiment.
EXPERIMENT_CHANNELS: frozenset[RuleChannel] = frozenset(
    {Channel.SMS, Channel.AUTO_CALL, Channel.OPERATOR_CALL, Channel.VISIT, ByLadder.LADDER}
)


@dataclass(frozen=True, slots=True)
class Override:
    """What an arm does otherwise where the rule `rule` decides; None leaves it as the rule has it."""

    rule: str
    channel: RuleChannel | None = None
    priority: int | None = None
    template: str | None = None
    script: str | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm.

    Attributes:
        share: places of a thousand.
        slots: the places themselves, as first and last of each run.
        wait_days: nothing is done with its debtors until so many days have passed since they came into it; then the champion treats them,
            so that nobody is left out for good. 0: it treats.
    """

    code: str
    share: int
    name: str = ""
    slots: tuple[tuple[int, int], ...] = ()
    wait_days: int = 0
    overrides: tuple[Override, ...] = ()

    @property
    def propensity(self) -> float:
        """The probability with which a debtor is drawn into it."""
        return self.share / PLACES

    def override(self, rule: str) -> Override | None:
        """What it does otherwise where a rule decides."""
        return next((override for override in self.overrides if override.rule == rule), None)


@dataclass(frozen=True, slots=True)
class Experiment:
    """The arms that are compared; the first is the champion. Without arms there is no experiment."""

    code: str = ""
    arms: tuple[Arm, ...] = ()

    @property
    def champion(self) -> str:
        """The code of the champion's arm; empty without an experiment."""
        return self.arms[0].code if self.arms else ""

    @property
    def place(self) -> Ref:
        """A debtor's place from 0 to 999."""
        return Ref("experiment_place", (("experiment", self.code),))

    def days_in(self, arm: Arm) -> Ref:
        """Days since a debtor came into an arm; unknown before."""
        return Ref("arm_days", (("arm", arm.code), ("experiment", self.code)))

    def refs(self) -> tuple[Ref, ...]:
        """What must be known of a debtor to find the arm and what it does."""
        return (self.place, *(self.days_in(arm) for arm in self.arms if arm.wait_days)) if self.arms else ()

    def arm_at(self, place: int) -> int:
        """The number of the arm (from 0) that has a place."""
        return arms_by_place(self.arms)[place]


def place_of(experiment: str, office: int, debtor_no: str) -> int:
    """A debtor's place in an experiment: the first 32 bits of an MD5, no security meant; the SQL of `experiment_place` says the same."""
    digest = hashlib.md5(f"{experiment}:{office}:{debtor_no}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % PLACES


def arms_by_place(arms: Sequence[Arm]) -> list[int]:
    """The number of the arm that has it, for each of the thousand places."""
    owners = [-1] * PLACES
    for number, arm in enumerate(arms):
        for place in _places(arm.slots):
            owners[place] = number
    return owners


def allot(arms: Sequence[Arm], before: Sequence[Arm] = ()) -> tuple[Arm, ...]:
    """The arms with their places: each keeps what it had before as far as its share allows, and the rest goes to those who grow.

    Args:
        arms: with their new shares, 1000 together; their slots do not count.
        before: the arms as they were.
    """
    had = {arm.code: sorted(_places(arm.slots)) for arm in before}
    kept = {arm.code: had.get(arm.code, [])[: arm.share] for arm in arms}
    taken = {place for places in kept.values() for place in places}
    free = iter([place for place in range(PLACES) if place not in taken])
    return tuple(
        replace(arm, slots=_runs([*kept[arm.code], *(next(free) for _ in range(arm.share - len(kept[arm.code])))])) for arm in arms
    )


def moved(before: Sequence[Arm], after: Sequence[Arm]) -> int:
    """How many of the thousand places change their arm, told by the arms' codes."""
    old, new = arms_by_place(before), arms_by_place(after)
    return sum(before[a].code != after[b].code for a, b in zip(old, new, strict=True) if a >= 0 and b >= 0)


def _places(slots: Iterable[tuple[int, int]]) -> Iterable[int]:
    return (place for first, last in slots for place in range(first, last + 1))


def _runs(places: Iterable[int]) -> tuple[tuple[int, int], ...]:
    runs: list[tuple[int, int]] = []
    for place in sorted(places):
        if runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return tuple(runs)
