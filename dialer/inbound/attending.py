"""One round of attention to those who call: who is connected, who hears what, who is let go. The dialer carries the orders out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import office_of
from callcenter.core.live import publish
from campaigns.attempts.codes import Channel
from campaigns.compliance.policy import ContactPolicy
from campaigns.compliance.windows import is_open, next_open, spans_on
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.inbound import words
from dialer.inbound.callers import find_caller, our_calls
from dialer.inbound.models import InboundCall
from dialer.inbound.owed import owe_callback
from dialer.inbound.rules import ENDINGS, Floor, Seat, Treatment, choose_operator, is_told_again, treat
from dialer.inbound.service import connect


@dataclass(frozen=True, slots=True)
class Order:
    """What the carrier is to do with a channel: join a room, say something (and end, if `is_last`), or hang up (neither)."""

    channel_id: str
    room: str = ""
    says: tuple[str, ...] = ()
    is_last: bool = False


def attend(session: Session, node: str, policy: ContactPolicy, now: datetime) -> list[Order]:
    """Treats everybody of this dialer who waits, in the order in which they came."""
    live = select(InboundCall).where(InboundCall.node == node, InboundCall.state.in_(("ringing", "waiting", "closing")))
    calls = session.scalars(live.order_by(InboundCall.came_at, InboundCall.id).with_for_update(skip_locked=True)).all()
    orders = [Order(call.channel_id) for call in calls if call.state == "closing" and call.result == "talked"]
    waiting = [call for call in calls if call.state != "closing"]
    if not waiting:
        return orders
    floor, agents = _floor(session, node, policy, now)
    office = session.get_one(Office, office_of(session))
    name = office.desk_name or office.name
    place, lines = 1, our_calls(session, waiting)
    for call in waiting:
        how = treat(floor, call.came_at, place, now, is_on_line=bool(lines[call.id]))
        if how is Treatment.RING:
            continue
        if how is Treatment.CONNECT:
            seat = choose_operator(floor.free, find_caller(session, call.caller).last_user_id)
            assert seat is not None
            agent = agents[seat.agent_session_id]
            floor = Floor(floor.is_open, [free for free in floor.free if free is not seat], floor.at_work)
            connect(session, call, agent, now)
            orders.append(Order(call.channel_id, room=agent.leg_id))
            continue
        order = _tell(session, call, how, place, name, policy, now)
        place += how is Treatment.WAIT
        if order is not None:
            orders.append(order)
    if orders:
        publish(session, "board")
    return orders


def _tell(
    session: Session, call: InboundCall, how: Treatment, place: int, office: str, policy: ContactPolicy, now: datetime
) -> Order | None:
    is_first, zone = call.told_at is None, policy.hours.zone
    if how in ENDINGS:
        call.state, call.result = "closing", how.value
        owe_callback(session, call, policy, now)
        opens = next_open(policy.hours, Channel.OPERATOR_CALL, now)
        said = words.ending_words(how, office, opens, zone, is_first=is_first, is_called_back=call.callback != "none")
        call.told_at = now
        return Order(call.channel_id, says=said, is_last=True)
    if not is_told_again(call.told_at, call.told_position, place, now):
        return None
    call.state, call.told_at, call.told_position = "waiting", now, place
    return Order(call.channel_id, says=words.place_words(office, place, _closes_at(policy, now), zone, is_first=is_first))


def _floor(session: Session, node: str, policy: ContactPolicy, now: datetime) -> tuple[Floor, dict[int, AgentSession]]:
    free = session.scalars(
        select(AgentSession)
        .where(AgentSession.state == AgentState.READY, AgentSession.is_leg_up, AgentSession.leg_node == node)
        .order_by(AgentSession.state_since, AgentSession.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    at_work = select(func.count()).where(AgentSession.state.not_in((AgentState.ENDED, AgentState.PAUSED)), AgentSession.leg_node == node)
    seats: Sequence[Seat] = [Seat(agent.id, agent.user_id, agent.state_since) for agent in free]
    floor = Floor(is_open(policy.hours, Channel.OPERATOR_CALL, now), seats, session.scalar(at_work) or 0)
    return floor, {agent.id: agent for agent in free}


def _closes_at(policy: ContactPolicy, now: datetime) -> datetime | None:
    spans = spans_on(policy.hours, Channel.OPERATOR_CALL, now.astimezone(policy.hours.zone).date())
    return next((closes for opens, closes in spans if opens <= now < closes), None)
