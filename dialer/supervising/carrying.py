"""What the dialer carries out for supervisors: legs opened, changed, closed as the database says; what the carrier tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from callcenter.auth import audit
from callcenter.core.db import transaction
from callcenter.core.live import publish
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls.models import Call
from dialer.calls.state import CallState
from dialer.supervising.models import Supervision
from dialer.supervising.service import LEG, end
from dialer.telephony.conversation import SupervisionMode, SupervisionRequest
from dialer.telephony.errors import CarrierError, HandoverUnknown
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import Carrier

log = structlog.get_logger(__name__)

TAKING_PART = frozenset({SupervisionMode.BARGE, SupervisionMode.TAKE_OVER})
RINGS_NO_LONGER = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to be asked of the carrier: a request, or with None the leg's end."""

    supervision_id: int
    leg_id: str
    request: SupervisionRequest | None


def is_leg(channel_id: str) -> bool:
    """Whether this is a supervisor's leg."""
    return LEG in channel_id


def tasks(session: Session, node: str, now: datetime) -> Sequence[Task]:
    """What is to be done now by the dialer that keeps the operators' legs; ends first, so that a phone is free for the next call."""
    open_rows = select(Supervision, AgentSession).join(
        AgentSession, (AgentSession.office_id == Supervision.office_id) & (AgentSession.id == Supervision.agent_session_id)
    )
    open_rows = open_rows.where(or_(Supervision.state != "ended", Supervision.is_leg_open), AgentSession.leg_node.in_((node, "")))
    ends: list[Task] = []
    begins: list[Task] = []
    for row, agent in session.execute(open_rows.order_by(Supervision.id).with_for_update(of=Supervision, skip_locked=True)):
        _settle(session, row, agent, now)
        if row.state == "ended":
            ends += _ending(session, row, agent)
        else:
            begins += _wanted(session, row, agent)
    return [*ends, *begins]


def _settle(session: Session, row: Supervision, agent: AgentSession, now: datetime) -> None:
    """Ends what can't go on."""
    if row.state != "ended" and (agent.state == AgentState.ENDED or not agent.is_leg_up):
        end(session, row, now, "operator_gone")
    if row.state == "asked" and row.is_leg_open and row.asked_at < now - RINGS_NO_LONGER:
        end(session, row, now, "no_answer")


def _ending(session: Session, row: Supervision, agent: AgentSession) -> list[Task]:
    """The leg's end; a conversation that was taken over is given back to the operator first."""
    found: list[Task] = []
    channel = _channel(session, agent)
    if row.mode_in_force == SupervisionMode.TAKE_OVER and channel is not None and agent.is_leg_up:
        back = _request(row, agent, SupervisionMode.LISTEN, channel, SupervisionMode(row.mode_in_force))
        found.append(Task(row.id, row.leg_id, back))
    row.is_leg_open, row.mode_in_force = False, ""
    return [*found, Task(row.id, row.leg_id, None)]


def _wanted(session: Session, row: Supervision, agent: AgentSession) -> list[Task]:
    if row.mode in TAKING_PART and agent.state != AgentState.TALKING:
        row.mode = SupervisionMode.LISTEN.value  # the conversation is over: nobody falls into the next one unasked
    mode = SupervisionMode(row.mode)
    if row.state == "asked":
        if row.is_leg_open:
            return []  # it rings
        row.is_leg_open = True
        first = SupervisionMode.LISTEN if mode is SupervisionMode.TAKE_OVER else mode
        return [Task(row.id, row.leg_id, _request(row, agent, first))]
    if row.mode_in_force == row.mode:
        return []
    was, row.mode_in_force, row.problem = SupervisionMode(row.mode_in_force), row.mode, ""
    return [Task(row.id, row.leg_id, _request(row, agent, mode, _channel(session, agent), was))]


def _request(
    row: Supervision, agent: AgentSession, mode: SupervisionMode, channel_id: str | None = None, was: SupervisionMode | None = None
) -> SupervisionRequest:
    return SupervisionRequest(row.leg_id, row.address, mode, agent.leg_id, agent.leg_channel, channel_id, was)


