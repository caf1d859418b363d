"""Events that tell open consoles to look again.

An event carries a topic and, where it concerns one person, that user: never content. A page refetches its panel, so a
lost event costs nothing.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, func, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from callcenter.core.db import Base, OfficeMixin, office_of

NOTIFY_CHANNEL = "callcenter_live"


class LiveEvent(OfficeMixin, Base):
    """One event; `id` is the sequence number a stream resumes from."""

    __tablename__ = "live_event"
    __table_args__ = (Index(None, "office_id", "at"),)

    at: Mapped[datetime] = mapped_column(server_default=func.now())
    topic: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[int | None]


def publish(session: Session, topic: str, user_id: int | None = None) -> None:
    """Writes an event in this transaction; listeners hear of it when it commits.

    Args:
        topic: one word such as `call`, `board`, `import`, `queue`.
        user_id: the only person concerned; None is everybody in the office.
    """
    session.flush()
    told = session.info.setdefault("told", set())
    if (event := (topic, user_id, session.get_nested_transaction())) in told:
        return  # once a transaction is enough: whoever hears it looks anew, and what is undone with a savepoint is told again
    told.add(event)
    values = {"channel": NOTIFY_CHANNEL, "office": office_of(session), "topic": topic, "user": user_id}
    session.execute(_PUBLISH, values)


_PUBLISH = text("""
WITH event AS (INSERT INTO live_event (topic, user_id) VALUES (:topic, CAST(:user AS bigint)) RETURNING id, topic, user_id)
SELECT pg_notify(:channel, json_build_object('office', CAST(:office AS integer), 'id', id, 'topic', topic, 'user', user_id)::text)
FROM event
""")
