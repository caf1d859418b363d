"""Each use of a supervisor's powers over a conversation, and words to the whole team."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class Supervision(OfficeMixin, Base):
    """A supervisor with an operator: `state` asked, on, ended. `mode` is what is wanted, `mode_in_force` what the carrier does.

    `leg_id` is the supervisor's voice leg, up (or being called) while `is_leg_open`; `problem` is why it came to nothing.
    """

    __tablename__ = "supervision"
    __table_args__ = (
        within_office("supervisor_id", "app_user"),
        within_office("user_id", "app_user"),
        within_office("agent_session_id", "agent_session"),
        Index("uq_supervision_live", "office_id", "supervisor_id", unique=True, postgresql_where=text("state <> 'ended'")),
        Index("ix_supervision_open", "office_id", postgresql_where=text("state <> 'ended' OR is_leg_open")),
        CheckConstraint("state in ('asked','on','ended')", name="state"),
        CheckConstraint("mode in ('listen','whisper','barge','take_over')", name="mode"),
    )

    supervisor_id: Mapped[int]
    user_id: Mapped[int]
    agent_session_id: Mapped[int]
    mode: Mapped[str] = mapped_column(String(10))
    mode_in_force: Mapped[str] = mapped_column(String(10), server_default="")
    state: Mapped[str] = mapped_column(String(6), server_default="asked")
    leg_id: Mapped[str] = mapped_column(String(60))
    address: Mapped[str] = mapped_column(String(80), server_default="")
    is_leg_open: Mapped[bool] = mapped_column(server_default=text("false"))
    problem: Mapped[str] = mapped_column(String(40), server_default="")
    asked_at: Mapped[datetime]
    began_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class TeamMessage(OfficeMixin, Base):
    """A word of a supervisor to all operators, shown on their pages until `ends_at` or until it is taken back (`ended_at`)."""

    __tablename__ = "team_message"
    __table_args__ = (within_office("user_id", "app_user"), Index(None, "office_id", "ends_at"))

    user_id: Mapped[int]
    body: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class TeamMessageSeen(OfficeMixin, Base):
    """An operator put a message away as read."""

    __tablename__ = "team_message_seen"
    __table_args__ = (
        within_office("message_id", "team_message", ondelete="CASCADE"),
        within_office("user_id", "app_user"),
        UniqueConstraint("office_id", "message_id", "user_id"),
    )

    message_id: Mapped[int]
    user_id: Mapped[int]
    at: Mapped[datetime]
