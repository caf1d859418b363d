"""Words of a supervisor to the whole team: shown on each operator's page until read, taken back, or out of date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.errors import InvalidInput, NotFound
from callcenter.core.live import publish
from dialer.supervising.models import TeamMessage, TeamMessageSeen

TOPIC = "team"
MOST_LETTERS = 300
HOURS = (1, 4, 12)


@dataclass(frozen=True, slots=True)
class Told:
    """A message with who wrote it and how many have read it."""

    message: TeamMessage
    author: str
    readers: int


def post(session: Session, user_id: int, body: str, hours: int, now: datetime) -> TeamMessage:
    """Tells the team. Raises InvalidInput: nothing or too much was written, or not one of the usual times."""
    words = body.strip()
    if not words or len(words) > MOST_LETTERS:
        raise InvalidInput(f"1文字から{MOST_LETTERS}文字までで書いてください。", code="team_words")
    if hours not in HOURS:
        raise InvalidInput("いつまで出すかを選んでください。", code="team_hours")
    row = TeamMessage(user_id=user_id, body=words, created_at=now, ends_at=now + timedelta(hours=hours))
    session.add(row)
    session.flush()
    publish(session, TOPIC)
    return row


def take_back(session: Session, message_id: int, now: datetime) -> TeamMessage:
    """Takes a message off all pages. Again is a no-op. Raises NotFound."""
    row = session.scalar(select(TeamMessage).where(TeamMessage.id == message_id).with_for_update())
    if row is None:
        raise NotFound("その連絡はありません。", code="no_message")
    row.ended_at = row.ended_at or now
    session.flush()
    publish(session, TOPIC)
    return row


def shown(session: Session, now: datetime) -> list[Told]:
    """What is on the operators' pages now, the newest first."""
    readers = select(func.count()).where(TeamMessageSeen.office_id == TeamMessage.office_id, TeamMessageSeen.message_id == TeamMessage.id)
    rows = session.execute(
        select(TeamMessage, User.display_name, readers.scalar_subquery())
        .outerjoin(User, (User.office_id == TeamMessage.office_id) & (User.id == TeamMessage.user_id))
        .where(TeamMessage.ends_at > now, TeamMessage.ended_at.is_(None))
        .order_by(TeamMessage.id.desc())
    )
    return [Told(row, name or "", count) for row, name, count in rows]


def unread(session: Session, user_id: int, now: datetime) -> Sequence[Told]:
    """What an operator has not put away yet, the oldest first."""
    seen = set(session.scalars(select(TeamMessageSeen.message_id).where(TeamMessageSeen.user_id == user_id)))
    return [told for told in reversed(shown(session, now)) if told.message.id not in seen]


def see(session: Session, message_id: int, user_id: int, now: datetime) -> None:
    """An operator puts a message away. Again is a no-op. Raises NotFound."""
    if session.scalar(select(TeamMessage.id).where(TeamMessage.id == message_id)) is None:
        raise NotFound("その連絡はありません。", code="no_message")
    row = insert(TeamMessageSeen).values(message_id=message_id, user_id=user_id, at=now)
    session.execute(row.on_conflict_do_nothing(index_elements=["office_id", "message_id", "user_id"]))
    publish(session, TOPIC, user_id)
