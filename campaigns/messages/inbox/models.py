"""Reports and replies as they came in, and what citizens wrote."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class MessageInbox(OfficeMixin, Base):
    """A report (`status`) or a reply (`reply`) as a provider posted it; unique by its key, so that a repetition is a no-op.

    `problem` is why it could not be processed; it stays to be looked at and replayed.
    """

    __tablename__ = "message_inbox"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "source", "event_key"),
        Index("ix_message_inbox_new", "office_id", "id", postgresql_where=text("processed_at is null")),
        Index(None, "office_id", "received_at"),
        CheckConstraint("kind in ('status','reply')", name="kind"),
    )

    source: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(8))
    event_key: Mapped[str] = mapped_column(String(160))
    payload: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(String(40), server_default="")


class MessageReply(OfficeMixin, Base):
    """What a citizen wrote back: `kind` stop, start or text. Without a debtor it waits on the list of unknown numbers."""

    __tablename__ = "message_reply"
    __table_args__ = (
        within_office("inbox_id", "message_inbox"),
        within_office("debtor_id", "debtor"),
        within_office("message_id", "message"),
        UniqueConstraint("office_id", "inbox_id"),
        Index(None, "office_id", "debtor_id"),
        Index(None, "office_id", "message_id"),
        Index(None, "office_id", "received_at"),
        CheckConstraint("kind in ('stop','start','text')", name="kind"),
    )

    inbox_id: Mapped[int]
    debtor_id: Mapped[int | None]
    message_id: Mapped[int | None]
    e164: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(5))
    body: Mapped[str] = mapped_column(String(1600))
    received_at: Mapped[datetime]
    suppressed: Mapped[int] = mapped_column(server_default="0")
    withdrawn: Mapped[int] = mapped_column(server_default="0")
