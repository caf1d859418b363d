"""Calls on a carrier and everything the carrier told about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class Call(OfficeMixin, Base):
    """One call of one attempt: `state` placing, placed, ringing, answered, bridged, ended (see `dialer.calls.state`).

    `channel_id` is ours and unique for ever. `agent_session_id` is the operator reserved for it; null for a robocall.
    `node` is the dialer that hands it over; empty while none has taken it, and then it was certainly not made.
    `held_at`: since when the debtor hears the hold tone instead of the operator.
    `is_recorded`: the conversation is to be recorded, under the name `channel_id`; `has_notice`: the debtor is told so first.
    """

    __tablename__ = "call"
    __table_args__ = (
        within_office("attempt_id", "attempt"),
        within_office("campaign_id", "campaign"),
        within_office("agent_session_id", "agent_session"),
        UniqueConstraint("office_id", "channel_id"),
        UniqueConstraint("office_id", "attempt_id"),
        Index("ix_call_recorded", "office_id", "placed_at", postgresql_where=text("is_recorded")),
        Index("ix_call_live", "office_id", "campaign_id", postgresql_where=text("state <> 'ended'")),
        Index("ix_call_answered_at", "office_id", "campaign_id", "answered_at", postgresql_where=text("answered_at is not null")),
        Index("ix_call_ended_at", "office_id", "campaign_id", "ended_at", postgresql_where=text("ended_at is not null")),
        CheckConstraint("state in ('placing','placed','ringing','answered','bridged','ended')", name="state"),
    )

    attempt_id: Mapped[int]
    campaign_id: Mapped[int | None]
    agent_session_id: Mapped[int | None]
    carrier: Mapped[str] = mapped_column(String(12))
    channel_id: Mapped[str] = mapped_column(String(60))
    mode: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(10), server_default="placing")
    placed_at: Mapped[datetime]
    ringing_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    bridged_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    line_result: Mapped[str | None] = mapped_column(String(20))
    cause: Mapped[int | None] = mapped_column(SmallInteger)
    sip_code: Mapped[int | None] = mapped_column(SmallInteger)
    digits: Mapped[str] = mapped_column(String(20), server_default="")
    hangup_requested_at: Mapped[datetime | None]
    held_at: Mapped[datetime | None]
    node: Mapped[str] = mapped_column(String(80), server_default="")
    is_recorded: Mapped[bool] = mapped_column(server_default=text("false"))
    has_notice: Mapped[bool] = mapped_column(server_default=text("false"))


class CallEvent(OfficeMixin, Base):
    """One thing the carrier told, append-only until its time is over, unique by its key: a duplicate is a no-op."""

    __tablename__ = "call_event"
    __table_args__ = (within_office("call_id", "call"), UniqueConstraint("office_id", "call_id", "event_key"))

    call_id: Mapped[int]
    event_key: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class CarrierInbox(OfficeMixin, Base):
    """A webhook, stored before anything else is done with it and processed after; unique by its key."""

    __tablename__ = "carrier_inbox"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "carrier", "event_key"),
        Index("ix_carrier_inbox_new", "office_id", "carrier", postgresql_where=text("processed_at is null")),
    )

    carrier: Mapped[str] = mapped_column(String(12))
    kind: Mapped[str] = mapped_column(String(12), server_default="call")
    event_key: Mapped[str] = mapped_column(String(120))
    payload: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]


class DialerLease(OfficeMixin, Base):
    """Which dialer process works a campaign, until when: campaigns are shared out among nodes; `problem` is why it places no calls."""

    __tablename__ = "dialer_lease"
    __table_args__ = (within_office("campaign_id", "campaign"), UniqueConstraint("office_id", "campaign_id"))

    campaign_id: Mapped[int]
    node: Mapped[str] = mapped_column(String(80))
    lease_until: Mapped[datetime]
    problem: Mapped[str] = mapped_column(String(40), server_default="")
