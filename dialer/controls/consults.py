"""Talks with tax officers: what the officer's line tells, and what follows when the call is over or handed over."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.attempts import service as attempts
from campaigns.attempts.codes import LineResult
from campaigns.attempts.effects import escalate
from campaigns.attempts.models import Attempt
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.calls.following import wrap_up_of
from dialer.calls.models import Call
from dialer.controls.models import Consultation
from dialer.controls.state import Talk
from dialer.telephony.events import CarrierEvent, EventKind

log = structlog.get_logger(__name__)

ENDINGS = {LineResult.BUSY: "busy", LineResult.REJECTED: "busy", LineResult.NO_ANSWER: "no_answer", LineResult.UNREACHABLE: "no_answer"}


def apply(session: Session, event: CarrierEvent, now: datetime) -> None:
    """The officer picked up, or their line is down; events of other lines are none of ours."""
    talk = session.scalar(
        select(Consultation).where(Consultation.channel_id == event.channel_id, Consultation.ended_at.is_(None)).with_for_update()
    )
    if talk is None:
        return
    if event.kind is EventKind.LEG_UP:
        if talk.state == Talk.CALLING:
            talk.state, talk.answered_at = Talk.TALKING.value, now
    else:
        result = event.line_result
        ending = "officer_left" if talk.answered_at else ENDINGS.get(result, "refused") if result else "refused"
        close(talk, "handed_over" if talk.handed_over_at else ending, now)  # whichever of the two lines is told to be down first
    tell(session, talk)


def close(talk: Consultation, ending: str, now: datetime) -> None:
    """The talk is over."""
    talk.state, talk.ending, talk.ended_at = Talk.ENDED.value, ending, now


def hand_over(session: Session, talk: Consultation, now: datetime) -> None:
    """The officer has the call from here: the operator writes down what was said, and the case is the officers'.

    The line stays up; its end is noted when it comes.
    """
    talk.state, talk.handed_over_at = Talk.HANDED_OVER.value, now
    attempt = session.get_one(Attempt, (talk.office_id, talk.attempt_id), with_for_update=True)
    call = session.get_one(Call, (talk.office_id, talk.call_id))
    call.held_at = None
    escalate(session, attempt.debtor_id, talk.reason, "", now, attempt_id=attempt.id, user_id=attempt.operator_id)
    if agents.wrap_up(session, talk.agent_session_id, attempt.id, now):
        answered_at, wrap_up = call.answered_at, wrap_up_of(session, call)
        attempts.record_line_result(session, attempt.id, LineResult.ANSWERED, now, answered_at=answered_at, ended_at=now, wrap_up=wrap_up)


def forget_lost(session: Session, live: frozenset[str], now: datetime) -> int:
    """After a reconnect: officers' lines the carrier does not have any more are over."""
    lost = session.scalars(
        select(Consultation)
        .where(Consultation.ended_at.is_(None), Consultation.began_at < now, Consultation.channel_id.not_in(tuple(live)))
        .with_for_update(skip_locked=True)
    ).all()
    for talk in lost:
        close(talk, "lost", now)
        tell(session, talk)
    return len(lost)


def tell(session: Session, talk: Consultation) -> None:
    """The operator's page looks again."""
    agent = session.scalar(select(AgentSession).where(AgentSession.id == talk.agent_session_id))
    if agent is not None:
        agents.tell(session, agent)
