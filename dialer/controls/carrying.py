"""The dialer carries out what operators asked of their lines.

An order is taken in one transaction, done outside of any, and its effect written in a second: one that was under way when the dialer died
is not done again, and the screen shows what truly holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import transaction
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls.models import Call
from dialer.calls.state import CallState
from dialer.controls import consults
from dialer.controls.models import Consultation, LineOrder
from dialer.controls.service import open_talk
from dialer.controls.state import Talk, Verb
from dialer.telephony.errors import CarrierError
from dialer.telephony.port import Carrier, LegRequest

log = structlog.get_logger(__name__)

QUIET = (AgentState.READY, AgentState.PAUSED, AgentState.WRAP_UP)


@dataclass(frozen=True, slots=True)
class Task:
    """One order with all the carrier must know; `order_id` 0 is tidying nobody asked for."""

    order_id: int
    verb: Verb
    channel_id: str = ""
    room: str = ""
    leg_id: str = ""
    keys: str = ""
    guest_id: str = ""
    guest_address: str = ""
    caller_id: str = ""


class Controls:
    """Orders of the operators whose legs this dialer keeps."""

    def __init__(self, carrier: Carrier, node: str, caller_id: str) -> None:
        self._carrier, self._node, self._caller_id = carrier, node, caller_id

    def take(self, session: Session, now: datetime) -> list[Task]:
        """What was asked for, in the order of asking; nothing while the carrier is away."""
        return [*self._leftovers(session, now), *self._taken(session, now)] if self._carrier.is_connected() else []

    def carry_out(self, office_id: int, tasks: Sequence[Task], now: datetime) -> None:
        """Does it, outside any transaction, and writes down what holds then."""
        for task in tasks:
            problem = self._do(task)
            with transaction(office_id) as session:
                _note(session, task, problem, now)

    def _taken(self, session: Session, now: datetime) -> list[Task]:
        rows = session.execute(
            select(LineOrder, AgentSession, Call)
            .join(AgentSession, (AgentSession.office_id == LineOrder.office_id) & (AgentSession.id == LineOrder.agent_session_id))
            .outerjoin(Call, (Call.office_id == LineOrder.office_id) & (Call.id == LineOrder.call_id))
            .where(LineOrder.taken_at.is_(None), AgentSession.leg_node == self._node)
            .order_by(LineOrder.id)
            .with_for_update(of=LineOrder, skip_locked=True)
        ).all()
        tasks = []
        for order, agent, call in rows:
            order.taken_at = now
            tasks.append(self._task(session, order, agent, call))
            if order.verb == Verb.KEYS:
                order.argument = ""  # what was pressed may be a secret of the debtor's
        return tasks

    def _task(self, session: Session, order: LineOrder, agent: AgentSession, call: Call | None) -> Task:
        talk = open_talk(session, call.id) if call is not None else None
        office = session.get_one(Office, order.office_id)
        verb = Verb(order.verb)
        return Task(
            order.id,
            verb,
            channel_id=call.channel_id if call is not None and call.state != CallState.ENDED else "",
            room=agent.leg_id,
            leg_id=agent.leg_channel,
            keys=order.argument if verb is Verb.KEYS else "",
            guest_id=order.argument if verb is Verb.CLOSE_LEG else talk.channel_id if talk else "",
            guest_address=talk.address if talk else "",
            caller_id=office.phone or self._caller_id,
        )

    def _leftovers(self, session: Session, now: datetime) -> list[Task]:
        """Nobody begins a conversation muted, and no officer waits in the room of a call that is over."""
        muted = session.scalars(
            select(AgentSession)
            .where(AgentSession.is_muted, AgentSession.state.in_(QUIET), AgentSession.leg_node == self._node)
            .with_for_update(skip_locked=True)
        ).all()
        tasks = [Task(0, Verb.UNMUTE, room=agent.leg_id, leg_id=agent.leg_channel) for agent in muted if agent.is_leg_up]
        for agent in muted:
            agent.is_muted = False
        over = session.scalars(
            select(Consultation)
            .join(Call, (Call.office_id == Consultation.office_id) & (Call.id == Consultation.call_id))
            .where(Consultation.ended_at.is_(None), Call.state == CallState.ENDED, Call.node == self._node)
            .with_for_update(of=Consultation, skip_locked=True)
        ).all()
        for talk in over:
            consults.close(talk, "handed_over" if talk.handed_over_at else "call_over", now)
            consults.tell(session, talk)
        return [*tasks, *(Task(0, Verb.TAKE_BACK, guest_id=talk.channel_id) for talk in over)]

    def _do(self, task: Task) -> str:
        """Asks the carrier; returns what was wrong, "" when nothing was."""
        if task.order_id and not task.channel_id and task.verb is not Verb.CLOSE_LEG:
            return "no_call"
        try:
            for step in self._steps(task):
                step()
        except CarrierError as problem:
            log.info("order_not_done", verb=task.verb.value, error=problem.code)
            return problem.code
        return ""

    def _steps(self, task: Task) -> Sequence[Callable[[], None]]:
        carrier, channel, room, guest = self._carrier, task.channel_id, task.room, task.guest_id
        match task.verb:
            case Verb.MUTE | Verb.UNMUTE:
                return (lambda: carrier.mute(task.leg_id, room, is_muted=task.verb is Verb.MUTE),)
            case Verb.HOLD:
                return (lambda: carrier.hold(channel),)
            case Verb.RESUME | Verb.JOIN:
                return (lambda: carrier.bridge(channel, room),)
            case Verb.KEYS:
                return (lambda: carrier.send_keys(channel, task.keys, room),)
            case Verb.CONSULT:
                asked = LegRequest(guest, task.guest_address, room, is_guest=True, caller_id=task.caller_id)
                return (lambda: carrier.hold(channel), lambda: carrier.open_leg(asked))
            case Verb.CLOSE_LEG:
                return (lambda: carrier.close_leg(guest),)
            case Verb.TAKE_BACK:
                back = (lambda: carrier.bridge(channel, room),) if channel else ()
                return (lambda: carrier.close_leg(guest), *back)
            case Verb.HAND_OVER:
                return (lambda: carrier.hand_over(channel, guest),)


def _note(session: Session, task: Task, problem: str, now: datetime) -> None:
    """Writes down what holds now."""
    if not task.order_id:
        return
    order = session.scalars(select(LineOrder).where(LineOrder.id == task.order_id)).one()
    order.problem = problem[:40]
    call = session.scalar(select(Call).where(Call.id == order.call_id).with_for_update())
    talk = open_talk(session, call.id) if call is not None else None
    if not problem and call is not None:
        _apply(session, task.verb, order, call, talk, now)
    elif problem and task.verb is Verb.CONSULT and call is not None and talk is not None:
        call.held_at = call.held_at or now  # the hold may have been done; the operator sees it and takes the debtor back
        consults.close(talk, "refused", now)
    agent = session.scalar(select(AgentSession).where(AgentSession.id == order.agent_session_id))
    if agent is not None:
        agents.tell(session, agent)


def _apply(session: Session, verb: Verb, order: LineOrder, call: Call, talk: Consultation | None, now: datetime) -> None:
    match verb:
        case Verb.MUTE | Verb.UNMUTE:
            agent = session.scalar(select(AgentSession).where(AgentSession.id == order.agent_session_id).with_for_update())
            if agent is not None:
                agent.is_muted = verb is Verb.MUTE
        case Verb.HOLD | Verb.CONSULT:
            call.held_at = call.held_at or now
            if talk is not None and talk.state == Talk.JOINED:
                talk.state = Talk.TALKING.value
        case Verb.RESUME:
            call.held_at = None
        case Verb.JOIN:
            call.held_at = None
            if talk is not None:
                talk.state = Talk.JOINED.value
        case Verb.TAKE_BACK:
            call.held_at = None
            if talk is not None:
                consults.close(talk, "taken_back", now)
        case Verb.HAND_OVER:
            if talk is not None:
                consults.hand_over(session, talk, now)
        case Verb.KEYS | Verb.CLOSE_LEG:
            return
