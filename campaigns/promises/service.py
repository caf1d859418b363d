"""Making and cancelling promises; `campaigns.promises.settle` judges them by what has been paid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.errors import InvalidInput
from campaigns.promises.models import Promise
from campaigns.promises.moving import move
from campaigns.promises.settle import settle
from campaigns.promises.state import PromiseState
from campaigns.promises.terms import load_terms


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
    grace_days: int | None = None,
    threshold_percent: int | None = None,
    debt_ids: Sequence[int] = (),
) -> Promise:
    """Notes a promise; it takes the place of an open one of the same debtor.

    Args:
        grace_days, threshold_percent: the office's own unless given.
        debt_ids: the installments it was said to cover.

    Raises:
        InvalidInput: the amount is not positive or the day lies before today.
    """
    today, terms = local_day(now), load_terms(session)
    if amount <= 0:
        raise InvalidInput("The promised amount must be more than 0 yen.", code="promise_amount")
    if due_on < today:
        raise InvalidInput("The promised day has passed.", hint=f"Today is {today}.", code="promise_date")
    promise = Promise(
        debtor_id=debtor_id,
        attempt_id=attempt_id,
        kind=kind,
        amount=amount,
        made_on=today,
        made_at=now,
        due_on=due_on,
        grace_days=terms.promise_grace_days if grace_days is None else grace_days,
        threshold_percent=terms.promise_threshold_percent if threshold_percent is None else threshold_percent,
        lag_days=terms.posting_lag_days,
        made_by=user_id,
        debt_ids=list(debt_ids),
    )
    session.add(promise)
    session.flush()
    before = (Promise.debtor_id == debtor_id) & (Promise.state == PromiseState.OPEN.value) & (Promise.id != promise.id)
    move(session, PromiseState.SUPERSEDED, before, now, superseded_by=promise.id)
    return promise


def cancel(session: Session, promise: Promise, now: datetime) -> None:
    """Takes a promise out because there was none (a corrected result); the one it had taken the place of stands again."""
    move(session, PromiseState.CANCELLED, Promise.id == promise.id, now)
    move(session, PromiseState.OPEN, Promise.superseded_by == promise.id, now, superseded_by=None)
    settle(session, today=local_day(now), now=now, debtor_ids=[promise.debtor_id])
    session.refresh(promise)


def cancel_of_attempt(session: Session, attempt_id: int, now: datetime) -> int:
    """Cancels what an attempt promised, when its result is corrected; returns how many promises there were."""
    made = session.scalars(select(Promise).where(Promise.attempt_id == attempt_id, Promise.state != PromiseState.CANCELLED.value)).all()
    for promise in made:
        cancel(session, promise, now)
    return len(made)
