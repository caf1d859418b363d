"""Robocall scripts as data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin


class RobocallScript(OfficeMixin, Base):
    """What an automated call says and what each key means, in one version; read by `dialer.ivr.script`."""

    __tablename__ = "robocall_script"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]), UniqueConstraint("office_id", "code", "version"))

    code: Mapped[str] = mapped_column(String(40))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    document: Mapped[dict[str, Any]]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime]
