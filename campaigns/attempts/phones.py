"""Which of a debtor's numbers to use."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, literal, or_, select
from sqlalchemy.orm import Session

from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.attempts.numbers import NumberChoice, order_of
from campaigns.compliance.facts import LINES, USABLE_STATUSES, VOICE_LINES, WORKPLACE
from campaigns.debtors.models import PhoneNumber


def pick_phone(
    session: Session,
    debtor_id: int,
    channel: Channel,
    since: datetime,
    *,
    allows_workplace: bool = False,
    choice: NumberChoice | None = None,
) -> PhoneNumber | None:
    """The usable number that comes first by `choice`, by default the one tried least since a moment, then in the list's order.

    None when there is none. A workplace's number is only chosen where the office allows it.
    """
    tries = (
        select(Attempt.phone_id, func.count().label("tries"))
        .where(Attempt.debtor_id == debtor_id, Attempt.began_at >= since)
        .group_by(Attempt.phone_id)
        .subquery()
    )
    statement = (
        select(PhoneNumber)
        .outerjoin(tries, tries.c.phone_id == PhoneNumber.id)
        .where(
            PhoneNumber.debtor_id == debtor_id,
            PhoneNumber.is_listed,
            PhoneNumber.e164.is_not(None),
            PhoneNumber.status.in_(USABLE_STATUSES),
            PhoneNumber.line_type.in_(LINES.get(channel, VOICE_LINES)),
            or_(literal(allows_workplace), ~PhoneNumber.remark.regexp_match(WORKPLACE)),
        )
        .order_by(*order_of(choice, tries), PhoneNumber.position, PhoneNumber.id)
        .limit(1)
    )
    return session.scalar(statement)
