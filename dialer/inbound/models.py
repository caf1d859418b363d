"""Calls that come in at the office's published number."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class InboundCall(OfficeMixin, Base):
    """One call that came in: `state` ringing, waiting, talking, closing (it is being told something and ends), ended.

    `debtor_id` is who the caller is taken for: the only one who has that number, or whom the operator chose; nothing is disclosed by it.
    `attempt_id` is the conversation. `result`: talked, gave_up (in the queue), after_hours, all_left, too_long, refused (a full queue).
    `callback` is what is owed to a caller nobody talked to: none, wanted (no campaign has a place for it: the list shows it), made, done.
    """

    __tablename__ = "inbound_call"
    __table_args__ = (
        within_office("debtor_id", "debtor"),
        within_office("phone_id", "phone_number"),
        within_office("agent_session_id", "agent_session"),
        within_office("attempt_id", "attempt"),
        within_office("work_item_id", "work_item"),
        within_office("handled_by", "app_user"),
        UniqueConstraint("office_id", "channel_id"),
        UniqueConstraint("office_id", "attempt_id"),
        Index(None, "office_id", "came_at"),
        Index("ix_inbound_call_live", "office_id", "state", postgresql_where=text("state <> 'ended'")),
        CheckConstraint("state in ('ringing','waiting','talking','closing','ended')", name="state"),
        CheckConstraint("callback in ('none','wanted','made','done')", name="callback"),
    )

    carrier: Mapped[str] = mapped_column(String(12))
    channel_id: Mapped[str] = mapped_column(String(100))
    node: Mapped[str] = mapped_column(String(80))
    caller: Mapped[str | None] = mapped_column(String(20))
    debtor_id: Mapped[int | None]
    phone_id: Mapped[int | None]
    persons: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    state: Mapped[str] = mapped_column(String(10), server_default="ringing")
    came_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    told_position: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    agent_session_id: Mapped[int | None]
    attempt_id: Mapped[int | None]
    result: Mapped[str] = mapped_column(String(12), server_default="")
    callback: Mapped[str] = mapped_column(String(8), server_default="none")
    work_item_id: Mapped[int | None]
    handled_by: Mapped[int | None]
    handled_at: Mapped[datetime | None]
