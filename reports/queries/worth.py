"""What calling cost and brought: the contract's share of a period, and what the arms of an experiment paid beside the one left alone."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.eras import fiscal_year
from campaigns.attempts.codes import Channel
from reports.arms.compare import LEAST
from reports.arms.queries import arm_money, experiments, names_of
from reports.collection.models import CollectionEffect
from reports.money_metrics import ARM_DAYS
from reports.queries.raw import ALL_CHANNELS, HeadlineQuery


def worth(session: Session, query: HeadlineQuery, now: datetime) -> dict[str, int | None]:
    """The counts of `reports.money_metrics` but for what was collected after contacts; None for what can't be known."""
    if query.campaign_id is not None:
        return {}
    is_known = query.channel in (Channel.OPERATOR_CALL, ALL_CHANNELS)
    cost = contract_cost(session, query, local_day(now, query.period.zone)) if is_known else None
    return {"contract_cost": cost, **_arms(session, query, now)}


def contract_cost(session: Session, query: HeadlineQuery, today: date) -> int | None:
    """Contract less administration saved, shared out by days, in whole yen; None where a fiscal year's amounts were not entered.

    Days after today cost nothing yet: nothing was collected on them either.
    """
    first, last = query.period.first, min(query.period.last, today)
    if last < first:
        return None
    years = range(fiscal_year(first), fiscal_year(last) + 1)
    rows = session.scalars(select(CollectionEffect).where(CollectionEffect.fiscal_year.in_(years)))
    yearly = {row.fiscal_year: row.contract_yen - row.saved_yen for row in rows}
    if len(yearly) < len(years):
        return None
    total = Fraction(0)
    for year in years:
        begin, end = date(year, 4, 1), date(year + 1, 3, 31)
        days = (min(last, end) - max(first, begin)).days + 1
        total += Fraction(yearly[year] * days, (end - begin).days + 1)
    return round(total)


def _arms(session: Session, query: HeadlineQuery, now: datetime) -> dict[str, int | None]:
    """Persons and yen worked on and left alone, of the experiment with the most persons that has both."""
    best: dict[str, int | None] = {}
    for experiment in experiments(session):
        idle = names_of(session, experiment).idle
        if not idle:
            continue
        sides = {True: (0, 0), False: (0, 0)}
        for arm, persons, yen in arm_money(session, experiment, query.period, ARM_DAYS, now):
            had = sides[arm in idle]
            sides[arm in idle] = had[0] + persons, had[1] + yen
        (alone, alone_yen), (worked, worked_yen) = sides[True], sides[False]
        if min(alone, worked) < LEAST or alone + worked <= (best.get("idle_arm_persons") or 0) + (best.get("worked_arm_persons") or 0):
            continue
        best = {
            "idle_arm_persons": alone,
            "idle_arm_yen": alone_yen,
            "worked_arm_persons": worked,
            "worked_arm_yen": worked_yen,
            "attributed_yen": round(worked_yen - Fraction(worked * alone_yen, alone)),
        }
    return best
