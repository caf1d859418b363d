"""Reasons not to contact a debtor: those a person adds and lifts, with why; others follow from conversations and end by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE, local_day
from callcenter.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from campaigns.attempts.codes import Channel
from campaigns.debtors.models import Debtor, Suppression
from campaigns.debtors.phones import require_reason
from campaigns.worklist.withdraw import withdraw_for_debtors

MANUAL = ("officer_hold", "stop_request", "payment_claimed", "vulnerable", "complaint", "deceased_moved")
OFFICERS_ONLY = frozenset({"officer_hold"})  # the call center does not lift what the tax officers hold, nor put a case with them this way
CHANNELS = (Channel.SMS, Channel.AUTO_CALL, Channel.OPERATOR_CALL, Channel.VISIT)
LONGEST = timedelta(days=3 * 366)


def holds_of(session: Session, debtor_id: int) -> Sequence[Suppression]:
    """All of a debtor, the newest first."""
    return session.scalars(
        select(Suppression)
        .where(Suppression.debtor_id == debtor_id)
        .order_by(Suppression.starts_at.desc(), Suppression.id.desc())
        .limit(200)
    ).all()


def is_in_force(hold: Suppression, now: datetime) -> bool:
    """Whether it forbids contact now."""
    return hold.lifted_at is None and hold.starts_at <= now and (hold.ends_at is None or hold.ends_at > now)


def add_hold(
    session: Session,
    debtor_id: int,
    reason: str,
    channel: str,
    last_day: date | None,
    why: str,
    now: datetime,
    user_id: int,
    *,
    is_officer: bool,
) -> Suppression:
    """Forbids contact from now on, through `last_day` or until it is lifted; by all channels, what is queued is withdrawn.

    Raises:
        InvalidInput: no such reason or channel, a day that has passed or lies years ahead, or no reason given.
        NotAllowed: only tax officers may hold a case as theirs.  NotFound: no such debtor.
    """
    why = require_reason(why)
    if reason not in MANUAL:
        raise InvalidInput("連絡を止める理由を選んでください。", code="hold_reason")
    if channel and channel not in CHANNELS:
        raise InvalidInput("手段を選んでください。", code="hold_channel")
    if last_day is not None and not local_day(now) <= last_day <= local_day(now) + LONGEST:
        raise InvalidInput("終わりの日は、今日から3年以内にしてください。", code="hold_until")
    _require_officer(reason, is_officer=is_officer)
    if session.scalar(select(Debtor.id).where(Debtor.id == debtor_id)) is None:
        raise NotFound("その対象者はいません。", code="no_debtor")
    ends_at = None if last_day is None else datetime.combine(last_day + timedelta(days=1), time(), OFFICE_ZONE)
    hold = Suppression(
        debtor_id=debtor_id, reason=reason, channel=channel or None, starts_at=now, ends_at=ends_at, note=why, created_by=user_id
    )
    session.add(hold)
    session.flush()
    if not channel:
        withdraw_for_debtors(session, [debtor_id], reason, now)
    return hold


def lift_hold(session: Session, debtor_id: int, hold_id: int, why: str, now: datetime, user_id: int, *, is_officer: bool) -> Suppression:
    """Ends a hold; the debtor is queued again by the next plan.

    Raises:
        InvalidInput: no reason given.  NotFound: not this debtor's.  NotAllowed: the tax officers' own.  Conflict: it is over already.
    """
    why = require_reason(why)
    hold = session.scalar(select(Suppression).where(Suppression.id == hold_id, Suppression.debtor_id == debtor_id).with_for_update())
    if hold is None:
        raise NotFound("その停止はありません。", code="no_hold")
    if not is_in_force(hold, now):
        raise Conflict("その停止は、もう終わっています。", hint="画面を最新にしてください。", code="hold_over")
    _require_officer(hold.reason, is_officer=is_officer)
    hold.lifted_at, hold.lifted_by, hold.lift_note = now, user_id, why
    session.flush()
    return hold


def _require_officer(reason: str, *, is_officer: bool) -> None:
    if reason in OFFICERS_ONLY and not is_officer:
        raise NotAllowed("徴税吏員の対応中とする・解くのは職員だけです。", hint="職員に頼んでください。", code="officers_only")
