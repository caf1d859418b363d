"""The outbox: facts left in the transaction that made them, acknowledged per target."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.sync.models import SyncAck, SyncOutbox

ATTEMPT, PROMISE = "attempt", "promise"


def leave(session: Session, kind: str, key: str, debtor_id: int | None, payload: dict[str, Any], now: datetime) -> None:
    """Leaves a fact; the same key again is a no-op, so that a repeated outcome is told once."""
    leave_all(session, kind, [(key, debtor_id, payload, now)])


def leave_all(session: Session, kind: str, facts: Sequence[tuple[str, int | None, dict[str, Any], datetime]]) -> None:
    """The same for several facts of one kind: key, debtor, payload and moment of each."""
    rows = [{"key": key, "kind": kind, "debtor_id": debtor, "payload": payload, "created_at": at} for key, debtor, payload, at in facts]
    new = insert(SyncOutbox).on_conflict_do_nothing(index_elements=["office_id", "key"])
    session.execute(new.returning(SyncOutbox.id), rows)  # what returns is one statement for all rows


def unacknowledged(session: Session, target: str, limit: int) -> Sequence[SyncOutbox]:
    """Facts a target has not taken yet, oldest first."""
    acked = select(SyncAck.id).where(
        SyncAck.office_id == SyncOutbox.office_id, SyncAck.outbox_id == SyncOutbox.id, SyncAck.target == target
    )
    return session.scalars(select(SyncOutbox).where(~acked.exists()).order_by(SyncOutbox.id).limit(limit)).all()


def acknowledge(session: Session, target: str, rows: Sequence[SyncOutbox], now: datetime, detail: str) -> None:
    """Notes that a target has taken these facts."""
    values = [{"outbox_id": row.id, "target": target, "at": now, "detail": detail[:200]} for row in rows]
    if values:
        session.execute(insert(SyncAck).on_conflict_do_nothing(), values)


def take_back(session: Session, key: str) -> bool:
    """Removes a fact that no target has taken; False when one has: then a later fact must correct it."""
    acked = select(SyncAck.id).where(SyncAck.office_id == SyncOutbox.office_id, SyncAck.outbox_id == SyncOutbox.id)
    gone = delete(SyncOutbox).where(SyncOutbox.key == key, ~acked.exists()).returning(SyncOutbox.id)
    return session.scalar(gone) is not None
