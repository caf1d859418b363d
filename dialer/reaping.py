"""What is left behind is settled: calls the carrier no longer has, operators without a call, results nobody wrote, claims that ran out.

A call that may have been made counts as made: nobody is dialled twice for our crash.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, or_, select, union_all
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from callcenter.core.faults import passing
from callcenter.core.live import publish
from campaigns.attempts.codes import LineResult
from campaigns.attempts.models import Attempt
from campaigns.worklist import claim
from dialer.agents import absence
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.queries import claimed_item
from dialer.agents.state import ON_LINE, AgentState, NextState, PauseReason
from dialer.calls.models import Call
from dialer.calls.service import LOST, end_call, office_of_channel, tell_abandoned
from dialer.calls.state import CallState
from dialer.controls import consults
from dialer.controls.models import Consultation
from dialer.inbound import service as inbound
from dialer.legs import forget_lost_legs, free_legs_of
from dialer.sharing import dead_nodes
from dialer.supervising.models import Supervision
from dialer.telephony.events import CarrierEvent
from dialer.telephony.port import is_leg_id

log = structlog.get_logger(__name__)

# A carrier may list a channel a moment late, or end it a moment before its last event is read.
SETTLE_AFTER = timedelta(seconds=20)
STRAY_AFTER = timedelta(seconds=5)  # the list of what is alive may be older than the end that was told meanwhile
NOT_TAKEN_AFTER = timedelta(seconds=20)
RINGS_NO_LONGER = timedelta(minutes=3)


def resync(session: Session, node: str, carrier: str, event: CarrierEvent, now: datetime) -> int:
    """After a (re)connect: this dialer's calls that the carrier no longer has are over; legs it lost are forgotten."""
    calls = session.scalars(_open_calls(carrier).where(Call.node == node, Call.placed_at < event.at)).all()
    count = _end_lost(session, [call for call in calls if call.channel_id not in event.live], now)
    lost_legs = forget_lost_legs(session, node, event.live, event.at)
    consults.forget_lost(session, event.live, event.at)
    free_operators(session, now)
    if count or lost_legs:
        log.warning("resynced", ended_calls=count, lost_legs=lost_legs)
    passing("resync.done")
    return count


def tidy(session: Session, node: str, carrier: str, live: frozenset[str] | None, now: datetime) -> None:
    """One round of tidying for an office; `live` are the carrier's channels, None when it can't tell now."""
    old = session.scalars(_open_calls(carrier).where(Call.node == node, Call.placed_at < now - SETTLE_AFTER)).all()
    _end_lost(session, [call for call in old if _is_lost(call, live, now)], now)
    tell_abandoned(session, node, now)
    take_over(session, node, live, now)
    if live is not None:
        inbound.reconcile(session, carrier, [node], live, now - SETTLE_AFTER, now)
    _end_not_taken(session, now)
    free_operators(session, now)
    expire_wrap_ups(session, now)
    absence.pause_stale(session, now)
    absence.sign_out_absent(session, now)
    claim.sweep(session, now)
    passing("reap.done")


def take_over(session: Session, node: str, live: frozenset[str] | None, now: datetime) -> None:
    """Ends the calls and frees the legs of dialers that have gone, unless this carrier has them still; while it can't tell, it may have."""
    dead = dead_nodes(session, node, now)
    if not dead:
        return
    calls = session.scalars(select(Call).where(Call.node.in_(dead), Call.state != CallState.ENDED).order_by(Call.id)).all()
    _end_lost(session, [call for call in calls if _is_lost(call, live, now)], now)
    if live is not None:
        inbound.reconcile(session, "", dead, live, now, now)
        free_legs_of(session, dead)


def free_operators(session: Session, now: datetime) -> int:
    """Moves on every operator who waits for a call that is over, or for a case that is not theirs any more."""
    live = select(Call.id).where(
        Call.office_id == AgentSession.office_id, Call.attempt_id == AgentSession.attempt_id, Call.state != CallState.ENDED
    )
    busy = select(AgentSession).where(AgentSession.state.in_((*ON_LINE, AgentState.WRAP_UP)), ~live.exists())
    freed = 0
    for agent in session.scalars(busy.order_by(AgentSession.id).with_for_update(skip_locked=True)).all():
        freed += _free(session, agent, now)
    return freed


