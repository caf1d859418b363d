"""What each half hour of a past day held."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKeyConstraint, Integer, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import OFFICE_DEFAULT, Base


class HalfHour(Base):
    """One half hour of an office's day: `slot` 0 (from midnight) to 47; −1 says that the day was counted.

    `attempts` are operators' calls, `operators` those who made any, `inbound` calls that came in.
    """

    __tablename__ = "half_hour"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]),)

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    operators: Mapped[int] = mapped_column(Integer, server_default="0")
    inbound: Mapped[int] = mapped_column(Integer, server_default="0")
    counted_at: Mapped[datetime]
