"""Offices, users, sessions and the audit trail."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class Role(StrEnum):
    """Who may do what; contracted operators and supervisors are not tax officers."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    TAX_OFFICER = "tax_officer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Office(Base):
    """A municipal tax office: the tenant. The one table that is not a tenant's."""

    __tablename__ = "office"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100), server_default="")
    desk_name: Mapped[str] = mapped_column(String(100), server_default="")
    phone: Mapped[str] = mapped_column(String(20), server_default="")
    time_zone: Mapped[str] = mapped_column(String(40), server_default="Asia/Tokyo")
    is_training: Mapped[bool] = mapped_column(server_default=text("false"))
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class User(OfficeMixin, Base):
    """A person who signs in; imported history may name operators who never do (no password).

    `password_until`: a first password of ours is worth nothing from then on; None for one the person chose. `team` is the name of the
    group that the person works in (班), "" for none.
    """

    __tablename__ = "app_user"
    __table_args__ = (
        UniqueConstraint("office_id", "sign_in_name"),
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        CheckConstraint("role in ('operator','supervisor','tax_officer','auditor','administrator')", name="role"),
    )

    sign_in_name: Mapped[str] = mapped_column(String(80))
    display_name: Mapped[str] = mapped_column(String(80))
    role: Mapped[Role] = mapped_column(String(20))
    password_hash: Mapped[str | None] = mapped_column(String(300))
    password_until: Mapped[datetime | None]
    is_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    lang: Mapped[str] = mapped_column(String(2), server_default="ja")
    phone_address: Mapped[str] = mapped_column(String(80), server_default="")
    team: Mapped[str] = mapped_column(String(40), server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UserSession(OfficeMixin, Base):
    """A server-side session; only the SHA-256 of its token is kept. While it is locked, nothing of the office is shown to it."""

    __tablename__ = "user_session"
    __table_args__ = (
        UniqueConstraint("office_id", "token_hash"),
        within_office("user_id", "app_user"),
    )

    user_id: Mapped[int]
    token_hash: Mapped[str] = mapped_column(String(64))
    csrf_token: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    locked_at: Mapped[datetime | None]


class SecondFactor(OfficeMixin, Base):
    """A user's one-time-code generator (TOTP): its seed under a key that is not in the database, and the last step that was used."""

    __tablename__ = "second_factor"
    __table_args__ = (UniqueConstraint("office_id", "user_id"), within_office("user_id", "app_user"))

    user_id: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(server_default="0")
    made_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


class RecoveryCode(OfficeMixin, Base):
    """A code on paper that stands in for the generator once; only its SHA-256 is kept (120 bits can't be guessed)."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("office_id", "user_id", "code_hash"), within_office("user_id", "app_user"))

    user_id: Mapped[int]
    code_hash: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class UserIdentity(OfficeMixin, Base):
    """The same person at an identity provider: issuer and subject together, never the e-mail address."""

    __tablename__ = "user_identity"
    __table_args__ = (
        UniqueConstraint("office_id", "issuer", "subject"),
        UniqueConstraint("office_id", "user_id", "issuer"),
        within_office("user_id", "app_user"),
    )

    user_id: Mapped[int]
    issuer: Mapped[str] = mapped_column(String(300))
    subject: Mapped[str] = mapped_column(String(255))
    linked_at: Mapped[datetime]


TRANSACTION = text("((pg_current_xact_id())::text)::bigint")


class AuditEvent(OfficeMixin, Base):
    """Who looked at or changed what; the application may only insert here.

    `txid` is the inserting transaction: rows of transactions that are over can be sealed without a lock.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        Index(None, "office_id", "at"),
        Index(None, "office_id", "subject_type", "subject_id"),
        Index(None, "office_id", "txid"),
    )

    at: Mapped[datetime]
    user_id: Mapped[int | None]
    action: Mapped[str] = mapped_column(String(60))
    subject_type: Mapped[str] = mapped_column(String(40), server_default="")
    subject_id: Mapped[int | None]
    address: Mapped[str] = mapped_column(String(64), server_default="")
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    txid: Mapped[int] = mapped_column(server_default=TRANSACTION)


class AuditSeal(OfficeMixin, Base):
    """A signed summary of audit rows: those of the transactions from `from_txid` up to but not `to_txid`, above the row `after_id`.

    `root` is the Merkle root over the rows, `chain` covers it and the seal before; `signature` is made with a key that is not in the
    database. The application may only insert here.
    """

    __tablename__ = "audit_seal"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "number"),
    )

    number: Mapped[int]
    from_txid: Mapped[int]
    to_txid: Mapped[int]
    after_id: Mapped[int] = mapped_column(server_default="0")
    events: Mapped[int]
    root: Mapped[str] = mapped_column(String(64))
    chain: Mapped[str] = mapped_column(String(64))
    key_id: Mapped[str] = mapped_column(String(16))
    signature: Mapped[str] = mapped_column(String(128))
    sealed_at: Mapped[datetime]


class IdempotencyKey(OfficeMixin, Base):
    """A console POST that was carried out: the same key again is answered without doing it again."""

    __tablename__ = "idempotency_key"
    __table_args__ = (UniqueConstraint("office_id", "key"), Index(None, "office_id", "at"))

    key: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[int]
    route: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime]
