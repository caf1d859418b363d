"""How likely somebody is reached in an hour, learned from what came of earlier calls. Pure.

Three things multiply, each shrunk towards what is known before it, so that few observations say little (empirical Bayes):

1. the hour for people of the same segment, shrunk towards the hour for all, and that towards the rate of all calls;
2. how often this person was reached against what 1. expected of those hours (some hardly ever answer);
3. the same for the part of the day (some are home in the evening only).

How much 2. and 3. are shrunk follows from how much people differ in the office's own calls (`spread`).

Sources: empirical Bayes after Robbins, Efron and Morris; a gamma prior with mean 1 and shape a on a Poisson rate gives (k + a) / (e + a),
and a is one over the variance between people, here by the method of moments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

USUAL_RATE = 0.2
"""What is expected where no call was ever made."""
RATE_WEIGHT, HOUR_WEIGHT, CELL_WEIGHT = 50.0, 100.0, 60.0
SEGMENT_WEIGHT = 20.0  # contacts
LEAST_WEIGHT, MOST_WEIGHT = 1.0, 60.0
MOST = 0.95
LATER = 0.5
"""How much of what a later hour would give more is held against calling now."""


class Part(IntEnum):
    """Parts of a day in which people are alike."""

    MORNING = 0
    MIDDAY = 1
    AFTERNOON = 2
    EVENING = 3


PART_OF = tuple(
    Part.MORNING if hour < 12 else Part.MIDDAY if hour < 14 else Part.AFTERNOON if hour < 17 else Part.EVENING for hour in range(24)
)


@dataclass(frozen=True, slots=True)
class Tries:
    """So many calls, and how many of them reached somebody on the debtor's side."""

    calls: float = 0
    reached: float = 0

    def __add__(self, other: Tries) -> Tries:
        return Tries(self.calls + other.calls, self.reached + other.reached)

    def rate(self, expected: float, weight: float) -> float:
        """The rate, shrunk towards what is expected with the weight of so many calls."""
        return (self.reached + weight * expected) / (self.calls + weight)


NONE = Tries()


@dataclass(frozen=True)
class Hours:
    """What was learned of an office's calls.

    Attributes:
        rates: the expected rate by segment and hour (of 0 to 23); `usual` that of all segments.
        person_weight, part_weight: how many expected contacts a person's own must outweigh.
        calls: from how many it was learned.
    """

    rates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    usual: tuple[float, ...] = (USUAL_RATE,) * 24
    person_weight: float = 8.0
    part_weight: float = 8.0
    calls: int = 0

    def of(self, segment: str) -> tuple[float, ...]:
        """The rates of a segment by hour; those of all for one never seen."""
        return self.rates.get(segment, self.usual)


def learn(calls: Iterable[tuple[str, int, Tries]]) -> Hours:
    """Learns from calls counted by segment and hour."""
    cells: dict[tuple[str, int], Tries] = {}
    hours, segments, every = [NONE] * 24, dict[str, Tries](), NONE
    for segment, hour, tries in calls:
        cells[segment, hour] = cells.get((segment, hour), NONE) + tries
        hours[hour] += tries
        segments[segment] = segments.get(segment, NONE) + tries
        every += tries
    overall = every.rate(USUAL_RATE, RATE_WEIGHT)
    usual = tuple(each.rate(overall, HOUR_WEIGHT) for each in hours)
    rates = {}
    for segment, tries in segments.items():
        expected = sum(cells.get((segment, hour), NONE).calls * usual[hour] for hour in range(24))
        ratio = (tries.reached + SEGMENT_WEIGHT) / (expected + SEGMENT_WEIGHT)  # beside others called in the same hours
        rates[segment] = tuple(cells.get((segment, hour), NONE).rate(usual[hour] * ratio, CELL_WEIGHT) for hour in range(24))
    return Hours(rates, usual, calls=round(every.calls))


def spread(hours: Hours, people: Iterable[tuple[str, Mapping[int, Tries]]]) -> Hours:
    """The same with weights from how people differ: each with their segment and own calls by hour."""
    person, part = _Moments(), _Moments()
    for segment, own in people:
        rates = hours.of(segment)
        person.add(own.items(), rates)
        for each in Part:
            part.add(((hour, tries) for hour, tries in own.items() if PART_OF[hour] is each), rates)
    between = person.variance()
    return replace(hours, person_weight=_weight(between), part_weight=_weight(part.variance() - between))


class _Moments:
    """Sums of how far contacts lie from what was expected, beyond what chance alone makes of it."""

    def __init__(self) -> None:
        self.beyond = self.squares = 0.0

    def add(self, own: Iterable[tuple[int, Tries]], rates: tuple[float, ...]) -> None:
        expected = reached = by_chance = 0.0
        for hour, tries in own:
            expected += tries.calls * rates[hour]
            by_chance += tries.calls * rates[hour] * (1 - rates[hour])
            reached += tries.reached
        self.beyond += (reached - expected) ** 2 - by_chance
        self.squares += expected**2

    def variance(self) -> float:
        return self.beyond / self.squares if self.squares else 0.0


def _weight(variance: float) -> float:
    return MOST_WEIGHT if variance <= 1 / MOST_WEIGHT else max(LEAST_WEIGHT, 1 / variance)


def chances(hours: Hours, segment: str, own: Mapping[int, Tries]) -> tuple[float, ...]:
    """How likely a person is reached, for each hour of the day.

    Args:
        own: earlier calls to this person by hour.
    """
    rates = hours.of(segment)
    if not own:
        return rates
    expected = sum(tries.calls * rates[hour] for hour, tries in own.items())
    reached = sum(tries.reached for tries in own.values())
    person = (reached + hours.person_weight) / (expected + hours.person_weight)
    parts = [1.0] * len(Part)
    for part in Part:
        of_part = [(hour, tries) for hour, tries in own.items() if PART_OF[hour] is part]
        if of_part:
            likely = person * sum(tries.calls * rates[hour] for hour, tries in of_part)
            parts[part] = (sum(tries.reached for _, tries in of_part) + hours.part_weight) / (likely + hours.part_weight)
    return tuple(min(MOST, rate * person * parts[PART_OF[hour]]) for hour, rate in enumerate(rates))


def advantage(by_hour: tuple[float, ...], hour: int, last_hour: int) -> float:
    """What calling now is worth: the chance now, less a part of what the best later hour of the day would give."""
    later = max(by_hour[hour + 1 : last_hour + 1], default=0.0)
    return by_hour[hour] - LATER * max(0.0, later - by_hour[hour])
