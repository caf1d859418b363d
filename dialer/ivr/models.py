"""Robocall scripts as data, and the recordings they play."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Integer, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class RobocallScript(OfficeMixin, Base):
    """What an automated call says and what each key means, in one version; read by `dialer.ivr.documents`.

    A version never changes once it was active. `activated_by` is the person who said yes: for words about tax somebody else than
    `created_by`.
    """

    __tablename__ = "robocall_script"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "code", "version"),
        within_office("created_by", "app_user"),
        within_office("activated_by", "app_user"),
    )

    code: Mapped[str] = mapped_column(String(40))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    document: Mapped[dict[str, Any]]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime]
    created_by: Mapped[int | None]
    activated_at: Mapped[datetime | None]
    activated_by: Mapped[int | None]


class RobocallRecording(OfficeMixin, Base):
    """An uploaded recording as telephones play it: 8 kHz, 16 bit, one channel (WAV). A name again is a new recording of that name."""

    __tablename__ = "robocall_recording"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "name", "digest"),
        within_office("created_by", "app_user"),
    )

    name: Mapped[str] = mapped_column(String(60))
    digest: Mapped[str] = mapped_column(String(16))
    milliseconds: Mapped[int] = mapped_column(Integer)
    sound: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime]
    created_by: Mapped[int | None]
