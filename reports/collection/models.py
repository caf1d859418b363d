"""The office's monthly totals of all taxpayers: its core system's figures, of which the list of debts shows only the rest."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Date, ForeignKeyConstraint, Numeric, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin

CURRENT, CARRIED_OVER = "current", "carried_over"


class CollectionTotal(OfficeMixin, Base):
    """Totals of one fiscal year, tax and vintage at the end of one month (`month` is its first day), in yen.

    A fiscal year (from April) is still received into until the end of the following May, so its months go on into the next year.
    `tax_code` is free text of the office; the rates of the whole are made of all of them.
    """

    __tablename__ = "collection_total"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "fiscal_year", "month", "tax_code", "vintage"),
        CheckConstraint("vintage in ('current','carried_over')", name="vintage"),
        CheckConstraint("assessed >= 0 and received >= 0 and written_off >= 0", name="amounts"),
    )

    fiscal_year: Mapped[int] = mapped_column(SmallInteger)
    month: Mapped[date] = mapped_column(Date)
    tax_code: Mapped[str] = mapped_column(String(20))
    vintage: Mapped[str] = mapped_column(String(12))
    assessed: Mapped[int]
    received: Mapped[int]
    written_off: Mapped[int] = mapped_column(server_default="0")
    updated_by: Mapped[int | None]
    updated_at: Mapped[datetime]


class CollectionEffect(OfficeMixin, Base):
    """What the office compares for one fiscal year: yen of the contract and of administration saved, and the rates with and without.

    `rate_before` and `rate_after` are per cent of `assessed_yen`.
    """

    __tablename__ = "collection_effect"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]), UniqueConstraint("office_id", "fiscal_year"))

    fiscal_year: Mapped[int] = mapped_column(SmallInteger)
    contract_yen: Mapped[int]
    saved_yen: Mapped[int]
    assessed_yen: Mapped[int]
    rate_before: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    rate_after: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    note: Mapped[str] = mapped_column(String(1000), server_default="")
    updated_by: Mapped[int | None]
    updated_at: Mapped[datetime]
