"""What becomes of a message: append-only provider events, and one function that moves a message, only forwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.attempts.codes import LineResult
from campaigns.attempts.models import Attempt
from campaigns.messages.inbox.replies import suppress_messages
from campaigns.messages.models import Message, MessageEvent
from campaigns.messages.senders.port import SmsStatus
from campaigns.messages.senders.troubles import Trouble
from campaigns.messages.state import MessageState, may_follow
from campaigns.sync.outbox import ATTEMPT, leave

log = structlog.get_logger(__name__)


def record_by_reference(session: Session, reference: str, status: SmsStatus, event_key: str, now: datetime) -> bool:
    """Records what a webhook told about one of our messages; duplicates and late news are harmless.

    Returns:
        Whether the reference is one of ours.
    """
    message = session.scalar(select(Message).where(Message.reference == reference).with_for_update())
    if message is None:
        log.warning("message_of_unknown_reference")
        return False
    record_status(session, message, status, event_key, now)
    return True


def record_status(session: Session, message: Message, status: SmsStatus, event_key: str, now: datetime) -> bool:
    """Keeps an event once and moves the message if that is a step forward; returns whether the event was new."""
    row = {
        "message_id": message.id,
        "event_key": event_key[:120],
        "status": status.state.value,
        "at": now,
        "detail": {"provider_id": status.provider_id, "word": status.detail[:200]},
    }
    kept = insert(MessageEvent).values(row).on_conflict_do_nothing(index_elements=["office_id", "event_key"])
    if session.scalar(kept.returning(MessageEvent.id)) is None:
        return False
    message.provider_id = message.provider_id or status.provider_id[:60]
    present = MessageState(message.state)
    if present is not status.state and may_follow(present, status.state):
        move(message, status.state, now, reason=status.reason)
        _close_attempt(session, message, status.state, now)
    return True


def fail(session: Session, message: Message, reason: str, now: datetime) -> None:
    """Ends a message that was certainly not sent; one to somebody who has opted out is the last."""
    if reason == Trouble.OPTED_OUT.value:
        suppress_messages(session, [message.debtor_id], now, note="SMS事業者の通知")
    move(message, MessageState.FAILED, now, reason=reason)
    _close_attempt(session, message, MessageState.FAILED, now)


def put_back(session: Session, message_ids: Sequence[int], now: datetime) -> int:
    """Puts messages back that were certainly not handed over; their attempts never happened. Returns their number."""
    count = 0
    for message_id in message_ids:
        message = session.scalars(select(Message).where(Message.id == message_id).with_for_update()).one()
        if message.state != MessageState.HANDED_OVER.value:
            continue
        attempt_id, message.attempt_id, message.handed_over_at = message.attempt_id, None, None
        move(message, MessageState.READY, now)
        session.flush()
        session.execute(delete(Attempt).where(Attempt.id == attempt_id))
        count += 1
    return count


def move(message: Message, state: MessageState, now: datetime, *, reason: str = "", keeps_lease: bool = False) -> None:
    """Moves a message along `TRANSITIONS`; a step that is not there is a mistake in this program."""
    present = MessageState(message.state)
    assert may_follow(present, state), f"{present} -> {state}"
    message.state = state.value
    message.updated_at = now
    if reason:
        message.reason = reason[:40]
    if not keeps_lease:
        message.claim_token, message.lease_until = None, None


def _close_attempt(session: Session, message: Message, state: MessageState, now: datetime) -> None:
    """The attempt counts from the moment the provider took the message; one that was refused reached nobody."""
    if message.attempt_id is None:
        return
    attempt = session.get_one(Attempt, (message.office_id, message.attempt_id))
    if state is MessageState.FAILED:
        attempt.line_result = LineResult.FAILED.value
    elif state is MessageState.UNDELIVERED:
        attempt.line_result = LineResult.UNREACHABLE.value
    elif attempt.line_result == LineResult.UNREACHABLE.value:
        attempt.line_result = None
    if state is not MessageState.FAILED:
        attempt.handed_over_at = attempt.handed_over_at or message.handed_over_at
    attempt.state, attempt.ended_at = "closed", attempt.ended_at or now
    key = f"attempt:{attempt.id}" + (":undelivered" if state is MessageState.UNDELIVERED else "")
    leave(session, ATTEMPT, key, message.debtor_id, _payload(attempt), now)


def _payload(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt_id": attempt.id,
        "channel": attempt.channel,
        "began_at": attempt.began_at.isoformat(),
        "line_result": attempt.line_result,
        "party": None,
        "outcome": None,
        "talk_seconds": 0,
        "promise_amount": None,
        "promise_due_on": None,
    }
