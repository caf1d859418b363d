"""The office's contact rules, its closing days, and every refusal on record."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class ContactPolicyVersion(OfficeMixin, Base):
    """One version of the contact rules; `document` is what `campaigns.compliance.rules.ContactPolicy` reads."""

    __tablename__ = "contact_policy"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "version"),
        Index("ix_contact_policy_active", "office_id", unique=True, postgresql_where=text("is_active")),
    )

    version: Mapped[int] = mapped_column(Integer)
    document: Mapped[dict[str, Any]]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]


class CalendarDay(OfficeMixin, Base):
    """A day that differs from the rule: `kind` closed (閉庁日), evening (夜間窓口) or open (休日窓口)."""

    __tablename__ = "calendar_day"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]), UniqueConstraint("office_id", "day"))

    day: Mapped[date]
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(60), server_default="")


class ComplianceDecision(OfficeMixin, Base):
    """A refusal to contact, with its reason and the next moment at which it may be asked again."""

    __tablename__ = "compliance_decision"
    __table_args__ = (
        within_office("debtor_id", "debtor"),
        Index(None, "office_id", "at"),
        Index(None, "office_id", "debtor_id"),
    )

    at: Mapped[datetime]
    debtor_id: Mapped[int]
    campaign_id: Mapped[int | None]
    work_item_id: Mapped[int | None]
    channel: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(40))
    next_allowed_at: Mapped[datetime | None]
