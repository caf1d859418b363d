"""What the office's core systems must be told, and what they acknowledged."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class SyncOutbox(OfficeMixin, Base):
    """One fact to pass on, written in the transaction that made it; `key` makes passing it on twice harmless."""

    __tablename__ = "sync_outbox"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "key"),
        Index(None, "office_id", "created_at"),
    )

    key: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(20))
    debtor_id: Mapped[int | None]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class SyncAck(OfficeMixin, Base):
    """One target's acknowledgement of one outbox row."""

    __tablename__ = "sync_ack"
    __table_args__ = (within_office("outbox_id", "sync_outbox"), UniqueConstraint("office_id", "outbox_id", "target"))

    outbox_id: Mapped[int]
    target: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    detail: Mapped[str] = mapped_column(String(200), server_default="")
