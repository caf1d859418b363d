"""Operators' voice legs: opened while signed in, closed afterwards, made anew when the carrier lost them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState, PauseReason
from dialer.telephony.events import CarrierEvent, EventKind

ASK_AGAIN_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class LegOrder:
    """A leg to be opened at `address`."""

    agent_session_id: int
    leg_id: str
    address: str


def legs_to_open(
    session: Session, node: str, now: datetime, asked: Collection[str], dead: Sequence[str] = ()
) -> list[LegOrder]:
    """Takes the legs that are missing for this dialer and gives each a fresh id; `asked` are ids under way already."""
    free = or_(AgentSession.leg_node.in_(("", node, *dead)), AgentSession.leg_node.is_(None))
    missing = session.scalars(
        select(AgentSession)
        .where(AgentSession.state != AgentState.ENDED, AgentSession.is_leg_up.is_(False), AgentSession.leg_problem == "")
        .where(free, AgentSession.leg_id.not_in(tuple(asked)))
        .with_for_update(skip_locked=True)
    ).all()
    for agent in missing:
        agent.leg_node, agent.leg_id = node, agents.new_leg_id(session)
    return [LegOrder(agent.id, agent.leg_id, agent.leg_address) for agent in missing]


def legs_to_close(session: Session, node: str) -> list[str]:
    """Lets go of the legs of operators who have gone."""
    ended = session.scalars(
        select(AgentSession)
        .where(AgentSession.state == AgentState.ENDED, AgentSession.leg_node == node)
        .with_for_update(skip_locked=True)
    ).all()
    for agent in ended:
        agent.leg_node, agent.is_leg_up = "", False
    return [agent.leg_id for agent in ended]


def refuse_leg(session: Session, leg_id: str, problem: str) -> None:
    """The carrier won't open this leg; the operator sees why and it is tried again when they say that they are ready."""
    agent = _by_leg(session, leg_id)
    if agent is not None:
        agent.leg_problem = problem
        agents.tell(session, agent)


def apply_leg_event(session: Session, event: CarrierEvent, now: datetime) -> None:
    """A leg stands or has fallen. Without a leg nobody is called for this operator."""
    agent = _by_leg(session, event.channel_id)
    if agent is None:
        return
    is_up = event.kind is EventKind.LEG_UP
    if agent.is_leg_up is is_up and not (not is_up and agent.leg_problem == ""):
        return
    agent.is_leg_up = is_up
    if not is_up and agent.state != AgentState.ENDED:
        agent.leg_problem = PauseReason.LEG_DOWN.value
        if agent.state == AgentState.READY:
            agents.move(session, agent, AgentState.PAUSED, now, pause_reason=PauseReason.LEG_DOWN)
            return
    agents.tell(session, agent)


def forget_lost_legs(session: Session, node: str, live: frozenset[str], before: datetime) -> int:
    """After a reconnect: legs the carrier does not have any more are opened anew."""
    lost = update(AgentSession).where(
        AgentSession.leg_node == node,
        AgentSession.is_leg_up,
        AgentSession.leg_id.not_in(tuple(live)),
        AgentSession.signed_in_at < before,
    )
    done = session.scalars(lost.values(is_leg_up=False).returning(AgentSession.id)).all()
    return len(done)


def is_forgotten(asked_at: datetime, now: datetime) -> bool:
    """Whether a leg that was asked for is not coming any more."""
    return now - asked_at > timedelta(seconds=ASK_AGAIN_SECONDS)


def _by_leg(session: Session, leg_id: str) -> AgentSession | None:
    return session.scalar(
        select(AgentSession)
        .where(AgentSession.leg_id == leg_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
