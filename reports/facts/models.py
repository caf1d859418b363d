"""Facts by day and month, which days were built, and which changed since."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Date, ForeignKeyConstraint, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import OFFICE_DEFAULT, Base, OfficeMixin

ANY_CAMPAIGN = 0
DAY, WEEK, MONTH = "d", "w", "m"
DIMENSIONS = ("all", "hour", "operator")


class Fact(Base):
    """Counts of one day (or week or month: `day` is its first) for one key of one dimension, campaign and channel.

    `dimension` all (key ''), hour (00–23) or operator (user id, 0 for none). `campaign_id` 0 holds every attempt, in a campaign or not.
    `worked_us` are microseconds at work, on rows of operator calls only; null where none were recorded. The four sets are serialised
    64-bit Roaring bitmaps of debtor ids, so that persons of any period can be counted exactly; their sizes stand beside them.
    """

    __tablename__ = "fact"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        Index(None, "office_id", "grain", "day"),
        CheckConstraint("grain in ('d','w','m')", name="grain"),
        CheckConstraint("dimension in ('all','hour','operator')", name="dimension"),
    )

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    dimension: Mapped[str] = mapped_column(String(10), primary_key=True)
    grain: Mapped[str] = mapped_column(String(1), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(String(20), primary_key=True)
    attempts: Mapped[int] = mapped_column(Integer)
    contacts: Mapped[int] = mapped_column(Integer)
    right_party_contacts: Mapped[int] = mapped_column(Integer)
    promises: Mapped[int] = mapped_column(Integer)
    imported: Mapped[int] = mapped_column(Integer)
    promises_due: Mapped[int] = mapped_column(Integer)
    promises_kept: Mapped[int] = mapped_column(Integer)
    worked_us: Mapped[int | None] = mapped_column(BigInteger)
    attempted: Mapped[bytes] = mapped_column(LargeBinary)
    contacted: Mapped[bytes] = mapped_column(LargeBinary)
    right_party: Mapped[bytes] = mapped_column(LargeBinary)
    promised: Mapped[bytes] = mapped_column(LargeBinary)
    persons_attempted: Mapped[int] = mapped_column(Integer)
    persons_contacted: Mapped[int] = mapped_column(Integer)
    persons_right_party: Mapped[int] = mapped_column(Integer)
    persons_promised: Mapped[int] = mapped_column(Integer)


class FactCalls(Base):
    """The calls of one built day that had any as columns of packed numbers (`reports.facts.calls`), for what no fact sums up beforehand."""

    __tablename__ = "fact_calls"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]),)

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    calls: Mapped[int] = mapped_column(Integer)
    scripts: Mapped[list[str]] = mapped_column(ARRAY(String(60)))
    debtor: Mapped[bytes] = mapped_column(LargeBinary)
    campaign: Mapped[bytes] = mapped_column(LargeBinary)
    operator: Mapped[bytes] = mapped_column(LargeBinary)
    channel: Mapped[bytes] = mapped_column(LargeBinary)
    hour: Mapped[bytes] = mapped_column(LargeBinary)
    began: Mapped[bytes] = mapped_column(LargeBinary)
    flags: Mapped[bytes] = mapped_column(LargeBinary)
    talk: Mapped[bytes] = mapped_column(LargeBinary)
    phone: Mapped[bytes] = mapped_column(LargeBinary)
    script: Mapped[bytes] = mapped_column(LargeBinary)
    pressed: Mapped[bytes] = mapped_column(LargeBinary)


class FactBuilt(Base):
    """A day, week or month whose facts were built, in the office's time zone of then; `again_at`: in place of a day's facts that stood."""

    __tablename__ = "fact_built"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]), CheckConstraint("grain in ('d','w','m')", name="grain"))

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    grain: Mapped[str] = mapped_column(String(1), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    zone: Mapped[str] = mapped_column(String(40))
    built_at: Mapped[datetime]
    again_at: Mapped[datetime | None]


class FactDirty(OfficeMixin, Base):
    """A past day of which something changed since its facts were built; written by triggers, removed by the build."""

    __tablename__ = "fact_dirty"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]), Index(None, "office_id", "day"))

    day: Mapped[date]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
