"""What officers ask of the contractor's supervisor. The cases themselves are `campaigns.attempts.models.Escalation`."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class OfficerRequest(OfficeMixin, Base):
    """A request to the contractor's supervisor, who decides who does it: `state` is one of `state.RequestState`.

    There is no operator in it, on purpose: a city's officer must not instruct a contractor's staff (偽装請負). `due_on` is a wish.
    """

    __tablename__ = "officer_request"
    __table_args__ = (
        within_office("debtor_id", "debtor"),
        within_office("escalation_id", "escalation"),
        Index(None, "office_id", "state"),
        Index(None, "office_id", "debtor_id"),
        CheckConstraint("state in ('open','in_hand','done','declined','withdrawn')", name="state"),
    )

    debtor_id: Mapped[int]
    escalation_id: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(20))
    body: Mapped[str] = mapped_column(String(1000))
    due_on: Mapped[date | None]
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    created_by: Mapped[int]
    created_at: Mapped[datetime]
    reply: Mapped[str] = mapped_column(String(1000), server_default="")
    replied_by: Mapped[int | None]
    replied_at: Mapped[datetime | None]
