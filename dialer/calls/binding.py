"""Predictive calls find their operator: at the answer the one who has been idle longest, else whoever is free within two seconds.

Rows are locked in the order call, attempt, operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from campaigns.attempts.codes import LineResult
from campaigns.attempts.models import Attempt
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls.models import Call
from dialer.calls.state import CallState

PREDICTIVE = "predictive"
PATIENCE = timedelta(seconds=2)  # Ofcom's and the FTC's span between a live answer and an operator
LAST_MOMENT = timedelta(seconds=0.15)  # an order to the carrier may take so long: later nobody is bound any more


@dataclass(frozen=True, slots=True)
class Joining:
    """An answered call and the operator's room it must be joined with now; `is_told`: where that fails, the carrier tells the debtor."""

    channel_id: str
    leg_id: str
    is_told: bool = False


def serves(campaign_id: int | None, *, own_only: bool = False) -> ColumnElement[bool]:
    """Operators who work for this campaign: those signed in for it, and, unless `own_only`, those for whichever runs."""
    own = AgentSession.campaign_id == campaign_id
    return own if own_only else or_(AgentSession.campaign_id.is_(None), own)


def idle_operators(campaign_id: int | None, node: str, *, own_only: bool = False) -> Select[AgentSession]:
    """Operators who may get a call of this campaign from this dialer, longest idle first."""
    return (
        select(AgentSession)
        .where(AgentSession.state == AgentState.READY, AgentSession.is_leg_up, AgentSession.leg_node == node)
        .where(serves(campaign_id, own_only=own_only))
        .order_by(AgentSession.state_since, AgentSession.id)
    )


def bind(session: Session, call: Call, attempt: Attempt, now: datetime) -> Joining | None:
    """Gives an answered call (locked, like its attempt) the operator who has been idle longest; None while there is none."""
    agent = session.scalar(idle_operators(call.campaign_id, call.node).limit(1).with_for_update(skip_locked=True))
    if agent is None:
        return None
    call.agent_session_id, attempt.operator_id = agent.id, agent.user_id
    agents.bind(session, agent, attempt.id, now)
    return Joining(call.channel_id, agent.leg_id, is_told=True)


def is_too_late(answered_at: datetime, now: datetime) -> bool:
    """Whether an order to join them would come after the debtor was told that nobody is there."""
    return answered_at <= now - PATIENCE + LAST_MOMENT


def bind_waiting(session: Session, node: str, now: datetime) -> list[Joining]:
    """Gives operators who have become free to calls that wait for one, longest waiting first."""
    waiting = (
        select(Call)
        .where(is_waiting(), Call.node == node, Call.answered_at > now - PATIENCE + LAST_MOMENT)
        .order_by(Call.answered_at, Call.id)
        .with_for_update(skip_locked=True)
    )
    joinings = []
    for call in session.scalars(waiting).all():
        attempt = session.get_one(Attempt, (call.office_id, call.attempt_id), with_for_update=True)
        joining = bind(session, call, attempt, now)
        if joining is not None:
            joinings.append(joining)
    return joinings


def is_waiting() -> ColumnElement[bool]:
    """Answered predictive calls without an operator, to whom nobody has said so yet."""
    is_untold = Call.line_result.is_(None) | (Call.line_result == LineResult.ANSWERED)
    return (Call.state == CallState.ANSWERED) & (Call.mode == PREDICTIVE) & Call.agent_session_id.is_(None) & is_untold
