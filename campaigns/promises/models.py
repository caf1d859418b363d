"""Promises to pay, and the mirror of the instalment plans that tax officers decide."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class Promise(OfficeMixin, Base):
    """納付約束: `state` open, kept, part_kept, broken, cancelled; amounts in whole yen.

    Kept means: at least `threshold_percent` of `amount` was paid between `made_on` and `due_on` + `grace_days`.
    """

    __tablename__ = "promise"
    __table_args__ = (
        within_office("debtor_id", "debtor"),
        within_office("attempt_id", "attempt"),
        Index(None, "office_id", "debtor_id"),
        Index(None, "office_id", "due_on"),
        CheckConstraint("state in ('open','kept','part_kept','broken','cancelled')", name="state"),
        CheckConstraint("amount > 0", name="amount"),
    )

    debtor_id: Mapped[int]
    attempt_id: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(4), server_default="full")
    amount: Mapped[int]
    made_on: Mapped[date]
    made_at: Mapped[datetime]
    due_on: Mapped[date]
    grace_days: Mapped[int] = mapped_column(SmallInteger, server_default="7")
    threshold_percent: Mapped[int] = mapped_column(SmallInteger, server_default="100")
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    paid: Mapped[int] = mapped_column(server_default="0")
    made_by: Mapped[int | None]
    settled_at: Mapped[datetime | None]


class InstalmentPlan(OfficeMixin, Base):
    """分割納付計画, read only here: `state` good_standing, broken, ended."""

    __tablename__ = "instalment_plan"
    __table_args__ = (within_office("debtor_id", "debtor"), Index(None, "office_id", "debtor_id"))

    debtor_id: Mapped[int]
    state: Mapped[str] = mapped_column(String(16), server_default="good_standing")
    next_due_on: Mapped[date | None]
    source_ref: Mapped[str] = mapped_column(String(60), server_default="")
    updated_at: Mapped[datetime]
