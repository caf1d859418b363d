"""Which of a debtor's usable numbers comes first: in turns between landline and mobile, by attempt, or by what worked at this hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Float, FromClause, SQLColumnExpression, Time, and_, cast, func, select
from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import PhoneNumber
from campaigns.planning.conduct import Conduct, conduct_of
from campaigns.planning.ladder import Line, Numbers
from campaigns.planning.models import Campaign
from campaigns.worklist.models import WorkItem

MEMORY = timedelta(days=365)
PRIOR_TRIES, PRIOR_ANSWERS = 4.0, 1.2  # a number nobody has tried is taken to be answered in three of ten


@dataclass(frozen=True, slots=True)
class NumberChoice:
    """How the number is chosen; `line` goes before the order. `since` and the part of the day are for the most likely one."""

    order: Numbers = Numbers.LISTED
    line: Line | None = None
    since: datetime | None = None
    part: tuple[time, time] | None = None


def choices_for(session: Session, items: Sequence[WorkItem], now: datetime) -> list[NumberChoice]:
    """The choice for each item's next attempt, as its campaign's ladder says."""
    campaigns = {item.campaign_id for item in items}
    known = session.execute(select(Campaign.id, Campaign.options).where(Campaign.id.in_(campaigns)))
    conducts = {campaign_id: conduct_of(options or {}) for campaign_id, options in known}
    return [_choice(conducts[item.campaign_id], item, now) for item in items]


def _choice(conduct: Conduct, item: WorkItem, now: datetime) -> NumberChoice:
    steps = conduct.ladder.steps
    lines = steps[item.step - 1].lines if 0 < item.step <= len(steps) else ()
    line = lines[min(item.tries, len(lines) - 1)] if lines else None
    return NumberChoice(conduct.ladder.numbers, line, now - MEMORY, part_of_day(conduct.retry.parts, now))


def part_of_day(parts: Sequence[time], now: datetime) -> tuple[time, time]:
    """Beginning and end of the part of the day that a moment lies in."""
    at = now.astimezone(OFFICE_ZONE).time()
    begins = [time.min, *parts]
    return max(begin for begin in begins if begin <= at), min((begin for begin in begins if begin > at), default=time.max)


def order_of(choice: NumberChoice | None, tries: FromClause) -> list[SQLColumnExpression[Any]]:
    """What to sort a debtor's numbers by, the best first; `tries` has the tries of each."""
    choice = choice or NumberChoice()
    is_mobile = PhoneNumber.line_type == "mobile"
    fewest = func.coalesce(tries.c.tries, 0)
    first: list[SQLColumnExpression[Any]] = []
    if choice.line is not None:
        first = [is_mobile if choice.line is Line.LANDLINE else ~is_mobile]
    match choice.order:
        case Numbers.LANDLINE_FIRST:
            return [*first, fewest, is_mobile]
        case Numbers.MOBILE_FIRST:
            return [*first, fewest, ~is_mobile]
        case Numbers.MOST_LIKELY:
            return [*first, _likelihood(choice).desc(), fewest]
    return [*first, fewest]


def _likelihood(choice: NumberChoice) -> SQLColumnExpression[float]:
    """The share of calls that a person answered at this number, in this part of the day; few tries are drawn to the number's whole
    history, and that to the prior."""
    begin, end = choice.part or (time.min, time.max)
    local = cast(func.timezone(OFFICE_ZONE.key, Attempt.began_at), Time)
    now = and_(local >= begin, local < end)
    met = and_(Attempt.line_result == "answered", Attempt.party.not_in(("nobody", "wrong_number", "unknown")))
    tried, answered = func.count(), func.count().filter(met)
    whole = (answered + PRIOR_ANSWERS) / (tried + PRIOR_TRIES)
    rate = (func.count().filter(and_(met, now)) + PRIOR_TRIES * whole) / (func.count().filter(now) + PRIOR_TRIES)
    seen = and_(
        Attempt.office_id == PhoneNumber.office_id,
        Attempt.debtor_id == PhoneNumber.debtor_id,
        Attempt.phone_id == PhoneNumber.id,
        Attempt.channel.in_(("auto_call", "operator_call")),
    )
    history = select(cast(rate, Float)).where(seen)
    if choice.since is not None:
        history = history.where(Attempt.began_at >= choice.since)
    return history.correlate(PhoneNumber).scalar_subquery()
