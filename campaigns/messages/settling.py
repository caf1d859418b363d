"""Asking the provider what became of messages: those that may have been handed over, and those it has taken and tells nothing about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.messages import events
from campaigns.messages.events import NEVER_TAKEN
from campaigns.messages.models import Message
from campaigns.messages.release import SessionFactory, sweep_messages
from campaigns.messages.senders.port import SenderUnreachable, SmsRequest, SmsSender, SmsStatus
from campaigns.messages.state import MessageState

ASK_AFTER = timedelta(seconds=30)
GIVE_UP_AFTER = timedelta(minutes=15)
OVERDUE_AFTER, OVERDUE_EVERY, OVERDUE_UNTIL = timedelta(hours=6), timedelta(hours=1), timedelta(days=3)
"""A report that has not come for so long is asked for, so often, for so long: webhooks get lost."""


@dataclass(frozen=True, slots=True)
class _Question:
    message_id: int
    request: SmsRequest
    handed_over_at: datetime
    is_unknown: bool


def settle_messages(session_factory: SessionFactory, sender: SmsSender, now: datetime, *, limit: int = 200) -> int:
    """Asks about unknown messages, and about deliveries where no webhook tells them; returns how many were settled.

    A message the provider has none like, long enough after its hand-over, failed: the next plan decides anew about its debtor. It is not
    sent again.
    """
    with session_factory() as session:
        sweep_messages(session, now)
        questions = _questions(session, sender, now, limit)
    settled = 0
    for question in questions:
        try:
            found = sender.find(question.request, question.handed_over_at)
        except SenderUnreachable:
            break
        with session_factory() as session:
            settled += _settle(session, question, found, now)
    return settled


def _questions(session: Session, sender: SmsSender, now: datetime, limit: int) -> list[_Question]:
    is_unknown = (Message.state == MessageState.UNKNOWN.value) & (Message.handed_over_at <= now - _patience(sender))
    is_late = (
        Message.handed_over_at.between(now - OVERDUE_UNTIL, now - OVERDUE_AFTER) & (Message.updated_at <= now - OVERDUE_EVERY)
        if not sender.is_asked_for_receipts
        else Message.handed_over_at <= now - _patience(sender)
    )
    statement = (
        select(Message)
        .where(is_unknown | ((Message.state == MessageState.ACCEPTED.value) & is_late), Message.provider == sender.name)
        .order_by(Message.updated_at, Message.id)
        .limit(limit)
    )
    return [
        _Question(
            message.id,
            SmsRequest(message.reference, message.e164, message.body),
            message.handed_over_at or now,
            message.state == MessageState.UNKNOWN.value,
        )
        for message in session.scalars(statement)
    ]


def _patience(sender: SmsSender) -> timedelta:
    return timedelta(seconds=1) if sender.is_asked_for_receipts else ASK_AFTER


def _settle(session: Session, question: _Question, found: SmsStatus | None, now: datetime) -> bool:
    message = session.scalars(select(Message).where(Message.id == question.message_id).with_for_update()).one()
    if found is not None:
        key = f"{message.reference}:{found.state.value}"
        is_new = events.record_status(session, message, found, key, now)
        message.updated_at = now
        return is_new and MessageState(message.state) is found.state
    if not question.is_unknown or now < question.handed_over_at + GIVE_UP_AFTER:
        message.updated_at = now
        return False
    if message.state == MessageState.UNKNOWN.value:
        events.fail(session, message, NEVER_TAKEN, now)
        return True
    return False
