"""Templates, the night's batches, and each message with its provider's events."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import OFFICE_DEFAULT, Base, OfficeMixin, within_office

LONG_AGO = "'2000-01-01 00:00:00+00'::timestamptz"


class Template(OfficeMixin, Base):
    """A message's wording in one version; neutral unless the office decided otherwise.

    `allows_tax_words` and `allowed_fields` (names of personal fields) are that decision; such a version is activated by a second person.
    """

    __tablename__ = "template"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]), UniqueConstraint("office_id", "code", "version"))

    code: Mapped[str] = mapped_column(String(40))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    body: Mapped[str] = mapped_column(String(700))
    allows_tax_words: Mapped[bool] = mapped_column(server_default=text("false"))
    allowed_fields: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
    activated_by: Mapped[int | None]
    activated_at: Mapped[datetime | None]


class Batch(OfficeMixin, Base):
    """The night's SMS or robocall work: `state` preparing, ready, releasing, paused, done, cancelled.

    Frozen inputs: versions of the rule set, the contact rules and the template, the list's date, the plan's as-of, prices (hundredths of
    a yen) and how it is released (`pace`, `leftover`, `rounds`, see `campaigns.messages.terms`). It is released inside the contact window,
    and only once `approved_at` is set: by another person than who prepared or edited it, where the office wants that.

    `progress` of `progress_total` and `heartbeat_at` are of the preparation. `moved` counts the messages and calls that went on to another
    window, `moves` how often.
    """

    __tablename__ = "batch"
    __table_args__ = (
        within_office("campaign_id", "campaign"),
        within_office("template_id", "template"),
        Index(None, "office_id", "campaign_id"),
        Index("ix_batch_live", "office_id", "state", postgresql_where=text("state in ('preparing','ready','releasing','paused')")),
        CheckConstraint("channel in ('sms','auto_call')", name="channel"),
        CheckConstraint("state in ('preparing','ready','releasing','paused','done','cancelled')", name="state"),
        CheckConstraint("pace in ('front','even') and leftover in ('lapse','next')", name="release"),
    )

    campaign_id: Mapped[int]
    channel: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12), server_default="preparing")
    template_id: Mapped[int | None]
    rule_set_id: Mapped[int | None]
    policy_version: Mapped[int | None] = mapped_column(Integer)
    list_as_of: Mapped[date | None]
    as_of: Mapped[datetime]
    release_from: Mapped[datetime | None]
    release_until: Mapped[datetime | None]
    pace: Mapped[str] = mapped_column(String(8), server_default="front")
    leftover: Mapped[str] = mapped_column(String(8), server_default="lapse")
    rounds: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    reaction_days: Mapped[int] = mapped_column(SmallInteger, server_default="14")
    segment_price: Mapped[int] = mapped_column(Integer, server_default="0")
    minute_price: Mapped[int] = mapped_column(Integer, server_default="0")
    prepared: Mapped[int] = mapped_column(server_default="0")
    segments: Mapped[int] = mapped_column(server_default="0")
    refused: Mapped[int] = mapped_column(server_default="0")
    withdrawn: Mapped[int] = mapped_column(server_default="0")
    reasons: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    moved: Mapped[int] = mapped_column(server_default="0")
    moves: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    state_reason: Mapped[str] = mapped_column(String(40), server_default="")
    progress: Mapped[int] = mapped_column(server_default="0")
    progress_total: Mapped[int] = mapped_column(server_default="0")
    heartbeat_at: Mapped[datetime | None]
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
    edited_by: Mapped[int | None]
    edited_at: Mapped[datetime | None]
    approved_by: Mapped[int | None]
    approved_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class BatchEvent(OfficeMixin, Base):
    """What was done with a batch and by whom, append-only; `user_id` None is the program. `detail` holds codes, moments and counts."""

    __tablename__ = "batch_event"
    __table_args__ = (within_office("batch_id", "batch"), Index(None, "office_id", "batch_id"))

    batch_id: Mapped[int]
    at: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[int | None]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class BatchControl(Base):
    """Whom an experiment left alone when a batch was prepared: the arm beside which its effect is measured."""

    __tablename__ = "batch_control"
    __table_args__ = (within_office("batch_id", "batch"), within_office("debtor_id", "debtor"))

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    batch_id: Mapped[int] = mapped_column(primary_key=True)
    debtor_id: Mapped[int] = mapped_column(primary_key=True)
    arm: Mapped[str] = mapped_column(String(40))


class SenderRate(Base):
    """When a provider's sender number takes its next segment. No office's: a number may serve several, its rate is one."""

    __tablename__ = "sender_rate"

    sender: Mapped[str] = mapped_column(String(80), primary_key=True)
    free_at: Mapped[datetime]


class Message(OfficeMixin, Base):
    """One person's message: a row that can be handed over once, fenced by `claim_token`.

    `state`: ready, claimed, handed_over, accepted, delivered, undelivered, failed, unknown, withdrawn, refused.
    `reference` is ours and travels with the message, so that the provider can be asked for it. `template_id` is set where the person's rule
    names another wording than the batch's. `not_before` is its place in the window, `sender` the number it was sent by.
    """

    __tablename__ = "message"
    __table_args__ = (
        within_office("batch_id", "batch"),
        within_office("debtor_id", "debtor"),
        within_office("work_item_id", "work_item"),
        within_office("attempt_id", "attempt"),
        within_office("template_id", "template"),
        UniqueConstraint("office_id", "reference"),
        UniqueConstraint("office_id", "batch_id", "debtor_id"),
        Index("ix_message_attempt", "office_id", "attempt_id", postgresql_where=text("attempt_id is not null")),
        Index(None, "office_id", "debtor_id"),
        Index("ix_message_state", "office_id", "batch_id", "state"),
        Index("ix_message_ready", "office_id", "batch_id", "not_before", "id", postgresql_where=text("state = 'ready'")),
        Index("ix_message_lease", "office_id", "lease_until", postgresql_where=text("state in ('claimed','handed_over')")),
        CheckConstraint(
            "state in ('ready','claimed','handed_over','accepted','delivered','undelivered','failed','unknown','withdrawn','refused')",
            name="state",
        ),
    )

    batch_id: Mapped[int]
    debtor_id: Mapped[int]
    work_item_id: Mapped[int | None]
    attempt_id: Mapped[int | None]
    template_id: Mapped[int | None]
    phone_id: Mapped[int]
    e164: Mapped[str] = mapped_column(String(20))
    body: Mapped[str] = mapped_column(String(700))
    segments: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    not_before: Mapped[datetime] = mapped_column(server_default=text(LONG_AGO))
    reference: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12), server_default="ready")
    reason: Mapped[str] = mapped_column(String(40), server_default="")
    provider: Mapped[str] = mapped_column(String(20), server_default="")
    sender: Mapped[str] = mapped_column(String(40), server_default="")
    provider_id: Mapped[str | None] = mapped_column(String(60))
    claim_token: Mapped[str | None] = mapped_column(String(36))
    lease_until: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class MessageEvent(OfficeMixin, Base):
    """What a provider told about a message, append-only and unique by its own key."""

    __tablename__ = "message_event"
    __table_args__ = (within_office("message_id", "message"), UniqueConstraint("office_id", "event_key"))

    message_id: Mapped[int]
    event_key: Mapped[str] = mapped_column(String(120))
    status: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
