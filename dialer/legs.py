"""Operators' voice legs: opened while signed in, closed afterwards, made anew when the carrier lost them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callcenter.core.db import transaction
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState, PauseReason
from dialer.telephony.errors import CarrierError, CarrierRefused
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import Carrier, LegRequest

log = structlog.get_logger(__name__)

ASK_AGAIN_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class LegOrder:
    """A leg to be opened at `address`."""

    agent_session_id: int
    leg_id: str
    address: str


@dataclass(frozen=True, slots=True)
class LegWishes:
    """Legs to be opened, and ids of legs to be closed."""

    to_open: Sequence[LegOrder] = ()
    to_close: Sequence[str] = ()


class LegKeeper:
    """Makes the carrier's legs equal what the database says they should be; remembers only what was asked for just now."""

    def __init__(self, carrier: Carrier, node: str) -> None:
        self._carrier, self._node = carrier, node
        self._asked: dict[str, datetime] = {}

    def wishes(self, session: Session, now: datetime) -> LegWishes:
        """Which legs are missing and which are over; those to be opened are this dialer's from now on."""
        if not self._carrier.is_connected():
            return LegWishes()
        self._asked = {leg_id: at for leg_id, at in self._asked.items() if now - at < timedelta(seconds=ASK_AGAIN_SECONDS)}
        return LegWishes(legs_to_open(session, self._node, self._asked), legs_to_close(session, self._node))

    def fulfil(self, office_id: int, wishes: LegWishes, now: datetime) -> None:
        """Asks the carrier, outside any transaction."""
        for order in wishes.to_open:
            self._open(office_id, order, now)
        for leg_id in wishes.to_close:
            self._close(leg_id)

    def apply(self, session: Session, event: CarrierEvent, now: datetime) -> None:
        """Takes a leg's event."""
        self._asked.pop(event.channel_id, None)
        apply_leg_event(session, event, now)

    def _open(self, office_id: int, order: LegOrder, now: datetime) -> None:
        self._asked[order.leg_id] = now
        try:
            self._carrier.open_leg(LegRequest(order.leg_id, order.address))
        except CarrierRefused as problem:
            log.info("leg_refused", agent_session=order.agent_session_id, error=problem.code)
            with transaction(office_id) as session:
                refuse_leg(session, order.leg_id, "leg_refused")
        except CarrierError as problem:
            log.info("leg_not_opened", agent_session=order.agent_session_id, error=problem.code)

    def _close(self, leg_id: str) -> None:
        try:
            self._carrier.close_leg(leg_id)
        except CarrierError as problem:
            log.info("leg_not_closed", error=problem.code)


def legs_to_open(session: Session, node: str, asked: Collection[str]) -> list[LegOrder]:
    """Takes the legs that are missing for this dialer and gives each a fresh id; `asked` are ids under way already."""
    missing = session.scalars(
        select(AgentSession)
        .where(AgentSession.state != AgentState.ENDED, AgentSession.is_leg_up.is_(False), AgentSession.leg_problem == "")
        .where(AgentSession.leg_node.in_(("", node)), AgentSession.leg_id.not_in(tuple(asked)))
        .with_for_update(skip_locked=True)
    ).all()
    for agent in missing:
        agent.leg_node, agent.leg_id = node, agents.new_leg_id(session)
    return [LegOrder(agent.id, agent.leg_id, agent.leg_address) for agent in missing]


def legs_to_close(session: Session, node: str) -> list[str]:
    """Lets go of the legs of operators who have gone."""
    ended = session.scalars(
        select(AgentSession).where(AgentSession.state == AgentState.ENDED, AgentSession.leg_node == node).with_for_update(skip_locked=True)
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


def _by_leg(session: Session, leg_id: str) -> AgentSession | None:
    return session.scalar(
        select(AgentSession).where(AgentSession.leg_id == leg_id).with_for_update().execution_options(populate_existing=True)
    )


def free_legs_of(session: Session, nodes: Sequence[str]) -> None:
    """Lets other dialers open the legs of dialers that have gone."""
    session.execute(update(AgentSession).where(AgentSession.leg_node.in_(nodes)).values(leg_node="", is_leg_up=False))
