"""Calls that come in, on record: they come, wait, are brought to an operator, and end. Rows are locked call, attempt, operator.

A conversation with a debtor who is known has an attempt and a call like any other, marked as inbound: it counts as a conversation, never as
an attempt of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from callcenter.core.live import publish
from campaigns.attempts import service as attempts
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.compliance.gate import load_policy
from campaigns.debtors.models import PhoneNumber
from campaigns.worklist.models import WorkItem
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls import service as calls
from dialer.calls.models import Call
from dialer.calls.state import CallState
from dialer.inbound.callers import campaign_for, find_caller, live_item, our_calls
from dialer.inbound.models import InboundCall
from dialer.inbound.owed import owe_callback, settle_callback
from dialer.telephony.events import CarrierEvent, EventKind

log = structlog.get_logger(__name__)

INBOUND = "inbound"
TALK_LEASE = timedelta(hours=2)


def come_in(session: Session, event: CarrierEvent, carrier: str, node: str) -> InboundCall | None:
    """Puts a call on record; None for one that is on record already."""
    caller = find_caller(session, event.caller)
    only = caller.persons[0] if len(caller.persons) == 1 else (None, None)
    row = insert(InboundCall).values(
        carrier=carrier,
        channel_id=event.channel_id,
        node=node,
        caller=event.caller,
        debtor_id=only[0],
        phone_id=only[1],
        persons=len(caller.persons),
        came_at=event.at,
    )
    new = session.scalar(row.on_conflict_do_nothing(index_elements=["office_id", "channel_id"]).returning(InboundCall.id))
    if new is None:
        return None
    publish(session, "board")
    call = session.scalars(select(InboundCall).where(InboundCall.id == new)).one()
    _stop_calling(session, call, event.at)
    return call


def _stop_calling(session: Session, call: InboundCall, now: datetime) -> None:
    """Whoever calls us while we ring them is not rung any longer: their line is busy with this call, and it is them we wanted."""
    ringing = [line.channel_id for line in our_calls(session, [call])[call.id] if line.answered_at is None]
    if ringing:
        calls.note_let_go(session, ringing, now)
        publish(session, "dial")


def connect(session: Session, call: InboundCall, agent: AgentSession, now: datetime) -> None:
    """The operator takes the caller: a known person's case is on the screen as in a call of ours, before any verification."""
    agents.move(session, agent, AgentState.RESERVED, now)
    call.state, call.agent_session_id, call.answered_at = "talking", agent.id, now
    if call.debtor_id is not None:
        _open_case(session, call, agent, call.debtor_id, now)
    agents.move(session, agent, AgentState.TALKING, now)


def choose_person(session: Session, call: InboundCall, agent: AgentSession, debtor_id: int, now: datetime) -> Attempt:
    """The operator has learned who calls: from now on it is a conversation with that debtor."""
    call.debtor_id = debtor_id
    phone = select(PhoneNumber.id).where(PhoneNumber.debtor_id == debtor_id, PhoneNumber.e164 == call.caller)
    call.phone_id = session.scalar(phone.limit(1)) if call.caller else None
    attempt = _open_case(session, call, agent, debtor_id, now)
    agents.tell(session, agent)
    return attempt


def _open_case(session: Session, call: InboundCall, agent: AgentSession, debtor_id: int, now: datetime) -> Attempt:
    phone = session.scalar(select(PhoneNumber).where(PhoneNumber.id == call.phone_id)) if call.phone_id else None
    item = live_item(session, debtor_id)
    campaign_id = item.campaign_id if item is not None else campaign_for(session, debtor_id)
    attempt = attempts.open_attempt(
        session, None, phone, call.answered_at or now, Channel.OPERATOR_CALL, agent.user_id, debtor_id=debtor_id, campaign_id=campaign_id
    )
    attempt.is_inbound, attempt.answered_at = True, call.answered_at or now
    if not attempt.phone_text and call.caller:
        attempt.phone_text = call.caller
    if item is not None and item.channel == Channel.OPERATOR_CALL:
        _take(item, attempt, now)
    line = calls.open_call(session, attempt, carrier=call.carrier, mode=INBOUND, node=call.node, now=now, agent_session_id=agent.id)
    line.channel_id, line.state, line.answered_at = call.channel_id, CallState.ANSWERED.value, call.answered_at or now
    call.attempt_id, agent.attempt_id = attempt.id, attempt.id
    session.flush()
    return attempt


def _take(item: WorkItem, attempt: Attempt, now: datetime) -> None:
    """Nobody is called who is talking to us; the result moves the item."""
    item.state, item.claim_token, item.claimed_by = "claimed", str(uuid4()), INBOUND
    item.lease_until, item.updated_at = now + TALK_LEASE, now
    attempt.work_item_id = item.id


def apply_event(session: Session, event: CarrierEvent, now: datetime) -> bool:
    """What the carrier tells of a caller's line: only its end matters here. False for a channel that did not come in."""
    call = session.scalar(select(InboundCall).where(InboundCall.channel_id == event.channel_id).with_for_update())
    if call is None:
        return False
    if event.kind is EventKind.ENDED:
        end(session, call, event.at, now)
    return True


def end(session: Session, call: InboundCall, at: datetime, now: datetime) -> None:
    """The caller's line is down: who talked has talked; who gave up waiting is owed a call."""
    if call.state == "ended":
        return
    was, call.state, call.ended_at = call.state, "ended", at
    if was in ("ringing", "waiting"):
        call.result = "gave_up"
        owe_callback(session, call, load_policy(session), now)
    elif was == "talking":
        call.result = "talked"
        _let_go(session, call, now)
    if call.result == "talked" and call.debtor_id is not None:
        settle_callback(session, call.debtor_id, now)
    publish(session, "board")


def _let_go(session: Session, call: InboundCall, now: datetime) -> None:
    """Frees the operator of a caller who stayed unknown; with a case the call's own end does it."""
    if call.attempt_id is None and call.agent_session_id is not None:
        agents.release(session, call.agent_session_id, now, None)


def request_hang_up(session: Session, call: InboundCall, now: datetime) -> None:
    """The operator ends a talk with somebody who stayed unknown; the dialer carries it out."""
    if call.state == "talking":
        call.state, call.result = "closing", "talked"
        _let_go(session, call, now)
        publish(session, "dial")


def current_of(session: Session, agent_session_id: int) -> InboundCall | None:
    """The caller an operator talks with who has no case yet."""
    mine = InboundCall.agent_session_id == agent_session_id
    return session.scalar(select(InboundCall).where(mine, InboundCall.state == "talking", InboundCall.attempt_id.is_(None)))


def reconcile(session: Session, carrier: str, nodes: Sequence[str], live: frozenset[str], before: datetime, now: datetime) -> int:
    """Calls of these dialers that the carrier ("": whichever) does not have any more are over."""
    lost = select(InboundCall).where(InboundCall.state != "ended", InboundCall.node.in_(nodes), InboundCall.came_at < before)
    if carrier:
        lost = lost.where(InboundCall.carrier == carrier)
    gone = [call for call in session.scalars(lost.with_for_update(skip_locked=True)) if call.channel_id not in live]
    for call in gone:
        end(session, call, now, now)
    return len(gone)


def office_has(session: Session, channel_id: str) -> bool:
    """Whether this channel came in at the office."""
    return session.scalar(select(InboundCall.id).where(InboundCall.channel_id == channel_id)) is not None


def line_of(session: Session, call: InboundCall) -> Call | None:
    """The call of the conversation, once there is one."""
    return session.scalar(select(Call).where(Call.attempt_id == call.attempt_id)) if call.attempt_id else None
