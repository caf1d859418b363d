"""The audit trail: one row for each view or change of a debtor, each sign-in and each refusal, in the transaction that did it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import AuditEvent, User


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


def latest(
    session: Session, *, before_id: int | None = None, action: str = "", subject_id: int | None = None, count: int = 100
) -> list[tuple[AuditEvent, str]]:
    """The newest rows with the user's display name, older than `before_id`, narrowed by action and subject."""
    query = (
        select(AuditEvent, User.display_name)
        .outerjoin(User, (User.office_id == AuditEvent.office_id) & (User.id == AuditEvent.user_id))
        .order_by(AuditEvent.id.desc())
        .limit(count)
    )
    if before_id is not None:
        query = query.where(AuditEvent.id < before_id)
    if action:
        query = query.where(AuditEvent.action == action)
    if subject_id is not None:
        query = query.where(AuditEvent.subject_id == subject_id)
    return [(event, name or "") for event, name in session.execute(query)]
