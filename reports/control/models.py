"""What figures should reach, how often they are looked at, when they left their limits, and what was decided."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, Float, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin


class Cycle(StrEnum):
    """How often a figure is looked at: the length of the periods that are compared."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    NEVER = "never"


class DecisionKind(StrEnum):
    """A decision with somebody to carry it out, or only something worth remembering about a day."""

    DECISION = "decision"
    NOTE = "note"


class DecisionState(StrEnum):
    """How far a decision has come."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class MetricTarget(OfficeMixin, Base):
    """What a figure should reach in a month (`month` is its first day); rates as a share from 0 to 1."""

    __tablename__ = "metric_target"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]), UniqueConstraint("office_id", "month", "metric"))

    month: Mapped[date] = mapped_column(Date)
    metric: Mapped[str] = mapped_column(String(40))
    value: Mapped[float] = mapped_column(Float)
    updated_by: Mapped[int | None]
    updated_at: Mapped[datetime]


class MetricWatch(OfficeMixin, Base):
    """The cycle of a figure where the office chose another than the usual one."""

    __tablename__ = "metric_watch"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "metric"),
        CheckConstraint("cycle in ('daily','weekly','monthly','never')", name="cycle"),
    )

    metric: Mapped[str] = mapped_column(String(40))
    cycle: Mapped[str] = mapped_column(String(8))
    updated_by: Mapped[int | None]
    updated_at: Mapped[datetime]


class MetricAlert(OfficeMixin, Base):
    """A period (`first` is its first day) in which a figure left its limits, by one rule of `limits`; found once.

    `withdrawn_at` is set when later data (a correction, a reversed payment) put the figure back inside; `mailed_at` when those who want
    to know by e-mail were told, or there was nobody to tell.
    """

    __tablename__ = "metric_alert"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "metric", "cycle", "first", "rule"),
        CheckConstraint("cycle in ('daily','weekly','monthly')", name="cycle"),
        CheckConstraint("rule in ('outside','run')", name="rule"),
    )

    metric: Mapped[str] = mapped_column(String(40))
    cycle: Mapped[str] = mapped_column(String(8))
    first: Mapped[date] = mapped_column(Date)
    rule: Mapped[str] = mapped_column(String(8))
    value: Mapped[float] = mapped_column(Float)
    center: Mapped[float] = mapped_column(Float)
    low: Mapped[float] = mapped_column(Float)
    high: Mapped[float] = mapped_column(Float)
    found_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    mailed_at: Mapped[datetime | None]
    seen_by: Mapped[int | None]
    seen_at: Mapped[datetime | None]
    remark: Mapped[str] = mapped_column(String(400), server_default="")


class AlertRecipient(OfficeMixin, Base):
    """An address (a person's, or one of the office) that gets an e-mail about each new alert, in its language."""

    __tablename__ = "alert_recipient"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "address"),
        CheckConstraint("lang in ('ja','en')", name="lang"),
    )

    address: Mapped[str] = mapped_column(String(254))
    lang: Mapped[str] = mapped_column(String(2))
    added_by: Mapped[int | None]
    added_at: Mapped[datetime]


class Decision(OfficeMixin, Base):
    """What was decided (or noted) for the time from `starts_on`: what, who, until when, and which figure should move which way."""

    __tablename__ = "decision"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        Index(None, "office_id", "starts_on"),
        CheckConstraint("kind in ('decision','note')", name="kind"),
        CheckConstraint("direction in ('up','down')", name="direction"),
        CheckConstraint("state in ('open','done','dropped')", name="state"),
    )

    kind: Mapped[str] = mapped_column(String(8))
    starts_on: Mapped[date] = mapped_column(Date)
    due_on: Mapped[date | None] = mapped_column(Date)
    what: Mapped[str] = mapped_column(String(400))
    who: Mapped[str] = mapped_column(String(80), server_default="")
    metric: Mapped[str] = mapped_column(String(40), server_default="")
    direction: Mapped[str] = mapped_column(String(4), server_default="up")
    state: Mapped[str] = mapped_column(String(8), server_default="open")
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
    changed_by: Mapped[int | None]
    changed_at: Mapped[datetime | None]
