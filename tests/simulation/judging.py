"""A seed's shift and the verdict on it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff
from itertools import islice

import psycopg

from tests.simulation.checker import Checker, Violation
from tests.simulation.plan import plan_of
from tests.simulation.shift import Shift, ShiftResult


@dataclass(frozen=True)
class Judged:
    """What happened, and what was wrong with it; `tale` is the same for the same seed."""

    result: ShiftResult
    violations: list[Violation]
    tale: list[str]

    @property
    def told(self) -> str:
        """The verdict in words, with the way to see it again."""
        lines = [f"  {one.rule}: {one.text}" for one in self.violations]
        return "\n".join([f"seed {self.result.plan.seed} broke {len(lines)} rules; again: {self.result.plan.command}", *lines])


def judge(seed: int, eyes: psycopg.Connection) -> Judged:
    """Runs the shift of a seed and asks the checker."""
    result = Shift(plan_of(seed), eyes).run()
    violations = Checker(result.log, eyes, result.office_id, result.plan.lines, result.plan.reap_seconds).violations()
    return Judged(result, violations, [*result.log.told(), *_records(eyes, result.office_id)])


def difference(first: Judged, again: Judged) -> list[str]:
    """Where two tales of one seed part, with the lines before; nothing when it is the same shift."""
    lines = unified_diff(first.tale, again.tale, "first", "again", lineterm="", n=6)
    return list(islice(lines, 40))


def _records(eyes: psycopg.Connection, office_id: int) -> list[str]:
    """The attempts of a shift and what operators did, without the names that are different each time."""
    attempts = eyes.execute(
        """SELECT d.debtor_no, a.channel, a.state, a.began_at, a.answered_at, a.ended_at, a.line_result, a.party, a.outcome,
                  i.state, i.not_before
           FROM attempt a JOIN debtor d ON (d.office_id, d.id) = (a.office_id, a.debtor_id)
           LEFT JOIN work_item i ON (i.office_id, i.id) = (a.office_id, a.work_item_id)
           WHERE a.office_id = %s AND a.source = 'live' ORDER BY a.id""",
        (office_id,),
    ).fetchall()
    spans = eyes.execute(
        """SELECT u.sign_in_name, s.state, s.began_at, s.ended_at FROM agent_state_span s
           JOIN app_user u ON (u.office_id, u.id) = (s.office_id, s.user_id) WHERE s.office_id = %s ORDER BY s.id""",
        (office_id,),
    ).fetchall()
    return [" ".join(str(value) for value in row) for row in (*attempts, *spans)]
