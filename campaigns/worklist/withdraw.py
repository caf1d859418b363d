"""Taking back queued work that must not happen any more, in the transaction of what forbids it.

What is claimed or under way is left to the gate and to whoever holds it: a call in progress is not torn away.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, and_, select, update
from sqlalchemy.orm import Session

from campaigns.debtors.models import PhoneNumber
from campaigns.messages.models import Batch, Message
from campaigns.worklist.models import WorkItem
from campaigns.worklist.state import WorkState


def withdraw_for_debtors(session: Session, debtor_ids: Sequence[int], reason: str, now: datetime, *, but_callbacks: bool = False) -> int:
    """Withdraws the ready items and messages of these debtors and returns how many there were.

    Args:
        but_callbacks: leaves the call-backs that debtors asked for.
    """
    if not debtor_ids:
        return 0
    theirs = WorkItem.debtor_id.in_(debtor_ids)
    items = and_(theirs, ~WorkItem.is_callback) if but_callbacks else theirs
    return _withdraw_items(session, items, reason, now) + _withdraw_messages(session, Message.debtor_id.in_(debtor_ids), reason, now)


def withdraw_campaign(session: Session, campaign_id: int, now: datetime) -> int:
    """Withdraws everything that still waits in a campaign that is finished."""
    batches = select(Batch.id).where(Batch.campaign_id == campaign_id)
    return _withdraw_items(session, WorkItem.campaign_id == campaign_id, "campaign_finished", now) + _withdraw_messages(
        session, Message.batch_id.in_(batches), "campaign_finished", now
    )


def withdraw_cycle(session: Session, campaign_id: int, reason: str, now: datetime) -> int:
    """Withdraws what still waits at the end of a campaign's cycle; a call-back that a debtor was promised stays."""
    batches = select(Batch.id).where(Batch.campaign_id == campaign_id)
    items = (WorkItem.campaign_id == campaign_id) & ~WorkItem.is_callback
    return _withdraw_items(session, items, reason, now) + _withdraw_messages(session, Message.batch_id.in_(batches), reason, now)


def withdraw_for_phones(session: Session, phone_ids: Sequence[int], reason: str, now: datetime) -> int:
    """Withdraws ready messages to these numbers and lets ready items choose another number."""
    if not phone_ids:
        return 0
    who = select(PhoneNumber.debtor_id).where(PhoneNumber.id.in_(phone_ids))
    theirs = session.scalars(who).all()  # there is an index by debtor, and none by number
    session.execute(
        update(WorkItem)
        .where(WorkItem.debtor_id.in_(theirs), WorkItem.phone_id.in_(phone_ids), WorkItem.state == WorkState.READY.value)
        .values(phone_id=None, updated_at=now)
    )
    return _withdraw_messages(session, and_(Message.debtor_id.in_(theirs), Message.phone_id.in_(phone_ids)), reason, now)


def _withdraw_items(session: Session, which: ColumnElement[bool], reason: str, now: datetime) -> int:
    done: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(WorkItem)
        .where(which, WorkItem.state == WorkState.READY.value)
        .values(state=WorkState.WITHDRAWN.value, reason=reason, updated_at=now)
        .execution_options(synchronize_session=False)
    )
    return done.rowcount


def _withdraw_messages(session: Session, which: ColumnElement[bool], reason: str, now: datetime) -> int:
    done: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(Message)
        .where(which, Message.state == "ready")
        .values(state="withdrawn", reason=reason, updated_at=now)
        .execution_options(synchronize_session=False)
    )
    return done.rowcount
