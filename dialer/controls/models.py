"""What operators asked of their line, and their talks with tax officers about a call."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class LineOrder(OfficeMixin, Base):
    """One thing an operator asked of the line, carried out by the dialer at most once; the rows stay as the record of it,
    as long as the office keeps them.

    `verb` is one of `dialer.controls.service.Verb`; `argument` belongs to it (keys are not kept once sent). `problem` says why it was
    not done.
    """

    __tablename__ = "line_order"
    __table_args__ = (
        within_office("agent_session_id", "agent_session"),
        within_office("call_id", "call"),
        Index("ix_line_order_waiting", "office_id", "id", postgresql_where=text("taken_at is null")),
        Index(None, "office_id", "call_id"),
    )

    agent_session_id: Mapped[int]
    call_id: Mapped[int | None]
    verb: Mapped[str] = mapped_column(String(12))
    argument: Mapped[str] = mapped_column(String(60), server_default="")
    asked_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(String(40), server_default="")


class Consultation(OfficeMixin, Base):
    """A tax officer asked into a call: `state` calling, talking (privately), joined (all three), handed_over, ended.

    `ending` says how it ended: taken_back, no_answer, busy, refused, officer_left, handed_over, call_over, lost.
    """

    __tablename__ = "consultation"
    __table_args__ = (
        within_office("call_id", "call"),
        within_office("attempt_id", "attempt"),
        within_office("agent_session_id", "agent_session"),
        within_office("officer_id", "app_user"),
        UniqueConstraint("office_id", "channel_id"),
        Index("uq_consultation_open", "office_id", "call_id", unique=True, postgresql_where=text("ended_at is null")),
        CheckConstraint("state in ('calling','talking','joined','handed_over','ended')", name="state"),
    )

    call_id: Mapped[int]
    attempt_id: Mapped[int]
    agent_session_id: Mapped[int]
    officer_id: Mapped[int]
    channel_id: Mapped[str] = mapped_column(String(60))
    address: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12), server_default="calling")
    ending: Mapped[str] = mapped_column(String(20), server_default="")
    began_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
