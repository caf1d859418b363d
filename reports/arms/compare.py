"""Arms beside the one they are compared with: shares, yen a person, what the difference is worth, and what it cost. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from callcenter.core.intervals import Z_95, Interval, wilson
from reports.noise import believed, difference_of_shares, two_rates

LEAST = 30
"""Fewer persons than this in an arm say nothing."""


@dataclass(frozen=True, slots=True)
class ArmCounts:
    """What happened to the persons of one arm within the days after they came into it; yen are payments net of reversals.

    `yen_squares` is the sum of the squares of each person's yen. `touches` are attempts by channel.
    """

    code: str
    persons: int = 0
    contacted: int = 0
    promised: int = 0
    paid: int = 0
    yen: int = 0
    yen_squares: float = 0.0
    touches: Mapping[str, int] | None = None

    @property
    def per_person(self) -> float | None:
        """Yen a person."""
        return self.yen / self.persons if self.persons else None

    @property
    def error(self) -> float:
        """Standard error of the yen a person."""
        if self.persons < 2:
            return 0.0
        mean = self.yen / self.persons
        return sqrt(max(0.0, self.yen_squares / self.persons - mean**2) / (self.persons - 1))

    def cost(self, prices: Mapping[str, float]) -> float:
        """Attempts at their prices, in yen."""
        return sum(count * prices.get(channel, 0.0) for channel, count in (self.touches or {}).items())


@dataclass(frozen=True, slots=True)
class Compared:
    """One arm against the other: intervals are of 95 %; None where there is too little to say.

    `worth` is the arm's persons times the difference of the yen a person: what would not have been paid without the arm's doing.
    `is_certain`: the paying shares differ by more than noise, many comparisons allowed for.
    """

    arm: ArmCounts
    paid_share: float | None
    paid_interval: Interval | None
    difference: float | None
    difference_interval: Interval | None
    chance: float | None
    is_certain: bool
    worth: float | None
    worth_interval: Interval | None
    cost: float
    extra_cost: float

    @property
    def cost_per_yen(self) -> float | None:
        """Yen spent for each yen that the arm brought beyond the other; None where it brought none for sure."""
        if self.worth is None or self.worth_interval is None or self.worth_interval.low <= 0:
            return None
        return self.extra_cost / self.worth


def compare(arms: Sequence[ArmCounts], against: str, prices: Mapping[str, float]) -> list[Compared]:
    """Every arm beside the arm `against`, which stands among them without differences."""
    other = next((arm for arm in arms if arm.code == against), None)
    tested = [arm for arm in arms if other is not None and arm.code != against and min(arm.persons, other.persons) >= LEAST]
    chances = {} if other is None else {arm.code: two_rates(arm.paid, arm.persons, other.paid, other.persons) for arm in tested}
    stands = (
        dict(zip(chances, believed([1.0 if chance is None else chance for chance in chances.values()]), strict=True)) if chances else {}
    )
    return [
        _beside(arm, other if arm.code in chances else None, chances.get(arm.code), stands.get(arm.code, False), prices) for arm in arms
    ]


def _beside(arm: ArmCounts, other: ArmCounts | None, chance: float | None, is_certain: bool, prices: Mapping[str, float]) -> Compared:
    share = arm.paid / arm.persons if arm.persons else None
    difference = bounds = worth = worth_bounds = None
    extra = 0.0
    if other is not None and share is not None:
        difference = share - other.paid / other.persons
        found = difference_of_shares(other.paid, other.persons, arm.paid, arm.persons)
        bounds = None if found is None else Interval(*found)
        gap = (arm.per_person or 0.0) - (other.per_person or 0.0)
        half = Z_95 * sqrt(arm.error**2 + other.error**2)
        worth = arm.persons * gap
        worth_bounds = Interval(arm.persons * (gap - half), arm.persons * (gap + half))
        extra = arm.cost(prices) - other.cost(prices) * arm.persons / other.persons
    return Compared(
        arm, share, wilson(arm.paid, arm.persons), difference, bounds, chance, is_certain, worth, worth_bounds, arm.cost(prices), extra
    )
