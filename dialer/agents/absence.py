"""Operators whose page is gone: paused after a minute, signed out after hours."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState, PauseReason

STALE_SECONDS = 60.0
GONE_HOME = timedelta(hours=2)


def pause_stale(session: Session, now: datetime, seconds: float = STALE_SECONDS) -> int:
    """Pauses operators whose console has been gone: nobody is called for an empty chair. In a call: after this call."""
    stale = session.scalars(
        select(AgentSession)
        .where(AgentSession.state.not_in((AgentState.ENDED, AgentState.PAUSED)), AgentSession.is_bot.is_(False))
        .where(AgentSession.last_seen_at < now - timedelta(seconds=seconds), AgentSession.next_state == "")
        .order_by(AgentSession.id)
        .with_for_update(skip_locked=True)
    ).all()
    for agent in stale:
        if agent.state == AgentState.READY:
            agents.move(session, agent, AgentState.PAUSED, now, pause_reason=PauseReason.CONSOLE_GONE)
        else:
            agent.next_state, agent.next_pause_reason = AgentState.PAUSED.value, PauseReason.CONSOLE_GONE.value
    return len(stale)


def sign_out_absent(session: Session, now: datetime) -> int:
    """Ends the sign-in of operators who closed their page long ago and owe nothing: who goes home seldom signs out.

    A sign-in without an end would keep the reports' facts of all its days from being made.
    """
    absent = session.scalars(
        select(AgentSession)
        .where(AgentSession.state == AgentState.PAUSED, AgentSession.is_bot.is_(False), AgentSession.last_seen_at < now - GONE_HOME)
        .order_by(AgentSession.id)
        .with_for_update(skip_locked=True)
    ).all()
    for agent in absent:
        agents.move(session, agent, AgentState.ENDED, now)
    return len(absent)
