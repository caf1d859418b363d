"""What is to be done next, one row per debtor and campaign."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import OFFICE_DEFAULT, Base, OfficeMixin, within_office


class WorkItem(OfficeMixin, Base):
    """One thing to do: `state` ready, claimed, done, withdrawn.

    A claim is fenced by `claim_token` and ends at `lease_until`. `not_before` is the earliest moment; `user_id` set means that only that
    operator may take it (personal call-back). `reason` says why it stands here or why it was withdrawn. `step` is the ladder's
    (0: a rule decided by itself), `round` that of automated calls in a cycle.
    """

    __tablename__ = "work_item"
    __table_args__ = (
        within_office("campaign_id", "campaign"),
        within_office("debtor_id", "debtor"),
        Index(
            "uq_work_item_live",
            "office_id",
            "campaign_id",
            "debtor_id",
            unique=True,
            postgresql_where=text("state in ('ready','claimed')"),
        ),
        Index(
            "ix_work_item_ready",
            "office_id",
            "campaign_id",
            "channel",
            "priority",
            "not_before",
            postgresql_where=text("state = 'ready'"),
        ),
        Index("ix_work_item_lease", "office_id", "lease_until", postgresql_where=text("state = 'claimed'")),
        Index(None, "office_id", "debtor_id"),
        CheckConstraint("state in ('ready','claimed','done','withdrawn')", name="state"),
    )

    campaign_id: Mapped[int]
    debtor_id: Mapped[int]
    channel: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10), server_default="ready")
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="5")
    not_before: Mapped[datetime]
    phone_id: Mapped[int | None]
    batch_id: Mapped[int | None]
    step: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    round: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    is_callback: Mapped[bool] = mapped_column(server_default=text("false"))
    user_id: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(40), server_default="")
    claim_token: Mapped[str | None] = mapped_column(String(36))
    claimed_by: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class CallHours(Base):
    """What an office's calls said of hours when it was learned last: `document` is what `campaigns.worklist.hours` keeps."""

    __tablename__ = "call_hours"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]),)

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    learned_at: Mapped[datetime]
    document: Mapped[dict[str, Any]]
