"""What is kept of a campaign's pacing: what was learned, and how it dials now."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class PacingState(OfficeMixin, Base):
    """How a campaign dials: `price` is the learned risk a line may carry, `learned_until` the moment up to which calls were learned from.

    `judged_*` are the counts of the day for which the price was last corrected. `mode_asked`, `mode` (in force), `why` and `detail`
    are what the dialer decided last, at `decided_at`.
    """

    __tablename__ = "pacing_state"
    __table_args__ = (within_office("campaign_id", "campaign"), UniqueConstraint("office_id", "campaign_id"))

    campaign_id: Mapped[int]
    price: Mapped[float]
    learned_until: Mapped[datetime]
    judged_on: Mapped[date | None]
    judged_answers: Mapped[int] = mapped_column(server_default="0")
    judged_abandoned: Mapped[int] = mapped_column(server_default="0")
    mode_asked: Mapped[str] = mapped_column(String(12), server_default="")
    mode: Mapped[str] = mapped_column(String(12), server_default="")
    why: Mapped[str] = mapped_column(String(20), server_default="")
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    decided_at: Mapped[datetime | None]


class PacingHour(OfficeMixin, Base):
    """What was learned of lines and operators in one hour of the office's day (`document` as `dialer.pacing.learning.Memory` writes it)."""

    __tablename__ = "pacing_hour"
    __table_args__ = (
        within_office("campaign_id", "campaign"),
        UniqueConstraint("office_id", "campaign_id", "hour"),
        CheckConstraint("hour between 0 and 23", name="hour"),
    )

    campaign_id: Mapped[int]
    hour: Mapped[int] = mapped_column(SmallInteger)
    document: Mapped[dict[str, Any]]
