"""The policies that the pacing benchmark compares: ours as the dialer asks it, a plain reference, and what is usual."""

from __future__ import annotations

import math
from collections.abc import Callable

from benchmarks.pacing_world import Policy, World
from dialer.pacing.budget import FIRST_PRICE, LIMIT, Budget, learn_price
from dialer.pacing.decision import PacingDecision, PacingSnapshot, decide
from dialer.pacing.learning import RING_EDGES, Durations, Memory, hazards_of
from dialer.pacing.ledger import LEAST_WORK
from dialer.pacing.odds import Odds, Situation, build_odds

REFRESH_SECONDS = 30.0
AS_MANY_AS_IT_TAKES = 10**6


class Progressive:
    """One line for each idle operator."""

    def lines(self, world: World) -> int:
        """Lines to dial now."""
        return max(0, len(world.idle) - len(world.lines) - len(world.waiting))

    def lets_go(self, world: World) -> bool:
        """Never."""
        return False

    def heard(self, world: World, what: str, seconds: float) -> None:
        """Nothing is learned."""

    def day_began(self, world: World) -> None:
        """Nothing is kept."""


class FixedRatio(Progressive):
    """So many lines for each idle operator, whatever comes of it."""

    def __init__(self, ratio: int) -> None:
        self._ratio = ratio

    def lines(self, world: World) -> int:
        """Lines to dial now."""
        return max(0, self._ratio * (len(world.idle) - len(world.waiting)) - len(world.lines))


class AdaptiveRatio(Progressive):
    """How the most used open-source dialler adapts its ratio by default: each quarter of a minute by how many operators were idle on
    average, up to three lines each, back to one line while the day's abandoned share is over the limit."""

    EVERY, MOST = 15.0, 3.0

    def __init__(self) -> None:
        self._level, self._looked, self._idle = 1.0, 0.0, [0, 0]

    def day_began(self, world: World) -> None:
        """Each day begins with one line for each operator."""
        self._level, self._looked = 1.0, world.now

    def lines(self, world: World) -> int:
        """Lines to dial now."""
        self._idle = [self._idle[0] + len(world.idle), self._idle[1] + 1]
        if world.now - self._looked >= self.EVERY:
            wanted = self._idle[0] / self._idle[1] / max(1, world.operators)
            self._level = 1.0 if world.today.rate > LIMIT else min(self.MOST, max(1.0, self._level * (0.95 + wanted)))
            self._looked, self._idle = world.now, [0, 0]
        return max(0, round(self._level * (len(world.idle) - len(world.waiting))) - len(world.lines))


class Learner:
    """What both predicting policies learn of lines and operators, and the ages they ask with."""

    def __init__(self, price: float) -> None:
        self.memory, self.odds = Memory(price), None
        self._refreshed, self._last = -math.inf, 0.0
        self.odds: Odds | None

    def ages(self, world: World) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
        """How long lines have rung, operators have talked, and have been writing."""
        now = world.now
        return (
            tuple(now - line.placed for line in world.lines.values()),
            tuple(now - began for began, _ in world.talking.values()),
            tuple(now - began for began, _ in world.wrapping.values()),
        )

    def look(self, world: World) -> Odds:
        """The odds, made anew from time to time."""
        if self.odds is None or world.now - self._refreshed >= REFRESH_SECONDS:
            self.memory.forget(world.now - self._last)
            self._last = self._refreshed = world.now
            self.odds = build_odds(hazards_of(self.memory, *self.ages(world)))
        return self.odds

    def heard(self, world: World, what: str, seconds: float) -> None:
        """Remembers how calls, talks and results ended."""
        self.memory.take(what, seconds)

    def day_began(self, world: World) -> None:
        """What was learned stays; how much more or less is answered than usual does not."""
        self._refreshed, self._last = -math.inf, world.now
        self.memory.recent = Durations(RING_EDGES)


class Reference(Learner):
    """A newsvendor with a learned price and nothing more: no budget is kept, only steered at in the long run."""

    TARGET, STEP = 0.0285, 0.02

    def __init__(self) -> None:
        super().__init__(LIMIT * FIRST_PRICE)

    def lets_go(self, world: World) -> bool:
        """Never."""
        return False

    def heard(self, world: World, what: str, seconds: float) -> None:
        """Answers raise the price, abandoned calls lower it."""
        super().heard(world, what, seconds)
        if what == "connected":
            self.memory.price *= math.exp(self.STEP * self.TARGET)
        elif what == "abandoned":
            self.memory.price *= math.exp(-self.STEP * (1 - self.TARGET))

    def lines(self, world: World) -> int:
        """Lines to dial now."""
        odds, (ringing, talking, wrapping) = self.look(world), self.ages(world)
        ready = len(world.idle) - len(world.waiting)
        situation, lines = Situation(odds, ready, ringing, talking, wrapping), 0
        while lines < ready - len(ringing) or situation.lost() <= self.memory.price:
            situation.add_line()
            lines += 1
        return lines


class Ours(Learner):
    """The dialer's own decision, with the budget of the day and of 30 days."""

    def __init__(self, limit: float = LIMIT) -> None:
        super().__init__(limit * FIRST_PRICE)
        self._limit, self._judged = limit, (0, 0)
        self._decision = PacingDecision()

    def day_began(self, world: World) -> None:
        """Another day, another day's budget."""
        super().day_began(world)
        self._judged = (0, 0)

    def lets_go(self, world: World) -> bool:
        """Decides; the answer for lines is kept for `lines`."""
        odds, budget = self.look(world), self._budget(world)
        today = world.today
        answers, abandoned = today.answers - self._judged[0], today.abandoned - self._judged[1]
        if answers or abandoned:
            self.memory.price = learn_price(self.memory.price, answers, abandoned, budget)
            self._judged = (today.answers, today.abandoned)
        ringing, talking, wrapping = self.ages(world)
        self._decision = decide(
            PacingSnapshot(
                mode="predictive",
                ready_operators=len(world.idle),
                idle_operators=0,
                free_lines=AS_MANY_AS_IT_TAKES,
                talking=talking,
                wrapping=wrapping,
                ringing=ringing,
                waiting=len(world.waiting),
                odds=odds if self.memory.has_seen_enough else None,
                budget=budget,
                price=self.memory.price,
            )
        )
        return self._decision.let_go

    def lines(self, world: World) -> int:
        """Lines to dial now."""
        return self._decision.predictive_calls + self._decision.operator_calls

    def _budget(self, world: World) -> Budget:
        days = [*world.past[-29:], world.today]
        return Budget(
            self._limit,
            world.today.answers,
            world.today.abandoned,
            sum(day.answers for day in days),
            sum(day.abandoned for day in days),
            answers_a_minute=60.0 * world.today.answers / max(LEAST_WORK, world.worked),
            minutes_to_come=world.seconds_to_come / 60.0,
        )


POLICIES: dict[str, Callable[[], Policy]] = {
    "progressive": Progressive,
    "two_lines_each": lambda: FixedRatio(2),
    "adaptive_ratio": AdaptiveRatio,
    "reference": Reference,
    "ours": Ours,
}
