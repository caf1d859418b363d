"""A clock that is set while calls are up: noticed by comparing it with time that only runs on, and made up for.

What was written down before is as old as it was: operators whose page was open a moment ago are not gone, a result is not overdue, and
nobody is called again because an hour seems to have passed (`Line.note_step`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from callcenter.core.clock import Clock
from campaigns.attempts.models import Attempt
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState

LEAST = timedelta(seconds=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StepWatch:
    """Tells steps of a clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = self._read()

    def take(self) -> timedelta:
        """By how much the clock was set since the last time; zero for less than `LEAST`, which is drift or a correction in passing."""
        before, self._offset = self._offset, self._read()
        step = self._offset - before
        return step if abs(step) >= LEAST else timedelta(0)

    def _read(self) -> timedelta:
        return self._clock.now() - _EPOCH - timedelta(seconds=self._clock.elapsed())


def make_up_for(session: Session, node: str, step: timedelta, now: datetime) -> None:
    """Moves what is counted from a moment by the step, for the operators whose legs this dialer keeps: when their page was seen last, since
    when their phone is down, and until when a result is to be written."""
    mine = (AgentSession.leg_node == node, AgentSession.state != AgentState.ENDED)
    moved = {
        "last_seen_at": func.least(AgentSession.last_seen_at + step, now),  # after the step it may have been seen already
        "leg_down_at": AgentSession.leg_down_at + step,
    }
    session.execute(update(AgentSession).where(*mine).values(moved).execution_options(synchronize_session=False))
    writing = select(AgentSession.attempt_id).where(*mine, AgentSession.state == AgentState.WRAP_UP, AgentSession.attempt_id.is_not(None))
    session.execute(
        update(Attempt)
        .where(Attempt.id.in_(writing), Attempt.state == "wrap_up", Attempt.wrap_up_until.is_not(None))
        .values(wrap_up_until=Attempt.wrap_up_until + step)
        .execution_options(synchronize_session=False)
    )
