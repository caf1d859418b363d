"""The record of an operator's time: one span for each state, closed as the next one opens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from dialer.agents.models import AgentSession, AgentStateSpan


def close_span(session: Session, agent: AgentSession, now: datetime) -> None:
    """Ends the span that is open, if any."""
    session.execute(
        update(AgentStateSpan)
        .where(AgentStateSpan.agent_session_id == agent.id, AgentStateSpan.ended_at.is_(None))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )


def open_span(session: Session, agent: AgentSession, now: datetime) -> None:
    """Begins one for the state, and the reason to pause, that the operator is in."""
    session.execute(
        insert(AgentStateSpan).values(
            agent_session_id=agent.id, user_id=agent.user_id, state=agent.state, pause_reason=agent.pause_reason, began_at=now
        )
    )
