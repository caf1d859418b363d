"""Recordings, the versions of the keys they are sealed with, who heard them and why, and reviews of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class Recording(OfficeMixin, Base):
    """The recording of one conversation: `state` running, stored, missing, empty, failed, deleted.

    `name` is that of its files in the spool and the vault. `problem` is a word of `dialer.recordings.keeping` that the board shows until
    `seen_by` has seen it. `wrapped_key` is the recording's own key under version `key_version` of the office's; without it, and so once
    deleted, the file can't be read by anybody. `sealed_version` is the version at the time of sealing, part of what is authenticated.
    `peaks` are sealed, too. `kept_for` says why the rules of retention do not touch it. `is_simulated`: made-up sound.
    """

    __tablename__ = "recording"
    __table_args__ = (
        within_office("call_id", "call"),
        within_office("attempt_id", "attempt"),
        within_office("debtor_id", "debtor"),
        within_office("campaign_id", "campaign"),
        within_office("user_id", "app_user"),
        UniqueConstraint("office_id", "call_id"),
        UniqueConstraint("office_id", "name"),
        Index(None, "office_id", "began_at"),
        Index(None, "office_id", "attempt_id"),
        Index("ix_recording_running", "office_id", "node", postgresql_where=text("state = 'running'")),
        Index("ix_recording_problem", "office_id", "began_at", postgresql_where=text("problem <> '' AND seen_by IS NULL")),
        CheckConstraint("state in ('running','stored','missing','empty','failed','deleted')", name="state"),
        CheckConstraint("(state = 'stored') = (wrapped_key IS NOT NULL)", name="key"),
    )

    call_id: Mapped[int]
    attempt_id: Mapped[int]
    debtor_id: Mapped[int]
    campaign_id: Mapped[int | None]
    user_id: Mapped[int | None]
    node: Mapped[str] = mapped_column(String(80), server_default="")
    name: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(10), server_default="running")
    problem: Mapped[str] = mapped_column(String(40), server_default="")
    seen_by: Mapped[int | None]
    began_at: Mapped[datetime]
    stored_at: Mapped[datetime | None]
    seconds: Mapped[float] = mapped_column(Double, server_default="0")
    size: Mapped[int] = mapped_column(server_default="0")
    peaks: Mapped[bytes | None] = mapped_column(LargeBinary)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    key_version: Mapped[int | None] = mapped_column(Integer)
    sealed_version: Mapped[int | None] = mapped_column(Integer)
    is_simulated: Mapped[bool] = mapped_column(server_default=text("false"))
    has_notice: Mapped[bool] = mapped_column(server_default=text("false"))
    kept_for: Mapped[str] = mapped_column(String(200), server_default="")
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[int | None]
    deleted_for: Mapped[str] = mapped_column(String(200), server_default="")


class RecordingKey(OfficeMixin, Base):
    """A version of the office's key. The key itself is a file outside the database; `fingerprint` tells whether it is the right one."""

    __tablename__ = "recording_key"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]), UniqueConstraint("office_id", "version"))

    version: Mapped[int] = mapped_column(Integer)
    fingerprint: Mapped[str] = mapped_column(String(16))
    made_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class RecordingAccess(OfficeMixin, Base):
    """A person may hear a recording until `ends_at`, for a reason that was given."""

    __tablename__ = "recording_access"
    __table_args__ = (
        within_office("recording_id", "recording"),
        within_office("user_id", "app_user"),
        Index(None, "office_id", "recording_id", "user_id"),
    )

    recording_id: Mapped[int]
    user_id: Mapped[int]
    reason: Mapped[str] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(String(200), server_default="")
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class QualityReview(OfficeMixin, Base):
    """A score card for one conversation. `criteria` are those of the day it was filled in; `scores` one number per criterion's code.

    `percent` is the weighted share of what could be reached; `is_shown`: the operator sees it.
    """

    __tablename__ = "quality_review"
    __table_args__ = (
        within_office("recording_id", "recording"),
        within_office("attempt_id", "attempt"),
        within_office("user_id", "app_user"),
        within_office("reviewer_id", "app_user"),
        UniqueConstraint("office_id", "recording_id", "reviewer_id"),
        Index(None, "office_id", "user_id", "reviewed_at"),
        CheckConstraint("percent between 0 and 100", name="percent"),
    )

    recording_id: Mapped[int]
    attempt_id: Mapped[int]
    user_id: Mapped[int]
    reviewer_id: Mapped[int]
    criteria: Mapped[list[Any]]
    scores: Mapped[dict[str, Any]]
    percent: Mapped[int] = mapped_column(SmallInteger)
    comment: Mapped[str] = mapped_column(String(1000), server_default="")
    is_shown: Mapped[bool] = mapped_column(server_default=text("false"))
    reviewed_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
