"""Payments as the core system posted them, and what they were set against."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class Payment(OfficeMixin, Base):
    """収納: one posting, unique by its source reference (収納履歴番号); amounts in whole yen.

    `status`: matched, unmatched (no such debt: shown, not lost), reversed, reversal. `refund` is what exceeds the debt (過誤納).
    """

    __tablename__ = "payment"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        within_office("debtor_id", "debtor"),
        within_office("debt_id", "debt"),
        UniqueConstraint("office_id", "source_ref", "is_reversal"),
        Index(None, "office_id", "debtor_id", "paid_on"),
        Index(None, "office_id", "status"),
        CheckConstraint("status in ('matched','unmatched','reversed','reversal')", name="status"),
    )

    source_ref: Mapped[str] = mapped_column(String(60))
    is_reversal: Mapped[bool] = mapped_column(server_default=text("false"))
    debtor_no: Mapped[str] = mapped_column(String(40))
    tax_code: Mapped[str] = mapped_column(String(20))
    levy_year: Mapped[int] = mapped_column(SmallInteger)
    base_year: Mapped[int] = mapped_column(SmallInteger)
    term: Mapped[int] = mapped_column(SmallInteger)
    notice_no: Mapped[str] = mapped_column(String(40))
    debtor_id: Mapped[int | None]
    debt_id: Mapped[int | None]
    paid_on: Mapped[date]
    posted_on: Mapped[date | None]
    principal: Mapped[int]
    demand_fee: Mapped[int] = mapped_column(server_default="0")
    late_charge: Mapped[int] = mapped_column(server_default="0")
    refund: Mapped[int] = mapped_column(server_default="0")
    status: Mapped[str] = mapped_column(String(10))
    import_id: Mapped[int | None]
    recorded_at: Mapped[datetime]


class Allocation(OfficeMixin, Base):
    """What part of a payment was set against a debt's principal; negative for a reversal."""

    __tablename__ = "allocation"
    __table_args__ = (
        within_office("payment_id", "payment"),
        within_office("debt_id", "debt"),
        Index(None, "office_id", "debt_id"),
        Index(None, "office_id", "payment_id"),
    )

    payment_id: Mapped[int]
    debt_id: Mapped[int]
    principal: Mapped[int]
    at: Mapped[datetime]
