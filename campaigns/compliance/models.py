"""The office's contact rules in versions, its days that differ, times debtors named, and every decision on record."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class ContactPolicyVersion(OfficeMixin, Base):
    """One version of the contact rules; `document` is what `campaigns.compliance.documents` reads.

    A draft is neither active nor was it ever activated; a version that was activated is never changed. `loosened` lists what is looser than
    the preset it began as, and `note` says why: without a reason such a version can't be activated.
    """

    __tablename__ = "contact_policy"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "version"),
        Index("ix_contact_policy_active", "office_id", unique=True, postgresql_where=text("is_active")),
    )

    version: Mapped[int] = mapped_column(Integer)
    document: Mapped[dict[str, Any]]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    note: Mapped[str] = mapped_column(String(500), server_default="")
    loosened: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
    changed_by: Mapped[int | None]
    changed_at: Mapped[datetime | None]
    activated_by: Mapped[int | None]
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class CalendarDay(OfficeMixin, Base):
    """A day that differs from the rule: `kind` closed (閉庁日), evening (夜間窓口) or open (休日窓口).

    `hours`, `until` and `channels` are those of `campaigns.compliance.days.DeclaredDay` as text; empty and null take the policy's.
    """

    __tablename__ = "calendar_day"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]), UniqueConstraint("office_id", "day"))

    day: Mapped[date]
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(60), server_default="")
    hours: Mapped[str] = mapped_column(String(100), server_default="")
    until: Mapped[str] = mapped_column(String(5), server_default="")
    channels: Mapped[list[Any] | None]
    declared_by: Mapped[int | None]
    declared_at: Mapped[datetime | None]


class ContactWish(OfficeMixin, Base):
    """Times a debtor named: `is_only` allows nothing but these, else these are to be avoided.

    `weekdays` is like `0,5` (0 Monday), empty is every day; `channel` null is all; a wish holds until `ends_on` or until it is lifted.
    """

    __tablename__ = "contact_wish"
    __table_args__ = (within_office("debtor_id", "debtor"), Index(None, "office_id", "debtor_id"))

    debtor_id: Mapped[int]
    is_only: Mapped[bool] = mapped_column(server_default=text("false"))
    weekdays: Mapped[str] = mapped_column(String(20), server_default="")
    opens: Mapped[time]
    closes: Mapped[time]
    channel: Mapped[str | None] = mapped_column(String(20))
    ends_on: Mapped[date | None]
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
    lifted_by: Mapped[int | None]
    lifted_at: Mapped[datetime | None]


class ComplianceCheck(OfficeMixin, Base):
    """The gate asked about a whole set at planning: how many, under which rules, and what came of it.

    `purpose`: plan, batch. `state`: waiting, running, done, failed. `moments` says for which moment each channel was asked, `counts` is
    {channel: {asked, allowed, reasons: {code: n}}}. The refusals are rows of `compliance_decision` from their `at` to their `ended_at`.
    """

    __tablename__ = "compliance_check"
    __table_args__ = (
        within_office("campaign_id", "campaign"),
        Index(None, "office_id", "campaign_id", "at"),
        CheckConstraint("state in ('waiting','running','done','failed')", name="state"),
    )

    at: Mapped[datetime]
    campaign_id: Mapped[int]
    batch_id: Mapped[int | None]
    purpose: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10), server_default="done")
    policy_version: Mapped[int] = mapped_column(Integer, server_default="0")
    moments: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    total: Mapped[int] = mapped_column(server_default="0")
    asked: Mapped[int] = mapped_column(server_default="0")
    allowed: Mapped[int] = mapped_column(server_default="0")
    refused: Mapped[int] = mapped_column(server_default="0")
    written: Mapped[int] = mapped_column(server_default="0")
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_by: Mapped[int | None]
    finished_at: Mapped[datetime | None]


class ComplianceDecision(OfficeMixin, Base):
    """A decision, with what it was made from (`inputs`, see `campaigns.compliance.record`) and the version of the rules.

    Just before contact every decision has its row: allowed ones name what was done on it (`attempt_id`, `message_id`). Of a set asked at
    planning (`check_id`) the refusals have one, from `at` until another check says otherwise (`ended_at`); the allowed ones are counted in
    the check and are the rest of its set. `reason` is empty where contact was allowed.
    """

    __tablename__ = "compliance_decision"
    __table_args__ = (
        within_office("debtor_id", "debtor"),
        within_office("check_id", "compliance_check"),
        Index(None, "office_id", "at"),
        Index(None, "office_id", "debtor_id"),
        Index(
            "ix_compliance_decision_current",
            "office_id",
            "campaign_id",
            "channel",
            "reason",
            postgresql_where=text("check_id is not null and ended_at is null"),
        ),
    )

    at: Mapped[datetime]
    debtor_id: Mapped[int]
    campaign_id: Mapped[int | None]
    work_item_id: Mapped[int | None]
    attempt_id: Mapped[int | None]
    message_id: Mapped[int | None]
    check_id: Mapped[int | None]
    phone_id: Mapped[int | None]
    channel: Mapped[str] = mapped_column(String(20))
    mode: Mapped[str] = mapped_column(String(12), server_default="")
    is_allowed: Mapped[bool] = mapped_column(server_default=text("false"))
    reason: Mapped[str] = mapped_column(String(40), server_default="")
    policy_version: Mapped[int] = mapped_column(Integer, server_default="0")
    inputs: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    next_allowed_at: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
