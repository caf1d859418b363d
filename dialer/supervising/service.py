"""What supervisors ask for: to be with an operator's conversation, in another way, or no longer. The dialer carries it out."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.db import office_of
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.live import publish
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.supervising.models import Supervision
from dialer.telephony.conversation import SupervisionMode

LEG = "-sup-"


def ask(session: Session, supervisor_id: int, user_id: int, mode: str, now: datetime) -> Supervision:
    """A supervisor wants to be with an operator, or otherwise than now; with another operator, the former one is left.

    Raises:
        InvalidInput: no such mode.  NotFound: the operator is not at work.
        Conflict: the operator has no voice leg, or there is no conversation to join or take over.
    """
    if mode not in set(SupervisionMode):
        raise InvalidInput("That is no way to be with a conversation.", hint=f"Expected one of: {', '.join(SupervisionMode)}.", code="mode")
    agent = agents.find_live(session, user_id)
    if agent is None:
        raise NotFound("This operator is not at work.", hint="The board shows who is.", code="not_signed_in")
    if not agent.is_leg_up:
        raise Conflict("This operator's phone is not connected.", hint="There is nothing to hear yet.", code="no_leg")
    if mode in (SupervisionMode.BARGE, SupervisionMode.TAKE_OVER) and agent.state != AgentState.TALKING:
        raise Conflict(
            "There is no conversation to take part in.", hint="Listen first; the board shows when they talk.", code="not_talking"
        )
    row = find_live(session, supervisor_id)
    if row is not None and row.agent_session_id != agent.id:
        stop(session, supervisor_id, now)
        row = None
    if row is None:
        row = _new(session, supervisor_id, agent, now)
    row.mode = mode
    session.flush()
    _tell(session, row)
    return row


def _new(session: Session, supervisor_id: int, agent: AgentSession, now: datetime) -> Supervision:
    row = Supervision(
        supervisor_id=supervisor_id,
        user_id=agent.user_id,
        agent_session_id=agent.id,
        mode=SupervisionMode.LISTEN.value,
        leg_id=f"o{office_of(session)}{LEG}{uuid4().hex[:20]}",
        address=session.scalar(select(User.phone_address).where(User.id == supervisor_id)) or "",
        asked_at=now,
    )
    session.add(row)
    return row


def stop(session: Session, supervisor_id: int, now: datetime) -> bool:
    """The supervisor leaves. A conversation that was taken over is given back first. False when they were with nobody."""
    row = find_live(session, supervisor_id)
    if row is None:
        return False
    end(session, row, now)
    return True


def end(session: Session, row: Supervision, now: datetime, problem: str = "") -> None:
    """Ends one use; the dialer hangs the leg up."""
    row.state, row.ended_at, row.problem = "ended", now, problem
    session.flush()
    _tell(session, row)


def find_live(session: Session, supervisor_id: int) -> Supervision | None:
    """What the supervisor does now, locked."""
    mine = select(Supervision).where(Supervision.supervisor_id == supervisor_id, Supervision.state != "ended")
    return session.scalar(mine.with_for_update().execution_options(populate_existing=True))


def _tell(session: Session, row: Supervision) -> None:
    """The dialer, the board, and the operator's console."""
    publish(session, "dial")
    publish(session, "board")
    publish(session, "supervised", row.user_id)
