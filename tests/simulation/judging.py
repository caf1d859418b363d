"""A seed's shift and the verdict on it."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from tests.simulation.checker import Checker, Violation
from tests.simulation.plan import plan_of
from tests.simulation.shift import Shift, ShiftResult


@dataclass(frozen=True)
class Judged:
    """What happened, and what was wrong with it."""

    result: ShiftResult
    violations: list[Violation]

    @property
    def told(self) -> str:
        """The verdict in words, with the way to see it again."""
        lines = [f"  {one.rule}: {one.text}" for one in self.violations]
        return "\n".join([f"seed {self.result.plan.seed} broke {len(lines)} rules; again: {self.result.plan.command}", *lines])


def judge(seed: int, eyes: psycopg.Connection) -> Judged:
    """Runs the shift of a seed and asks the checker."""
    result = Shift(plan_of(seed), eyes).run()
    return Judged(result, Checker(result.log, eyes, result.office_id, result.plan.lines).violations())
