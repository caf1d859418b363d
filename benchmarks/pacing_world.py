"""A call center as a discrete-event simulation: fixed seeds, no dialer, no database, the policy asked at every event and every tick.

N operators idle, talking (log-normal, mean 120 s, cv 1), writing (log-normal, mean 30 s, cv 0.7). A dialled number is answered with
probability p after a ring of mean 11 s (gamma, cv 0.5, at least 2 s), else it fails after 4 s (a quarter) or rings out at 26 s. An answer
goes to the operator who has been idle longest; whom nobody takes within 2 s is abandoned. Every run starts cold.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

TALK, TALK_CV, WRAP, WRAP_CV = 120.0, 1.0, 30.0, 0.7
RING_SHAPE, RING_SCALE, RING_LEAST = 4.0, 2.75, 2.0
FAILS_AT, FAILS_SHARE, RINGS_OUT_AT = 4.0, 0.25, 26.0
PATIENCE = 2.0
HOUR = 3600.0


class Policy(Protocol):
    """Who says how many lines to dial, and hears what became of them."""

    def lines(self, world: World) -> int:
        """Lines to dial now."""

    def lets_go(self, world: World) -> bool:
        """Whether calls that have rung 15 s are let go now."""

    def heard(self, world: World, what: str, seconds: float) -> None:
        """Something ended after so many seconds: answer, fail, let_go, talk, wrap, abandoned, connected."""

    def day_began(self, world: World) -> None:
        """Another day: yesterday's lines are gone, what was learned stays."""


@dataclass(slots=True)
class Line:
    """One call: when dialled, when it ends, and whether by an answer; the world's secret."""

    placed: float
    ends: float
    is_answer: bool
    talk: float
    wrap: float


@dataclass(slots=True)
class Day:
    """What one day came to."""

    talk: float = 0.0
    answers: int = 0
    abandoned: int = 0
    dialled: int = 0
    let_go: int = 0
    worst: float = 0.0  # highest running rate from the 34th answer on

    @property
    def rate(self) -> float:
        """Abandoned share of answers."""
        return self.abandoned / self.answers if self.answers else 0.0


