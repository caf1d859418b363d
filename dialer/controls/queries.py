"""What the console shows of a line: one look, no state changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from dialer.agents.models import AgentSession
from dialer.calls.models import Call
from dialer.controls.models import Consultation, LineOrder
from dialer.controls.state import Talk


@dataclass(frozen=True, slots=True)
class LineView:
    """The operator's line as it is now.

    Attributes:
        held_at: since when the debtor is on hold.
        talk: state of the talk with an officer, None without one; `ending` is how the last one ended, "" when none has.
        problem: why the last thing asked for was not done; "" when nothing is wrong.
    """

    is_muted: bool = False
    held_at: datetime | None = None
    talk: Talk | None = None
    talk_since: datetime | None = None
    officer: str = ""
    ending: str = ""
    problem: str = ""


def line_view(session: Session, agent_session_id: int, call_id: int | None, told_after: datetime | None = None) -> LineView:
    """What was done to the line of this call so far; what failed up to `told_after` is no longer told."""
    newest = select(func.max(Consultation.id)).where(Consultation.call_id == call_id).scalar_subquery()
    problem_now = case((LineOrder.asked_at <= told_after, ""), else_=LineOrder.problem) if told_after else LineOrder.problem
    last = select(problem_now).where(LineOrder.call_id == call_id).order_by(LineOrder.id.desc()).limit(1).scalar_subquery()
    row = session.execute(
        select(AgentSession.is_muted, Call.held_at, Consultation, User.display_name, last)
        .outerjoin(Call, (Call.office_id == AgentSession.office_id) & (Call.id == call_id))
        .outerjoin(Consultation, (Consultation.office_id == Call.office_id) & (Consultation.id == newest))
        .outerjoin(User, (User.office_id == Consultation.office_id) & (User.id == Consultation.officer_id))
        .where(AgentSession.id == agent_session_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None or call_id is None:
        return LineView(is_muted=row is not None and row[0])
    is_muted, held_at, talk, officer, problem = row
    if talk is None:
        return LineView(is_muted, held_at, problem=problem or "")
    is_open = talk.ended_at is None
    return LineView(
        is_muted,
        held_at,
        talk=Talk(talk.state) if is_open else None,
        talk_since=(talk.answered_at or talk.began_at) if is_open else None,
        officer=officer,
        ending="" if is_open else talk.ending,
        problem=problem or "",
    )
