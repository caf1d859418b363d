"""Rounds of visits, their stops, what was reported of them, and where addresses lie."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, Index, LargeBinary, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class VisitRound(OfficeMixin, Base):
    """One officer's visits of one day: `state` planned, out, done, cancelled. `is_routed`: the order follows coordinates, not addresses."""

    __tablename__ = "visit_round"
    __table_args__ = (
        within_office("officer_id", "app_user"),
        Index(None, "office_id", "visit_on"),
        CheckConstraint("state in ('planned','out','done','cancelled')", name="state"),
    )

    officer_id: Mapped[int]
    visit_on: Mapped[date]
    title: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(10), server_default="planned")
    is_routed: Mapped[bool] = mapped_column(server_default=text("false"))
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
    set_out_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class VisitStop(OfficeMixin, Base):
    """A debtor to be visited: `state` planned, done, dropped (`reason` says why: the gate's word, or a person's).

    `decision_id` is the gate's decision the visit rests on, `attempt_id` the visit that was made.
    """

    __tablename__ = "visit_stop"
    __table_args__ = (
        within_office("round_id", "visit_round", ondelete="CASCADE"),
        within_office("debtor_id", "debtor"),
        within_office("campaign_id", "campaign"),
        within_office("attempt_id", "attempt"),
        UniqueConstraint("office_id", "round_id", "debtor_id"),
        Index(None, "office_id", "debtor_id"),
        CheckConstraint("state in ('planned','done','dropped')", name="state"),
    )

    round_id: Mapped[int]
    debtor_id: Mapped[int]
    campaign_id: Mapped[int | None]
    position: Mapped[int] = mapped_column(SmallInteger)
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)
    state: Mapped[str] = mapped_column(String(10), server_default="planned")
    reason: Mapped[str] = mapped_column(String(40), server_default="")
    decision_id: Mapped[int | None]
    attempt_id: Mapped[int | None]


class VisitReport(OfficeMixin, Base):
    """What a telephone sent of one stop: `key` is the telephone's own number of it, so that sending again does nothing.

    `state` recorded, conflict (`why` says what stands against it; a person decides), dropped. `told` is what was entered, whole.
    """

    __tablename__ = "visit_report"
    __table_args__ = (
        within_office("stop_id", "visit_stop", ondelete="CASCADE"),
        within_office("attempt_id", "attempt"),
        UniqueConstraint("office_id", "key"),
        Index(None, "office_id", "stop_id"),
        CheckConstraint("state in ('recorded','conflict','dropped')", name="state"),
    )

    stop_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[int]
    visited_at: Mapped[datetime]
    received_at: Mapped[datetime]
    told: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(10))
    why: Mapped[str] = mapped_column(String(20), server_default="")
    attempt_id: Mapped[int | None]
    settled_by: Mapped[int | None]
    settled_at: Mapped[datetime | None]


class VisitPass(OfficeMixin, Base):
    """The key with which a telephone encrypts a round; without a live pass what lies on the telephone can't be read any more.

    It ends with the sign-in it was given to (by signing out), when the round is over, or at `expires_at`.
    """

    __tablename__ = "visit_pass"
    __table_args__ = (
        within_office("round_id", "visit_round", ondelete="CASCADE"),
        within_office("user_id", "app_user"),
        within_office("session_id", "user_session", ondelete="CASCADE"),
        Index(None, "office_id", "round_id"),
    )

    round_id: Mapped[int]
    user_id: Mapped[int]
    session_id: Mapped[int]
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class AddressPoint(OfficeMixin, Base):
    """Where the addresses that begin with `key` (folded, see `places.address_key`) lie; degrees, WGS 84 or JGD 2011."""

    __tablename__ = "address_point"
    __table_args__ = (UniqueConstraint("office_id", "key"),)

    key: Mapped[str] = mapped_column(String(200))
    latitude: Mapped[float] = mapped_column(Float)
    longitude: Mapped[float] = mapped_column(Float)
