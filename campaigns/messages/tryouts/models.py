"""A person's own number for test messages."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class OwnNumber(OfficeMixin, Base):
    """The number of somebody who signs in; usable once `verified_at` is set. Only the digest of the code is kept."""

    __tablename__ = "own_number"
    __table_args__ = (within_office("user_id", "app_user", ondelete="CASCADE"), UniqueConstraint("office_id", "user_id"))

    user_id: Mapped[int]
    e164: Mapped[str] = mapped_column(String(20))
    code_digest: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    verified_at: Mapped[datetime | None]


class TestMessage(OfficeMixin, Base):
    """A test: no debtor, no attempt, no part of any figure. Its text is kept only until it is sent; `result` empty means that it waits."""

    __tablename__ = "test_message"
    __test__ = False
    __table_args__ = (within_office("user_id", "app_user", ondelete="CASCADE"), Index(None, "office_id", "at"))

    user_id: Mapped[int]
    at: Mapped[datetime]
    purpose: Mapped[str] = mapped_column(String(10))
    template_code: Mapped[str] = mapped_column(String(40), server_default="")
    body: Mapped[str] = mapped_column(String(700), server_default="")
    segments: Mapped[int] = mapped_column(SmallInteger)
    reference: Mapped[str] = mapped_column(String(60))
    result: Mapped[str] = mapped_column(String(40))
