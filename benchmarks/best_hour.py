"""Which debtor to call in which hour: contacts per 1,000 calls, as the share of the way from chance to an oracle.

    python -m benchmarks.best_hour [--full] [--json]

A made-up town: segments that answer at hours of their own, people who answer more or less than their segment, and at parts of the day of
their own; 12 hours a day, ten days, a quarter of the people called each day, nobody twice a day. Named peers call the same people with
the same luck: at random, in the order of the list, by the mean of segment and hour, and an oracle that knows every probability. Cold:
nothing is known at first. With history: six earlier calls each, at hours drawn at random. A policy learns from its own calls only.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from campaigns.worklist.best_hour import Hours, Tries, advantage, chances, learn, spread

QUICK, FULL, DAYS, HOURS = 3_000, 40_000, 10, range(9, 21)
PARTS = ((9, 12), (12, 14), (14, 17), (17, 21))
# Of each segment: its share, and how it answers in the parts of the day (logits beside the average).
SEGMENTS = {
    "working": (0.35, (-0.8, -0.2, -0.6, 0.6)),
    "shift": (0.15, (-0.2, 0.3, 0.3, -0.5)),
    "home": (0.2, (0.5, 0.1, 0.3, -0.2)),
    "retired": (0.15, (0.7, 0.1, 0.5, -0.6)),
    "company": (0.15, (0.4, -0.5, 0.4, -1.0)),
}
AVERAGE, PERSONS, PARTS_OF_PERSONS, PER_HOUR = -1.6, 0.25, 0.25, 0.1
Own = dict[int, Tries]


@dataclass
class Town:
    """People by number: their segment, their true probability by hour, and the luck of each day and hour."""

    segments: list[str]
    truth: list[tuple[float, ...]]


def town(people: int, seed: int) -> Town:
    """Draws the people."""
    chance = Random(seed)
    names, shares = list(SEGMENTS), [share for share, _ in SEGMENTS.values()]
    segments = chance.choices(names, shares, k=people)
    hourly = {name: [chance.gauss(0, PER_HOUR) for _ in HOURS] for name in names}
    truth = []
    for segment in segments:
        person = chance.gauss(0, PERSONS)
        own = [chance.gauss(0, PARTS_OF_PERSONS) for _ in PARTS]
        row = [0.0] * 24
        for at, hour in enumerate(HOURS):
            part = next(n for n, (first, end) in enumerate(PARTS) if first <= hour < end)
            logit = AVERAGE + SEGMENTS[segment][1][part] + hourly[segment][at] + person + own[part]
            row[hour] = 1 / (1 + math.exp(-logit))
        truth.append(tuple(row))
    return Town(segments, truth)


def history(made: Town, seed: int) -> list[Own]:
    """Six calls each at hours drawn at random."""
    chance, told = Random(seed), []
    for truth in made.truth:
        own: Own = {}
        for hour in chance.choices(HOURS, k=6):
            own[hour] = own.get(hour, Tries()) + Tries(1, chance.random() < truth[hour])
        told.append(own)
    return told


class Policy(ABC):
    """Chooses whom to call; a score per person, the higher the earlier."""

    def __init__(self, made: Town, known: list[Own], seed: int) -> None:
        self.town, self.own, self.chance = made, [dict(own) for own in known], Random(seed)
        self.cells: dict[tuple[str, int], Tries] = {}
        for segment, own in zip(made.segments, known, strict=True):
            for hour, tries in own.items():
                self.cells[segment, hour] = self.cells.get((segment, hour), Tries()) + tries
        self.prepare()

    def prepare(self) -> None:
        """Each evening: what was learned; nothing where a policy goes by the counts alone."""
        return

    @abstractmethod
    def score(self, person: int, hour: int) -> float:
        """How soon this person is to be called in this hour."""

    def told(self, person: int, hour: int, reached: bool) -> None:
        """What came of a call."""
        one, segment = Tries(1, reached), self.town.segments[person]
        self.own[person][hour] = self.own[person].get(hour, Tries()) + one
        self.cells[segment, hour] = self.cells.get((segment, hour), Tries()) + one


class AtRandom(Policy):
    def score(self, person: int, hour: int) -> float:
        return self.chance.random()


class ListOrder(Policy):
    """From the top, and those called longest ago first."""

    def prepare(self) -> None:
        self.calls = [sum(tries.calls for tries in own.values()) for own in self.own]

    def score(self, person: int, hour: int) -> float:
        return -self.calls[person]


class SegmentMean(Policy):
    def prepare(self) -> None:
        self.hours = learn((segment, hour, tries) for (segment, hour), tries in self.cells.items())

    def score(self, person: int, hour: int) -> float:
        return self.hours.of(self.town.segments[person])[hour] + 1e-9 * self.chance.random()


class Ours(Policy):
    hours: Hours

    def prepare(self) -> None:
        learned = learn((segment, hour, tries) for (segment, hour), tries in self.cells.items())
        self.hours = spread(learned, zip(self.town.segments, self.own, strict=True))
        self.by_hour = [chances(self.hours, segment, own) for segment, own in zip(self.town.segments, self.own, strict=True)]

    def score(self, person: int, hour: int) -> float:
        return advantage(self.by_hour[person], hour, HOURS[-1]) + 1e-9 * self.chance.random()


class Oracle(Policy):
    def score(self, person: int, hour: int) -> float:
        return advantage(self.town.truth[person], hour, HOURS[-1])


POLICIES: dict[str, Callable[[Town, list[Own], int], Policy]] = {
    "random": AtRandom,
    "list_order": ListOrder,
    "segment_mean": SegmentMean,
    "ours": Ours,
    "oracle": Oracle,
}


def contacts_per_thousand(policy: Policy, people: int, luck: int) -> float:
    """Ten days of calls."""
    a_day = people // 4
    calls = reached = 0
    for day in range(DAYS):
        called: set[int] = set()
        for at, hour in enumerate(HOURS):
            wanted = a_day * (at + 1) // len(HOURS) - a_day * at // len(HOURS)
            scores = sorted(((policy.score(person, hour), person) for person in range(people) if person not in called), reverse=True)
            assert len(scores) >= wanted
            for _, person in scores[:wanted]:
                is_reached = Random((luck * DAYS + day) * 7_919_000 + person * 24 + hour).random() < policy.town.truth[person][hour]
                policy.told(person, hour, is_reached)
                called.add(person)
                calls, reached = calls + 1, reached + is_reached
        assert len(called) == a_day
        policy.prepare()
    return 1000 * reached / calls


def run(quick: bool = True) -> dict[str, Any]:
    """Contacts per 1,000 calls by policy, and the share of the gap closed; medians over seeds."""
    people, seeds = (QUICK, (1, 2)) if quick else (FULL, (1,))
    found: dict[str, Any] = {"debtors": people}
    for name in ("cold", "with_history"):
        rows: dict[str, list[float]] = {policy: [] for policy in POLICIES}
        for seed in seeds:
            made = town(people, seed)
            known: list[Own] = history(made, seed + 100) if name == "with_history" else [{} for _ in range(people)]
            for policy, make in POLICIES.items():
                rows[policy].append(contacts_per_thousand(make(made, known, seed), people, seed))
        shares = [(ours - low) / (high - low) for ours, low, high in zip(rows["ours"], rows["random"], rows["oracle"], strict=True)]
        found[name] = {policy: statistics.median(values) for policy, values in rows.items()} | {"share_closed": statistics.median(shares)}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = run(quick=not given.full)
    if given.json:
        print(json.dumps({"best_hour": found}))
        return 0
    for name in ("cold", "with_history"):
        row = found[name]
        told = ", ".join(f"{policy} {row[policy]:.0f}" for policy in POLICIES)
        print(f"best_hour: {found['debtors']:,} debtors, {name}: contacts per 1,000 calls: {told}; {row['share_closed']:.2f} of the gap")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
