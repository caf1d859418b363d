"""Who is with whom: for the board and for the operator who is heard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from dialer.supervising.models import Supervision

SAYS_WHY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Watch:
    """A supervisor with an operator; `mode` is what is in force, else what was asked for."""

    supervisor_id: int
    supervisor: str
    user_id: int
    mode: str
    state: str
    problem: str


def watches(session: Session, now: datetime) -> list[Watch]:
    """All that go on, and those that came to nothing a moment ago, with the reason."""
    failed = and_(Supervision.state == "ended", Supervision.problem != "", Supervision.ended_at > now - SAYS_WHY)
    rows = session.execute(
        select(Supervision, User.display_name)
        .join(User, and_(User.office_id == Supervision.office_id, User.id == Supervision.supervisor_id))
        .where(or_(Supervision.state != "ended", failed), Supervision.asked_at > now - timedelta(days=1))
        .order_by(Supervision.id)
    )
    return [Watch(row.supervisor_id, name, row.user_id, row.mode_in_force or row.mode, row.state, row.problem) for row, name in rows]


def watched_by(session: Session, user_id: int) -> list[tuple[str, str]]:
    """Who is with this operator now: name and mode."""
    rows = session.execute(
        select(User.display_name, Supervision.mode_in_force)
        .join(User, and_(User.office_id == Supervision.office_id, User.id == Supervision.supervisor_id))
        .where(Supervision.user_id == user_id, Supervision.state == "on")
    )
    return [(name, mode) for name, mode in rows]
