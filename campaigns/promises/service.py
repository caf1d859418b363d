"""Making, settling and cancelling promises."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.errors import InvalidInput
from campaigns.payments.models import Payment
from campaigns.promises.models import Promise
from campaigns.promises.state import TRANSITIONS, PromiseFacts, PromiseState, judge


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
    still_open = select(Promise).where(Promise.debtor_id == debtor_id, Promise.state == PromiseState.OPEN.value)
    promises = session.scalars(still_open).all()
    for promise in promises:
        _move(promise, PromiseState.CANCELLED, promise.paid, now)
    return len(promises)


def settle(session: Session, debtor_ids: Sequence[int] | None, now: datetime, *, posting_lag_days: int = 0) -> int:
    """Judges promises by the payments that are known now; returns how many changed their state.

    Paid counts everything posted as paid from the day of the promise to its day plus grace; reversed payments do not count.

    Args:
        debtor_ids: whose promises, all but cancelled ones; None means every open promise of the office.
        posting_lag_days: how long payments take to show, which delays "broken".
    """
    today = local_day(now)
    changed = 0
    for row in session.execute(_with_paid(debtor_ids)):
        promise, paid = row[0], int(row[1] or 0)
        facts = PromiseFacts(promise.amount, promise.due_on, promise.grace_days, promise.threshold_percent, paid)
        changed += _move(promise, judge(facts, today, posting_lag_days), paid, now)
    session.flush()
    return changed


def _with_paid(debtor_ids: Sequence[int] | None) -> Select[Promise, int | None]:
    whole = Payment.principal + Payment.demand_fee + Payment.late_charge
    in_time = and_(
        Payment.debtor_id == Promise.debtor_id,
        Payment.status == "matched",
        Payment.paid_on >= Promise.made_on,
        Payment.paid_on <= Promise.due_on + Promise.grace_days,
    )
    paid = select(func.sum(whole)).where(in_time).correlate(Promise).scalar_subquery()
    statement = select(Promise, paid).where(Promise.state != PromiseState.CANCELLED.value)
    if debtor_ids is None:
        return statement.where(Promise.state == PromiseState.OPEN.value)
    return statement.where(Promise.debtor_id.in_(debtor_ids))


def _move(promise: Promise, state: PromiseState, paid: int, now: datetime) -> bool:
    """Gives a promise its state and says whether it changed."""
    promise.paid = paid
    present = PromiseState(promise.state)
    if state is present:
        return False
    assert state in TRANSITIONS[present], f"{present} -> {state}"
    promise.state = state.value
    promise.settled_at = None if state is PromiseState.OPEN else now
    return True
