"""What a result does beyond its attempt: numbers, suppressions, promises, escalations, and what is stopped."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.attempts.asked import note_asked
from campaigns.attempts.codes import RIGHT_PARTIES, Channel, Outcome
from campaigns.attempts.models import Attempt, Escalation
from campaigns.attempts.rules import Consequence, Move, Result
from campaigns.compliance.rules import ContactPolicy
from campaigns.compliance.windows import next_open
from campaigns.debtors.models import Suppression
from campaigns.debtors.phones import confirm_number, set_number_status
from campaigns.promises import service as promises
from campaigns.promises.models import Promise
from campaigns.worklist.withdraw import withdraw_for_debtors

CALLBACK_PAUSE = timedelta(minutes=10)  # who has just hung up is not rung in the same moment


def apply(
    session: Session,
    attempt: Attempt,
    result: Result,
    follows: Consequence,
    policy: ContactPolicy,
    now: datetime,
    user_id: int | None,
) -> Promise | None:
    """Does what follows from a result, but for the work item itself; returns the promise that was made, if any."""
    if attempt.phone_id is not None:
        if follows.number_status:
            set_number_status(session, attempt.phone_id, follows.number_status, now, attempt_id=attempt.id, user_id=user_id)
        elif result.party in RIGHT_PARTIES:
            confirm_number(session, attempt.phone_id, now, attempt_id=attempt.id, user_id=user_id)
    _suppress(session, attempt, follows, policy, now, user_id)
    if (wished := callback_moment(result, follows, policy, now)) is not None:
        _add_suppression(session, attempt, "wished_time", None, now, wished, user_id)
    for reason in dict.fromkeys(filter(None, (follows.escalation, result.escalate))):
        escalate(session, attempt.debtor_id, reason, result.note, now, attempt_id=attempt.id, user_id=user_id)
    note_asked(session, attempt, result.asked, result.outcome, now, user_id)
    promise = _promise(session, attempt, result, now, user_id)
    if follows.is_stopping_all:
        withdraw_for_debtors(session, [attempt.debtor_id], result.outcome.value, now)
    return promise


def callback_moment(result: Result, follows: Consequence, policy: ContactPolicy, now: datetime) -> datetime | None:
    """When somebody is to be called back: as named, or, asked for without a time as by a key, shortly, in operators' hours; else None.

    It is a wish of theirs, so neither the quiet days after the conversation in which they asked nor caps stand against it.
    """
    if result.callback_at is not None or follows.move is not Move.CALLBACK:
        return result.callback_at
    soon = now + CALLBACK_PAUSE
    return next_open(policy.hours, Channel.OPERATOR_CALL, soon) or soon


def escalate(
    session: Session,
    debtor_id: int,
    reason: str,
    note: str,
    now: datetime,
    *,
    attempt_id: int | None = None,
    user_id: int | None = None,
) -> Escalation:
    """Hands a case to the tax officers; one that waits there for the same reason is left as it is."""
    waiting = select(Escalation).where(Escalation.debtor_id == debtor_id, Escalation.reason == reason[:40], Escalation.state == "open")
    found = session.scalar(waiting.limit(1))
    if found is not None:
        return found
    row = Escalation(debtor_id=debtor_id, attempt_id=attempt_id, reason=reason[:40], note=note[:1000], created_by=user_id, created_at=now)
    session.add(row)
    session.flush()
    return row


def _suppress(session: Session, attempt: Attempt, follows: Consequence, policy: ContactPolicy, now: datetime, user_id: int | None) -> None:
    if follows.suppression is None:
        return
    reason, days = follows.suppression
    if reason == "payment_claimed":
        days = policy.payment_claim_days
    ends_at = None if days is None else now + timedelta(days=days)
    for channel in follows.channels or (None,):
        _add_suppression(session, attempt, reason, None if channel is None else channel.value, now, ends_at, user_id)


def _add_suppression(
    session: Session, attempt: Attempt, reason: str, channel: str | None, now: datetime, ends_at: datetime | None, user_id: int | None
) -> None:
    session.add(
        Suppression(
            debtor_id=attempt.debtor_id,
            reason=reason,
            channel=channel,
            starts_at=now,
            ends_at=ends_at,
            attempt_id=attempt.id,
            created_by=user_id,
        )
    )


def _promise(session: Session, attempt: Attempt, result: Result, now: datetime, user_id: int | None) -> Promise | None:
    terms = result.promise
    if terms is None:
        return None
    return promises.make(
        session,
        attempt.debtor_id,
        terms.amount,
        terms.due_on,
        now,
        kind="full" if result.outcome is Outcome.PROMISE_FULL else "part",
        attempt_id=attempt.id,
        user_id=user_id,
        grace_days=terms.grace_days,
        threshold_percent=terms.threshold_percent,
        debt_ids=terms.debt_ids,
    )
