"""From the work list to a case that may be called: claimed, its number chosen, asked at the gate just before contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from callcenter.core.faults import passing
from campaigns.attempts import service as attempts
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.attempts.numbers import choice_for
from campaigns.attempts.phones import pick_phone
from campaigns.compliance import gate
from campaigns.compliance.rules import ContactPolicy, Denied
from campaigns.compliance.windows import is_open
from campaigns.debtors.models import PhoneNumber
from campaigns.worklist import claim
from campaigns.worklist.models import WorkItem

MOST_REFUSALS = 50
TRIES_SINCE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Case:
    """A claimed item that may be called now, and the number to call."""

    item: WorkItem
    phone: PhoneNumber
    decision_id: int | None = None


def next_case(
    session: Session,
    campaign_id: int,
    channel: Channel,
    holder: str,
    now: datetime,
    *,
    user_ids: Sequence[int] = (),
    lease: timedelta = claim.LEASE,
    policy: ContactPolicy | None = None,
    mode: str = "",
    unfit: ColumnElement[bool] | None = None,
) -> Case | None:
    """Claims the next case the gate allows; what it refuses goes back for later or is withdrawn, each with its reason on record.

    None when there is nothing to do now, or too much was refused in a row (the next round goes on). `unfit`: see `claim.claim`.
    """
    policy = policy or gate.load_policy(session)
    if not is_open(policy.hours, channel, now):
        return None
    for _ in range(MOST_REFUSALS):
        items = claim.claim(session, campaign_id, channel, 1, holder, now, lease=lease, user_ids=user_ids, unfit=unfit)
        if not items:
            return None
        case = admit(session, items[0], now, policy, mode)
        if case is not None:
            return case
    return None


def admit(session: Session, item: WorkItem, now: datetime, policy: ContactPolicy | None = None, mode: str = "") -> Case | None:
    """Asks the gate about a claimed item just before contact; a refused item is given back or withdrawn, and None returned."""
    assert item.claim_token is not None
    channel = Channel(item.channel)
    policy = policy or gate.load_policy(session)
    phone = _named_phone(session, item) or pick_phone(
        session,
        item.debtor_id,
        channel,
        now - TRIES_SINCE,
        allows_workplace=policy.allows_workplace,
        choice=choice_for(session, item, now),
    )
    decision = gate.check(
        session,
        item.debtor_id,
        channel,
        now,
        phone.id if phone else None,
        campaign_id=item.campaign_id,
        work_item_id=item.id,
        policy=policy,
        mode=mode,
    )
    passing("gate.answered")
    if isinstance(decision, Denied):
        if decision.next_allowed_at is None:
            claim.withdraw_claimed(session, item.id, item.claim_token, now, decision.reason.value)
        else:
            claim.release(session, item.id, item.claim_token, now, not_before=decision.next_allowed_at, reason=decision.reason.value)
        return None
    if phone is None:
        claim.withdraw_claimed(session, item.id, item.claim_token, now, "no_usable_number")
        return None
    return Case(item, phone, decision.decision_id)


def open_case(
    session: Session, case: Case, channel: Channel, now: datetime, *, operator_id: int | None = None, script_version: str = ""
) -> Attempt:
    """Puts the attempt on record, with the decision it rests on; commit before the carrier is asked."""
    attempt = attempts.open_attempt(session, case.item, case.phone, now, channel, operator_id)
    gate.attach(session, {case.decision_id: attempt.id})
    attempt.script_version = script_version
    passing("attempt.opened")
    return attempt


def _named_phone(session: Session, item: WorkItem) -> PhoneNumber | None:
    """The number an item names (a call-back to the number the debtor gave); the gate judges it."""
    if item.phone_id is None:
        return None
    return session.scalar(select(PhoneNumber).where(PhoneNumber.id == item.phone_id, PhoneNumber.e164.is_not(None)))
