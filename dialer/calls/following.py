"""What follows from a step of a call, for its attempt and its operator: answered, joined, abandoned, over, or corrected afterwards.

The call's row is locked; the attempt's is here, the operator's after it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.attempts import late
from campaigns.attempts import service as attempts
from campaigns.attempts.codes import LineResult
from campaigns.attempts.locking import hold_attempt
from campaigns.attempts.models import Attempt
from campaigns.planning.dialling import dialling_of
from campaigns.planning.models import Campaign
from dialer.agents import service as agents
from dialer.calls import binding, robocalls
from dialer.calls.binding import PREDICTIVE, Joining
from dialer.calls.models import Call
from dialer.calls.state import CallState, CallView, Change
from dialer.telephony.events import CarrierEvent, EventKind

log = structlog.get_logger(__name__)

ROBOCALL = "robocall"


def follow(session: Session, call: Call, change: Change, event: CarrierEvent, now: datetime) -> tuple[Joining | None, str | None]:
    """The consequences of a step; returns the call to be joined with an operator, and the channel that must be hung up now."""
    if _is_mere_progress(change):
        if change.state is CallState.RINGING and call.agent_session_id:
            agents.ring(session, call.agent_session_id, call.attempt_id, now)
        return None, None
    attempt = hold_attempt(session, call.attempt_id)
    if attempt.handed_over_at is None and _proves_hand_over(event):
        attempts.mark_handed_over(session, attempt.id, event.at)
    if change.is_correction:
        log.warning("call_corrected_after_end", call=call.id, line_result=call.line_result)
        late.correct_line_result(session, attempt, change.view.line_result or LineResult.FAILED, change.view.answered_at, now)
        return None, None
    must_hang_up, join = False, None
    if change.is_answer and call.mode == PREDICTIVE:
        join = _find_operator(session, call, attempt, change, now)
    elif change.is_answer:
        must_hang_up = not _answered(session, call, attempt, change, now)
    elif change.state is CallState.RINGING and change.was is not CallState.RINGING and call.agent_session_id:
        agents.ring(session, call.agent_session_id, attempt.id, now)
    if change.is_abandoned and call.agent_session_id is not None:
        agents.release(session, call.agent_session_id, now, attempt.id)  # bound a moment too late: the debtor hears that nobody is there
        call.agent_session_id = attempt.operator_id = None
    if change.is_end:
        _ended(session, call, attempt, change.view, now)
        return None, None
    # Nobody listens to a machine: the operator is freed, and a robocall leaves no word there unless its script says so.
    is_left = change.is_machine and not (call.mode == ROBOCALL and robocalls.leaves_message(session, attempt))
    return join, call.channel_id if must_hang_up or is_left else None


def _is_mere_progress(change: Change) -> bool:
    """Ringing after the hand-over, or joined after the answer: the attempt has nothing to learn from it."""
    is_known = change.was is not CallState.PLACING
    has_news = change.is_answer or change.is_end or change.is_machine or change.is_abandoned or change.is_correction
    return is_known and not has_news


def _proves_hand_over(event: CarrierEvent) -> bool:
    return event.kind is not EventKind.ENDED or event.line_result not in (None, LineResult.FAILED)


def _answered(session: Session, call: Call, attempt: Attempt, change: Change, now: datetime) -> bool:
    """Somebody answered; False when the operator for whom the call was made is not there, and the line must end."""
    assert change.view.answered_at is not None
    late.note_answer(session, attempt, change.view.answered_at)
    if call.agent_session_id is None or change.is_end:
        return True
    return agents.talk(session, call.agent_session_id, attempt.id, now)


def _find_operator(session: Session, call: Call, attempt: Attempt, change: Change, now: datetime) -> Joining | None:
    """Somebody answered a predictive call: the operator who has been idle longest gets it at once."""
    assert change.view.answered_at is not None
    late.note_answer(session, attempt, change.view.answered_at)
    has_gone = change.is_end or change.is_machine or change.view.is_abandoned
    if has_gone or call.agent_session_id is not None or binding.is_too_late(change.view.answered_at, now):
        return None
    return binding.bind(session, call, attempt, now)


def _ended(session: Session, call: Call, attempt: Attempt, view: CallView, now: datetime) -> None:
    line_result, ended_at = view.line_result or LineResult.FAILED, view.ended_at or now
    if call.mode == ROBOCALL and call.agent_session_id is None:
        robocalls.close(session, call, attempt, line_result, ended_at)
        return
    if call.mode == ROBOCALL:
        robocalls.note_path(session, call, attempt)
    agent_id = call.agent_session_id
    if line_result is LineResult.MACHINE and attempt.verified_at is not None:
        line_result = LineResult.ANSWERED  # who has proved who they are is no machine, whatever the detector says after that
        call.line_result = line_result.value
    if attempt.state == "wrap_up":  # handed over to an officer, and the operator still writes
        late.note_line_end(session, attempt, ended_at)
        return
    if attempt.state == "closed":  # the result was written down while they still talked
        late.note_line_end(session, attempt, ended_at)
    else:
        is_conversation = line_result is LineResult.ANSWERED
        if is_conversation and not (agent_id and agents.wrap_up(session, agent_id, attempt.id, now)):
            is_conversation, line_result = False, LineResult.ABANDONED  # answered, and nobody was there to talk
            call.line_result = line_result.value
        wrap_up = wrap_up_of(session, call) if is_conversation else timedelta(0)
        attempts.record_line_result(
            session, attempt.id, line_result, ended_at, answered_at=view.answered_at, ended_at=ended_at, wrap_up=wrap_up
        )
        if is_conversation:
            return
    if agent_id is not None:
        agents.release(session, agent_id, now, attempt.id)


def wrap_up_of(session: Session, call: Call) -> timedelta:
    """How long the call's operator may take to write the result, as its campaign says."""
    options = session.scalar(select(Campaign.options).where(Campaign.id == call.campaign_id)) or {}
    return timedelta(seconds=dialling_of(options).wrap_up_seconds)
