"""Which of a debtor's numbers to use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Select, func, literal, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.attempts.numbers import NumberChoice, order_of
from campaigns.compliance.facts import USABLE_STATUSES, WORKPLACE
from campaigns.compliance.lines import lines_of
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
    found = pick_phones(session, {debtor_id: choice}, channel, since, allows_workplace=allows_workplace)
    return found.get(debtor_id)


def pick_phones(
    session: Session, choices: Mapping[int, NumberChoice | None], channel: Channel, since: datetime, *, allows_workplace: bool = False
) -> dict[int, PhoneNumber]:
    """The same for several debtors (id → how to choose); who has no usable number is left out."""
    debtors: dict[NumberChoice | None, list[int]] = {}
    for debtor_id, choice in choices.items():
        debtors.setdefault(choice, []).append(debtor_id)
    found: dict[int, PhoneNumber] = {}
    for choice, ids in debtors.items():
        found |= {phone.debtor_id: phone for phone in session.scalars(_first(ids, choice, channel, since, allows_workplace))}
    return found


def _first(ids: list[int], choice: NumberChoice | None, channel: Channel, since: datetime, allows_workplace: bool) -> Select[PhoneNumber]:
    tries = (
        select(Attempt.phone_id, func.count().label("tries"))
        .where(Attempt.debtor_id.in_(ids), Attempt.began_at >= since)
        .group_by(Attempt.phone_id)
        .subquery()
    )
    return (
        select(PhoneNumber)
        .ext(distinct_on(PhoneNumber.debtor_id))
        .outerjoin(tries, tries.c.phone_id == PhoneNumber.id)
        .where(
            PhoneNumber.debtor_id.in_(ids),
            PhoneNumber.is_listed,
            PhoneNumber.e164.is_not(None),
            PhoneNumber.status.in_(USABLE_STATUSES),
            PhoneNumber.line_type.in_(lines_of(channel)),
            or_(literal(allows_workplace), ~PhoneNumber.remark.regexp_match(WORKPLACE)),
        )
        .order_by(PhoneNumber.debtor_id, *order_of(choice, tries), PhoneNumber.position, PhoneNumber.id)
    )
