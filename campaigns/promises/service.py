"""Making and cancelling promises; `campaigns.promises.settle` judges them by what has been paid."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.errors import InvalidInput
from campaigns.promises.models import Promise
from campaigns.promises.state import PromiseState


def make(
    session: Session,
    debtor_id: int,
    amount: int,
    due_on: date,
    now: datetime,
    *,
    kind: str = "full",
    attempt_id: int | None = None,
    user_id: int | None = None,
    grace_days: int = 7,
    threshold_percent: int = 100,
) -> Promise:
    """Notes a promise; it replaces an open one of the same debtor.

    Raises:
        InvalidInput: the amount is not positive or the day lies before today.
    """
    today = local_day(now)
    if amount <= 0:
        raise InvalidInput("The promised amount must be more than 0 yen.", code="promise_amount")
    if due_on < today:
        raise InvalidInput("The promised day has passed.", hint=f"Today is {today}.", code="promise_date")
    cancel_open(session, debtor_id, now)
    promise = Promise(
        debtor_id=debtor_id,
        attempt_id=attempt_id,
        kind=kind,
        amount=amount,
        made_on=today,
        made_at=now,
        due_on=due_on,
        grace_days=grace_days,
        threshold_percent=threshold_percent,
        made_by=user_id,
    )
    session.add(promise)
    session.flush()
    return promise


def cancel_open(session: Session, debtor_id: int, now: datetime) -> int:
    """Cancels a debtor's open promises, for instance because a new one takes their place; returns their number."""
    still_open = (Promise.debtor_id == debtor_id, Promise.state == PromiseState.OPEN.value)
    done: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(Promise).where(*still_open).values(state=PromiseState.CANCELLED.value, settled_at=now)
    )
    return done.rowcount
