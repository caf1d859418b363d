"""Operators at work: their state now, and every span of it for the hours in reports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class AgentSession(OfficeMixin, Base):
    """An operator's time at the console: `state` ready, reserved, ringing, talking, wrap_up, paused, ended (see `dialer.agents.state`).

    `leg_id` names the operator's conference room; `leg_channel` is the present channel to their phone in it, a new one after each break.
    `leg_kind` is desk or browser, `leg_node` the dialer that keeps the leg up, `leg_problem` why it can't, `leg_down_at` since when it is
    missing. `phone_digest` lets the browser's phone register (MD5 of name, realm and password; RFC 7616's A1), `phone_ready_at` is since
    when it waits to be called.
    `console_id` is the page that is in charge; other pages of the same operator only look on.
    `next_state` is what follows the present call (pause asked in mid-call).
    """

    __tablename__ = "agent_session"
    __table_args__ = (
        within_office("user_id", "app_user"),
        Index("uq_agent_session_live", "office_id", "user_id", unique=True, postgresql_where=text("state <> 'ended'")),
        CheckConstraint("state in ('ready','reserved','ringing','talking','wrap_up','paused','ended')", name="state"),
        CheckConstraint("leg_kind in ('desk','browser')", name="leg_kind"),
    )

    user_id: Mapped[int]
    campaign_id: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(10), server_default="paused")
    state_since: Mapped[datetime]
    pause_reason: Mapped[str] = mapped_column(String(30), server_default="")
    next_state: Mapped[str] = mapped_column(String(10), server_default="")
    next_pause_reason: Mapped[str] = mapped_column(String(30), server_default="")
    attempt_id: Mapped[int | None]
    leg_id: Mapped[str] = mapped_column(String(60))
    leg_address: Mapped[str] = mapped_column(String(80), server_default="")
    is_leg_up: Mapped[bool] = mapped_column(server_default=text("false"))
    leg_node: Mapped[str] = mapped_column(String(80), server_default="")
    leg_problem: Mapped[str] = mapped_column(String(40), server_default="")
    leg_kind: Mapped[str] = mapped_column(String(8), server_default="desk")
    leg_channel: Mapped[str] = mapped_column(String(60), server_default="")
    leg_down_at: Mapped[datetime | None]
    phone_digest: Mapped[str] = mapped_column(String(32), server_default="")
    phone_ready_at: Mapped[datetime | None]
    is_muted: Mapped[bool] = mapped_column(server_default=text("false"))
    is_bot: Mapped[bool] = mapped_column(server_default=text("false"))
    console_id: Mapped[str] = mapped_column(String(40), server_default="")
    signed_in_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class AgentStateSpan(OfficeMixin, Base):
    """One span of one state of an operator; the open one has no end."""

    __tablename__ = "agent_state_span"
    __table_args__ = (
        within_office("agent_session_id", "agent_session"),
        within_office("user_id", "app_user"),
        Index(None, "office_id", "began_at"),
        Index("ix_agent_state_span_open", "office_id", "agent_session_id", postgresql_where=text("ended_at is null")),
    )

    agent_session_id: Mapped[int]
    user_id: Mapped[int]
    state: Mapped[str] = mapped_column(String(10))
    pause_reason: Mapped[str] = mapped_column(String(30), server_default="")
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