@dataclass
class World:
    """One run.

    Attributes:
        operators, p: the cell; `p` may be a function of the time in seconds.
        days, hours: how long; operators start idle every day.
        tick: the policy is asked at least this often, seconds.
        idle: since when each idle operator is, longest first; talking, wrapping: begin and end of each of the others.
        lines: calls in the air by id; waiting: answered, nobody yet: latest moment by id.
    """

    operators: int
    p: float | Callable[[float], float]
    seed: int
    days: int = 1
    hours: float = 8.0
    tick: float = 2.0
    now: float = 0.0
    idle: deque[float] = field(default_factory=deque)
    talking: dict[int, tuple[float, float]] = field(default_factory=dict)
    wrapping: dict[int, tuple[float, float]] = field(default_factory=dict)
    lines: dict[int, Line] = field(default_factory=dict)
    waiting: dict[int, Line] = field(default_factory=dict)
    past: list[Day] = field(default_factory=list)
    today: Day = field(default_factory=Day)

    def run(self, policy: Policy) -> list[Day]:
        """All days with this policy."""
        chance = random.Random(self.seed)
        for day in range(self.days):
            self._begin(day)
            policy.day_began(self)
            self._work(policy, chance, (day + 1) * self.hours * HOUR)
            self.past.append(self.today)
        return self.past

    def _begin(self, day: int) -> None:
        self.now = day * self.hours * HOUR
        self.today = Day()
        for held in (self.talking, self.wrapping, self.lines, self.waiting):
            held.clear()
        self.idle = deque([self.now] * self.operators)
        self._events: list[tuple[float, int, str, int]] = [(self.now, 0, "tick", 0)]
        self._count = 1

    def _work(self, policy: Policy, chance: random.Random, until: float) -> None:
        events, today = self._events, self.today
        while events and events[0][0] < until:
            self.now, _, kind, key = heapq.heappop(events)
            if kind == "tick":
                self._plan(self.now + self.tick, "tick", 0)
            elif kind == "line":
                self._line_ended(policy, key)
            elif kind == "late":
                self._gave_up(policy, key)
            elif kind == "talk":
                began, _ = self.talking.pop(key)
                wrap = self._wraps.pop(key)
                policy.heard(self, "talk", self.now - began)
                self.wrapping[key] = (self.now, self.now + wrap)
                self._plan(self.now + wrap, "wrap", key)
            else:
                began, _ = self.wrapping.pop(key)
                policy.heard(self, "wrap", self.now - began)
                self.idle.append(self.now)
                if self.waiting:
                    first = next(iter(self.waiting))
                    self._connect(policy, first, self.waiting.pop(first))
            if policy.lets_go(self):
                self._let_go(policy)
            for _ in range(policy.lines(self)):
                self._dial(chance)
        for _, ends in self.talking.values():
            today.talk -= max(0.0, ends - until)
        self._wraps.clear()

    @property
    def worked(self) -> float:
        """Seconds of this day gone by."""
        return self.now - len(self.past) * self.hours * HOUR

    @property
    def seconds_to_come(self) -> float:
        """Seconds of this day still to come."""
        return self.hours * HOUR - self.worked

    _wraps: dict[int, float] = field(default_factory=dict)

    def _plan(self, at: float, kind: str, key: int) -> None:
        self._count += 1
        heapq.heappush(self._events, (at, self._count, kind, key))

    def _dial(self, chance: random.Random) -> None:
        p = self.p(self.now) if callable(self.p) else self.p
        is_answer = chance.random() < p
        if is_answer:
            seconds = max(RING_LEAST, chance.gammavariate(RING_SHAPE, RING_SCALE))
        else:
            seconds = FAILS_AT if chance.random() < FAILS_SHARE else RINGS_OUT_AT
        line = Line(self.now, self.now + seconds, is_answer, lognormal(chance, TALK, TALK_CV), lognormal(chance, WRAP, WRAP_CV))
        self._plan(line.ends, "line", self._count)
        self.lines[self._count - 1] = line
        self.today.dialled += 1

    def _line_ended(self, policy: Policy, key: int) -> None:
        line = self.lines.pop(key, None)
        if line is None:
            return  # let go
        policy.heard(self, "answer" if line.is_answer else "fail", self.now - line.placed)
        if not line.is_answer:
            return
        self.today.answers += 1
        if self.idle:
            self._connect(policy, key, line)
        else:
            self.waiting[key] = line
            self._plan(self.now + PATIENCE, "late", key)

    def _connect(self, policy: Policy, key: int, line: Line) -> None:
        self.idle.popleft()
        self.talking[key] = (self.now, self.now + line.talk)
        self._wraps[key] = line.wrap
        self.today.talk += line.talk
        self._plan(self.now + line.talk, "talk", key)
        policy.heard(self, "connected", 0.0)

    def _gave_up(self, policy: Policy, key: int) -> None:
        if self.waiting.pop(key, None) is None:
            return
        self.today.abandoned += 1
        if self.today.answers >= 34:
            self.today.worst = max(self.today.worst, self.today.rate)
        policy.heard(self, "abandoned", PATIENCE)

    def _let_go(self, policy: Policy) -> None:
        for key in [key for key, line in self.lines.items() if self.now - line.placed >= 15.0]:
            policy.heard(self, "let_go", self.now - self.lines.pop(key).placed)
            self.today.let_go += 1


def lognormal(chance: random.Random, mean: float, cv: float) -> float:
    """A log-normal duration with this mean and coefficient of variation."""
    variance = math.log(1 + cv * cv)
    return chance.lognormvariate(math.log(mean) - variance / 2, math.sqrt(variance))
