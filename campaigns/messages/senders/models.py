"""Which sender an office uses, with its description: append-only, the newest row counts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin


class SenderChoice(OfficeMixin, Base):
    """A choice: `kind` settings (what CALLCENTER_SMS_SENDER says), simulator, twilio with its numbers, or gateway with its description.

    A document has no secret.
    """

    __tablename__ = "sender_choice"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        CheckConstraint("kind in ('settings','simulator','twilio','gateway')", name="kind"),
    )

    kind: Mapped[str] = mapped_column(String(10))
    document: Mapped[str] = mapped_column(Text, server_default="")
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