def _free(session: Session, agent: AgentSession, now: datetime) -> bool:
    if agent.attempt_id is None:
        if claimed_item(session, agent.id) is not None or inbound.current_of(session, agent.id) is not None:
            return False
    else:
        state = session.scalar(select(Attempt.state).where(Attempt.id == agent.attempt_id))
        if state == "wrap_up":
            if agent.state != AgentState.WRAP_UP:
                agents.move(session, agent, AgentState.WRAP_UP, now)
            return False
    return agents.release(session, agent.id, now, agent.attempt_id)


def expire_wrap_ups(session: Session, now: datetime) -> int:
    """A result that is overdue goes to the supervisor's list and its operator is paused: nobody is stuck, nothing is made up."""
    overdue = session.scalars(
        select(AgentSession)
        .join(Attempt, (Attempt.office_id == AgentSession.office_id) & (Attempt.id == AgentSession.attempt_id))
        .where(AgentSession.state == AgentState.WRAP_UP, Attempt.state == "wrap_up", Attempt.wrap_up_until < now)
        .order_by(AgentSession.id)
        .with_for_update(of=AgentSession, skip_locked=True)
    ).all()
    for agent in overdue:
        ends = agent.next_state == AgentState.ENDED
        following = NextState(AgentState.ENDED) if ends else NextState(AgentState.PAUSED, PauseReason.WRAP_UP_EXPIRED)
        agents.go_on(session, agent, following, now)
    if overdue:
        publish(session, "overdue")
    return len(overdue)


def stray_lines(session: Session, live: Collection[str], before: datetime) -> list[str]:
    """Lines that stand on the carrier though their call was over `before`: its end was guessed while nobody could tell."""
    office_id = office_of(session)
    standing = [channel for channel in live if not is_leg_id(channel) and office_of_channel(channel) == office_id]
    if not standing:
        return []
    over = select(Call.channel_id).where(Call.channel_id.in_(standing), Call.state == CallState.ENDED, Call.ended_at < before)
    return list(session.scalars(over.order_by(Call.id)))


def stray_legs(session: Session, live: Collection[str]) -> list[str]:
    """Phones of ours that stand on the carrier and are nobody's any more: their end was asked for in vain, or the asking was cut short."""
    office_id = office_of(session)
    standing = [channel for channel in live if is_leg_id(channel) and office_of_channel(channel) == office_id]
    if not standing:
        return []
    known = union_all(
        select(AgentSession.leg_channel).where(or_(AgentSession.state != AgentState.ENDED, AgentSession.leg_node != "")),
        select(Supervision.leg_id).where(or_(Supervision.state != "ended", Supervision.is_leg_open)),
        select(Consultation.channel_id).where(Consultation.ended_at.is_(None)),
    )
    return sorted(set(standing) - set(session.scalars(known)))


def _is_lost(call: Call, live: frozenset[str] | None, now: datetime) -> bool:
    """While the carrier is away: nobody's phone rings for minutes, and an operator who hung up need not wait for it."""
    if live is not None:
        return call.channel_id not in live
    if call.hangup_requested_at is not None:
        return call.hangup_requested_at < now - SETTLE_AFTER
    return call.answered_at is None and call.placed_at < now - RINGS_NO_LONGER


def _open_calls(carrier: str) -> Select[Call]:
    return select(Call).where(Call.state != CallState.ENDED, or_(Call.carrier == carrier, Call.carrier == "")).order_by(Call.id)


def _end_lost(session: Session, calls: Sequence[Call], now: datetime) -> int:
    """Nobody will tell how these ended: who answered, answered; who may have been rung, was rung."""
    for call in calls:
        was, line_result = call.state, LineResult.ANSWERED if call.answered_at is not None else LineResult.NO_ANSWER
        end_call(session, call, line_result, now, why=LOST)
        log.warning("call_lost", call=call.id, was=was)
    return len(calls)


def _end_not_taken(session: Session, now: datetime) -> None:
    """Calls an operator asked for and no dialer took in time: certainly not made."""
    waiting = select(Call).where(Call.state == CallState.PLACING, Call.node == "", Call.placed_at < now - NOT_TAKEN_AFTER)
    for call in session.scalars(waiting.order_by(Call.id).with_for_update(skip_locked=True)).all():
        end_call(session, call, LineResult.FAILED, now, why="not_taken")
