"""Which open page of an operator is in charge: one at a time; others look on until they take over."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from callcenter.core.live import publish
from dialer.agents.absence import STALE_SECONDS
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState


def is_in_charge(session: Session, user_id: int, console_id: str, now: datetime) -> bool:
    """Whether this page may act for the operator; a page takes charge by itself where no other is open.

    Args:
        console_id: made by the page and kept by it over a reload; "" for a program without pages.
    """
    held = session.execute(
        select(AgentSession.console_id, AgentSession.last_seen_at).where(
            AgentSession.user_id == user_id, AgentSession.state != AgentState.ENDED
        )
    ).one_or_none()
    return held is None or may_act(session, user_id, console_id, held.console_id, held.last_seen_at, now)


def may_act(session: Session, user_id: int, console_id: str, held_by: str, last_seen_at: datetime, now: datetime) -> bool:
    """The same where it is known already which page is in charge and when it last said so."""
    if held_by == console_id:
        return True
    if held_by and last_seen_at >= now - timedelta(seconds=STALE_SECONDS):
        return False
    return _take(session, user_id, console_id, held_by)


def take_over(session: Session, user_id: int, console_id: str) -> None:
    """Puts this page in charge; the other one hears of it and only looks on from then."""
    _take(session, user_id, console_id, None)
    publish(session, "call", user_id)


def _take(session: Session, user_id: int, console_id: str, was: str | None) -> bool:
    """By conditional update: of two pages that ask at once, one gets it."""
    live = update(AgentSession).where(AgentSession.user_id == user_id, AgentSession.state != AgentState.ENDED)
    if was is not None:
        live = live.where(or_(AgentSession.console_id == was, AgentSession.console_id == console_id))
    return session.scalar(live.values(console_id=console_id).returning(AgentSession.id)) is not None