def _channel(session: Session, agent: AgentSession) -> str | None:
    """The debtor's channel in the operator's conversation."""
    if agent.attempt_id is None:
        return None
    return session.scalar(select(Call.channel_id).where(Call.attempt_id == agent.attempt_id, Call.state != CallState.ENDED))


def carry_out(carrier: Carrier, office_id: int, wanted: Sequence[Task], now: datetime) -> None:
    """Asks the carrier, outside any transaction; what it refuses is told to the supervisor."""
    for task in wanted:
        try:
            if task.request is None:
                carrier.close_leg(task.leg_id)
            else:
                carrier.supervise(task.request)
        except HandoverUnknown as problem:
            log.info("supervision_unknown", supervision=task.supervision_id, error=problem.code)
        except CarrierError as problem:
            log.info("supervision_refused", supervision=task.supervision_id, error=problem.code)
            if task.request is not None:
                with transaction(office_id) as session:
                    _refused(session, task, problem.code, now)


def _refused(session: Session, task: Task, problem: str, now: datetime) -> None:
    row = session.get_one(Supervision, (session.info["office_id"], task.supervision_id), with_for_update=True)
    if row.state == "ended":
        return
    request = task.request
    if request is not None and request.was is not None:  # the leg is up and does what it did before
        row.mode = row.mode_in_force = request.was.value
        row.problem = problem[:40]
        publish(session, "board")
        return
    row.is_leg_open = False
    end(session, row, now, problem[:40])


def apply(session: Session, event: CarrierEvent, now: datetime) -> str | None:
    """Takes what the carrier tells of a supervisor's leg; returns a channel that must be hung up, because nobody talks with it any more."""
    row = session.scalar(select(Supervision).where(Supervision.leg_id == event.channel_id).with_for_update())
    if row is None:
        return None
    if event.kind is EventKind.LEG_UP:
        if row.state == "asked":
            row.state, row.began_at = "on", event.at
            row.mode_in_force = (SupervisionMode.LISTEN if row.mode == SupervisionMode.TAKE_OVER else SupervisionMode(row.mode)).value
            note_conversation(session, row, now)
            publish(session, "dial")
        publish(session, "board")
        publish(session, "supervised", row.user_id)
        return None
    has_taken = row.mode_in_force == SupervisionMode.TAKE_OVER
    row.is_leg_open = False
    if row.state == "ended":
        return None
    end(session, row, now, "" if row.state == "on" else "no_answer")
    agent = session.get(AgentSession, (row.office_id, row.agent_session_id))
    return _channel(session, agent) if has_taken and agent is not None else None


def forget_lost(session: Session, live: frozenset[str], node: str, now: datetime) -> None:
    """After a reconnect: legs the carrier does not have any more are over."""
    mine = select(Supervision).join(
        AgentSession, (AgentSession.office_id == Supervision.office_id) & (AgentSession.id == Supervision.agent_session_id)
    )
    for row in session.scalars(mine.where(Supervision.is_leg_open, Supervision.leg_id.not_in(tuple(live)), AgentSession.leg_node == node)):
        row.is_leg_open, row.mode_in_force = False, ""
        if row.state != "ended":
            end(session, row, now, "connection_lost")


def note_conversation(session: Session, row: Supervision, now: datetime) -> None:
    """Puts on record that a debtor's conversation is heard by a supervisor."""
    agent = session.get_one(AgentSession, (row.office_id, row.agent_session_id))
    call = select(Call).where(Call.attempt_id == agent.attempt_id, Call.state == CallState.BRIDGED)
    found = session.scalar(call) if agent.attempt_id is not None else None
    if found is not None:
        told = {"mode": row.mode_in_force, "operator": row.user_id}
        audit.record(session, "conversation.supervised", "attempt", found.attempt_id, row.supervisor_id, "", told, now)


def note_joined(session: Session, call: Call, now: datetime) -> None:
    """A debtor joined an operator: who is with that operator from before hears this conversation, too."""
    if call.agent_session_id is None:
        return
    with_them = select(Supervision).where(Supervision.agent_session_id == call.agent_session_id, Supervision.state == "on")
    for row in session.scalars(with_them):
        note_conversation(session, row, now)
