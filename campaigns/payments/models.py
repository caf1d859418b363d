"""Payments as the core system posted them, and what they were set against."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class Payment(OfficeMixin, Base):
    """収納: one posting, unique by its source reference (収納履歴番号); amounts in whole yen.

    `status`: matched, unmatched (no such debt: shown, not lost), reversed (as a whole), reversal. `is_listed`: the list that told the
    debt's amounts holds it already. `refund` is what exceeds the debt (過誤納), `reversed` what of all its yen a reversal took back.
    A row with `assigned_by` was set against its debt by hand; its own key says what the file said.
    """

    __tablename__ = "payment"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        within_office("debtor_id", "debtor"),
        within_office("debt_id", "debt"),
        UniqueConstraint("office_id", "source_ref", "is_reversal"),
        Index(None, "office_id", "debtor_id", "paid_on"),
        Index(None, "office_id", "status"),
        Index(None, "office_id", "debt_id"),
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
    reversed: Mapped[int] = mapped_column(server_default="0")
    is_listed: Mapped[bool] = mapped_column(server_default=text("false"))
    assigned_by: Mapped[int | None]
    assigned_at: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(String(10))
    import_id: Mapped[int | None]
    recorded_at: Mapped[datetime]


class Allocation(OfficeMixin, Base):
    """What of a payment stands against its debt, beyond what the debt's list held; yen.

    A row's principal is negative where a reversal took back what that list had counted.
    """

    __tablename__ = "allocation"
    __table_args__ = (
        within_office("payment_id", "payment"),
        within_office("debt_id", "debt"),
        Index(None, "office_id", "debt_id"),
        UniqueConstraint("office_id", "payment_id", "debt_id"),
    )

    payment_id: Mapped[int]
    debt_id: Mapped[int]
    principal: Mapped[int]
    demand_fee: Mapped[int] = mapped_column(server_default="0")
    late_charge: Mapped[int] = mapped_column(server_default="0")
    at: Mapped[datetime]
