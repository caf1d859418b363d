"""Promises to pay, and the mirror of the instalment plans that tax officers decide."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class Promise(OfficeMixin, Base):
    """納付約束: `state` is one of `state.PromiseState`; amounts in whole yen.

    Kept means: at least `threshold_percent` of `amount` was paid between `made_on` and `due_on` + `grace_days`. Postings lag, so that
    "not kept" is told `lag_days` later (入金確認待ち). `superseded_by` is the promise that took the place of this one. `debt_ids` are the
    installments the promise was said to cover; empty: not said.
    """

    __tablename__ = "promise"
    __table_args__ = (
        within_office("debtor_id", "debtor"),
        within_office("attempt_id", "attempt"),
        Index(None, "office_id", "debtor_id"),
        Index(None, "office_id", "due_on"),
        CheckConstraint("state in ('open','kept','part_kept','broken','cancelled','superseded')", name="state"),
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
    lag_days: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    threshold_percent: Mapped[int] = mapped_column(SmallInteger, server_default="100")
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    paid: Mapped[int] = mapped_column(server_default="0")
    made_by: Mapped[int | None]
    settled_at: Mapped[datetime | None]
    superseded_by: Mapped[int | None]
    debt_ids: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))


class InstalmentPlan(OfficeMixin, Base):
    """分割納付計画, decided by tax officers and mirrored here: `state` good_standing, broken, completed, ended.

    `source` is officer (entered here) or file. What a debtor pays from `agreed_on` on counts for the plan. It is broken once more than
    `allowed_misses` instalments were not paid by their day plus `grace_days` (履行監視); `missed`, `paid` and `next_due_on` follow from
    the payments, `ended_*` from an officer.
    """

    __tablename__ = "instalment_plan"
    __table_args__ = (
        within_office("debtor_id", "debtor"),
        Index(None, "office_id", "debtor_id"),
        Index(None, "office_id", "state", "next_due_on"),
        CheckConstraint("state in ('good_standing','broken','completed','ended')", name="state"),
    )

    debtor_id: Mapped[int]
    state: Mapped[str] = mapped_column(String(16), server_default="good_standing")
    next_due_on: Mapped[date | None]
    source: Mapped[str] = mapped_column(String(8), server_default="file")
    source_ref: Mapped[str] = mapped_column(String(60), server_default="")
    agreed_on: Mapped[date | None]
    total: Mapped[int] = mapped_column(server_default="0")
    paid: Mapped[int] = mapped_column(server_default="0")
    missed: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    grace_days: Mapped[int] = mapped_column(SmallInteger, server_default="7")
    allowed_misses: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    decided_by: Mapped[int | None]
    ended_by: Mapped[int | None]
    ended_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class Instalment(OfficeMixin, Base):
    """One payment of a plan: `state` due, paid, late (paid after its time), missed; `paid` is what of the money so far fell to it."""

    __tablename__ = "instalment"
    __table_args__ = (
        within_office("plan_id", "instalment_plan", ondelete="CASCADE"),
        UniqueConstraint("office_id", "plan_id", "number"),
        CheckConstraint("state in ('due','paid','late','missed')", name="state"),
        CheckConstraint("amount > 0", name="amount"),
    )

    plan_id: Mapped[int]
    number: Mapped[int] = mapped_column(SmallInteger)
    due_on: Mapped[date]
    amount: Mapped[int]
    paid: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[str] = mapped_column(String(8), server_default="due")
