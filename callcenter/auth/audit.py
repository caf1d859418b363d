"""The audit trail: one row for each view or change of a debtor, each sign-in and each refusal, in the transaction that did it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import AuditEvent, AuditSeal, User
from callcenter.core.clock import day_bounds


def record(
    session: Session,
    action: str,
    subject_type: str,
    subject_id: int | None,
    user_id: int | None,
    address: str,
    detail: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    """Adds one row; it stands or falls with the caller's transaction.

    Args:
        action: noun.verb in the past, for instance `debtor.viewed`, `promise.made`, `session.refused`.
        address: where the request came from.
        detail: codes and counts only; no names, numbers, amounts, or anything a person typed.
    """
    session.add(
        AuditEvent(
            at=now,
            action=action,
            subject_type=subject_type,
            subject_id=subject_id,
            user_id=user_id,
            address=address[:64],
            detail=dict(detail or {}),
        )
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: each field narrows, empty ones don't.

    Attributes:
        action: its beginning, for instance `debtor.`.
        user_id: who did it.
        subject_id: of which debtor, user, file; with `subject_type` where ids alone are not enough.
        first, last: days in the office's zone, both included.
    """

    action: str = ""
    user_id: int | None = None
    subject_type: str = ""
    subject_id: int | None = None
    first: date | None = None
    last: date | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for a query."""
        told = [AuditEvent.action.startswith(self.action, autoescape=True)] if self.action else []
        told += [] if self.user_id is None else [AuditEvent.user_id == self.user_id]
        told += [AuditEvent.subject_type == self.subject_type] if self.subject_type else []
        told += [] if self.subject_id is None else [AuditEvent.subject_id == self.subject_id]
        told += [] if self.first is None else [AuditEvent.at >= day_bounds(self.first, self.first)[0]]
        told += [] if self.last is None else [AuditEvent.at < day_bounds(self.last, self.last)[1]]
        return told


def latest(session: Session, wanted: Wanted, *, before_id: int | None = None, count: int = 100) -> list[tuple[AuditEvent, str]]:
    """The newest rows with the user's display name, older than `before_id`."""
    query = (
        select(AuditEvent, User.display_name)
        .outerjoin(User, (User.office_id == AuditEvent.office_id) & (User.id == AuditEvent.user_id))
        .where(*wanted.conditions())
        .order_by(AuditEvent.id.desc())
        .limit(count)
    )
    if before_id is not None:
        query = query.where(AuditEvent.id < before_id)
    return [(event, name or "") for event, name in session.execute(query)]


def newest_seal(session: Session) -> AuditSeal | None:
    """The last seal of the trail, or None before the first."""
    return session.scalar(select(AuditSeal).order_by(AuditSeal.number.desc()).limit(1))


def sealed_rows(session: Session) -> int:
    """How many rows are under seals."""
    return int(session.scalar(select(func.coalesce(func.sum(AuditSeal.events), 0))) or 0)
