"""Citizens' replies: what a text asks for, whose it is, and what follows. A wish to get no more messages is followed whoever sent it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callcenter.core.live import publish
from callcenter.core.phones import classify
from campaigns.attempts.codes import Channel
from campaigns.debtors.models import PhoneNumber, Suppression
from campaigns.messages.inbox.models import MessageReply
from campaigns.messages.models import Message
from campaigns.messages.state import MessageState

ANSWERS_WITHIN = timedelta(days=90)
STOP_REASON = "stop_request"
LONGEST_BODY = 1600


class ReplyKind(StrEnum):
    """What a reply asks for."""

    STOP = "stop"
    START = "start"
    TEXT = "text"


# Twilio's default keywords, and those Japanese senders print in their messages.
STOP_WORDS = frozenset(
    ("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke")  # Twilio's
).union(("停止", "配信停止", "送信停止", "受信拒否", "配信拒否", "拒否", "解除", "配信解除", "中止", "ストップ", "テイシ", "ていし"))
START_WORDS = frozenset(("start", "yes", "unstop", "再開", "配信再開", "開始", "スタート"))
_STOP_BEGINS = re.compile(r"(配信|送信|受信)?(を)?(停止|拒否|中止|解除)(して|希望|お願い|を希望|をお願い|する|します)")
_EDGES = re.compile(r"^[\s\W_]+|[\s\W_]+$")


@dataclass(frozen=True, slots=True)
class Followed:
    """What followed from a reply: debtors newly suppressed, messages withdrawn."""

    kind: ReplyKind
    debtor_id: int | None
    suppressed: int
    withdrawn: int


def kind_of(body: str) -> ReplyKind:
    """What a text asks for: STOP, ｓｔｏｐ!, 「配信停止」, 停止してください stop; a sentence that merely has the word in it does not."""
    word = _EDGES.sub("", unicodedata.normalize("NFKC", body)).casefold()
    squeezed = re.sub(r"[\s\-_]", "", word)
    if squeezed in STOP_WORDS or _STOP_BEGINS.match(squeezed):
        return ReplyKind.STOP
    return ReplyKind.START if squeezed in START_WORDS else ReplyKind.TEXT


def follow(session: Session, inbox_id: int, number: str, body: str, received_at: datetime, now: datetime) -> Followed:
    """Keeps a reply once, on the timeline of whom it is from; a stop suppresses messages to everybody listed with that number."""
    e164 = classify(number)[0] or number[:20]
    kind = kind_of(body)
    owners = _owners(session, e164)
    message = _answered(session, e164, received_at)
    debtor_id = message.debtor_id if message is not None else owners[0] if len(owners) == 1 else None
    stopped = sorted({*owners, *([debtor_id] if debtor_id is not None else [])}) if kind is ReplyKind.STOP else []
    suppressed = suppress_messages(session, stopped, now)
    withdrawn = withdraw_messages(session, stopped, e164 if kind is ReplyKind.STOP else "", now)
    session.add(
        MessageReply(
            inbox_id=inbox_id,
            debtor_id=debtor_id,
            message_id=message.id if message is not None else None,
            e164=e164,
            kind=kind.value,
            body=body[:LONGEST_BODY],
            received_at=received_at,
            suppressed=suppressed,
            withdrawn=withdrawn,
        )
    )
    session.flush()
    publish(session, "reply")
    return Followed(kind, debtor_id, suppressed, withdrawn)


def suppress_messages(session: Session, debtor_ids: Sequence[int], now: datetime, note: str = "SMSの返信") -> int:
    """Forbids messages to these debtors from now on, once each; returns how many were not forbidden before."""
    if not debtor_ids:
        return 0
    held = set(
        session.scalars(
            select(Suppression.debtor_id).where(
                Suppression.debtor_id.in_(debtor_ids),
                Suppression.reason == STOP_REASON,
                (Suppression.channel == Channel.SMS.value) | Suppression.channel.is_(None),
                Suppression.lifted_at.is_(None),
                Suppression.ends_at.is_(None),
            )
        )
    )
    new = [debtor_id for debtor_id in debtor_ids if debtor_id not in held]
    session.add_all(
        Suppression(debtor_id=debtor_id, reason=STOP_REASON, channel=Channel.SMS.value, starts_at=now, note=note) for debtor_id in new
    )
    session.flush()
    return len(new)


def withdraw_messages(session: Session, debtor_ids: Sequence[int], e164: str, now: datetime) -> int:
    """Withdraws the messages that wait for these debtors or for this number."""
    if not debtor_ids and not e164:
        return 0
    waiting = (
        update(Message)
        .where(Message.state == MessageState.READY.value, Message.debtor_id.in_(debtor_ids) | (Message.e164 == e164))
        .values(state=MessageState.WITHDRAWN.value, reason=STOP_REASON, updated_at=now)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    return len(session.scalars(waiting).all())


def _owners(session: Session, e164: str) -> Sequence[int]:
    return session.scalars(
        select(PhoneNumber.debtor_id).where(PhoneNumber.e164 == e164, PhoneNumber.is_listed).distinct().order_by(PhoneNumber.debtor_id)
    ).all()


def _answered(session: Session, e164: str, at: datetime) -> Message | None:
    """The message this reply answers: the last one to that number within 90 days."""
    latest = (
        select(Message)
        .where(Message.e164 == e164, Message.handed_over_at <= at, Message.handed_over_at >= at - ANSWERS_WITHIN)
        .order_by(Message.handed_over_at.desc(), Message.id.desc())
        .limit(1)
    )
    return session.scalar(latest)
