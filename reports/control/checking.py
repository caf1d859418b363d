"""The periodic look: every watched figure against its limits, alerts for what left them, and what came of decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.db import advisory_lock
from reports.control.limits import BASELINE, RUN, Change, Judged, change, judge
from reports.control.models import Cycle, Decision, MetricAlert
from reports.control.series import points_of, rows_of, span_of
from reports.control.service import METRICS, cycles_of
from reports.figures import Row
from reports.metrics import BY_CODE
from reports.periods import Period, zone_of

LOOK_BACK = {Cycle.DAILY: 21, Cycle.WEEKLY: 8, Cycle.MONTHLY: 3}
"""So many periods are looked at again each time: late data and corrections change them still."""
SHOWN = {Cycle.DAILY: 60, Cycle.WEEKLY: 26, Cycle.MONTHLY: 24}
DAYS_AROUND = 28
"""Before and after a decision, so many days are compared: whole weeks, so that weekdays weigh the same."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A figure's judged points of one cycle, the oldest first."""

    metric: str
    cycle: Cycle
    points: tuple[Judged, ...]


def watched(session: Session, cycle: Cycle, metrics: list[str], now: datetime, shown: int) -> list[Watched]:
    """The last `shown` periods of each figure, judged by those before them."""
    zone = zone_of(session)
    first, last = span_of(cycle, local_day(now, zone), shown + _lead(cycle))
    rows = rows_of(session, Period(first, last, zone), cycle, now)
    begin, _ = span_of(cycle, local_day(now, zone), shown)
    return [
        Watched(code, cycle, tuple(judge(points_of(rows, METRICS[code]), is_share=METRICS[code].is_rate, since=begin))) for code in metrics
    ]


def _lead(cycle: Cycle) -> int:
    """Periods before those shown; without calls on weekends and holidays more days than points are needed."""
    return (BASELINE + RUN) * (2 if cycle is Cycle.DAILY else 1)


def check(session: Session, now: datetime) -> int:
    """Looks at every watched figure by its cycle; returns how many alerts are new. Running it again changes nothing."""
    advisory_lock(session, "control.check")
    cycles = cycles_of(session)
    return sum(
        _note(session, one, now)
        for cycle, count in LOOK_BACK.items()
        if (metrics := [code for code, chosen in cycles.items() if chosen is cycle])
        for one in watched(session, cycle, metrics, now, count)
    )


def _note(session: Session, found: Watched, now: datetime) -> int:
    """Keeps the alerts of one figure: new ones are added, those that no longer stand are withdrawn."""
    first, _ = span_of(found.cycle, local_day(now, zone_of(session)), LOOK_BACK[found.cycle])
    mine = select(MetricAlert).where(MetricAlert.metric == found.metric, MetricAlert.cycle == found.cycle, MetricAlert.first >= first)
    known = {(row.first, row.rule): row for row in session.scalars(mine)}
    new = 0
    for judged in found.points:
        for rule in judged.rules:
            limits = judged.limits
            if limits is None or judged.point.value is None:
                continue
            row = known.pop((judged.point.first, rule.value), None)
            if row is None:
                row, new = MetricAlert(metric=found.metric, cycle=found.cycle, first=judged.point.first, rule=rule, found_at=now), new + 1
            row.value, row.withdrawn_at = judged.point.value, None
            row.center, row.low, row.high = limits.center, limits.low, limits.high
            session.add(row)
    for row in known.values():
        row.withdrawn_at = row.withdrawn_at or now
    session.flush()
    return new


def effects(session: Session, decisions: list[Decision], now: datetime) -> dict[int, Change | None]:
    """By decision: its figure in the 28 days before and after the day it starts, without today and what is to come."""
    zone = zone_of(session)
    today = local_day(now, zone)
    asked = [decision for decision in decisions if decision.metric in METRICS]
    if not asked:
        return {}
    first = min(decision.starts_on for decision in asked) - timedelta(days=DAYS_AROUND)
    last = min(today - timedelta(days=1), max(decision.starts_on for decision in asked) + timedelta(days=DAYS_AROUND - 1))
    rows = rows_of(session, Period(first, last, zone), Cycle.DAILY, now) if first <= last else ()
    return {decision.id: effect_of(rows, decision.metric, decision.starts_on) for decision in asked}


def effect_of(rows: tuple[Row, ...], metric: str, day: date) -> Change | None:
    """A figure's change at a day; None when one side says too little yet."""
    points = points_of(rows, BY_CODE[metric])
    before = [point for point in points if day - timedelta(days=DAYS_AROUND) <= point.first < day]
    after = [point for point in points if day <= point.first < day + timedelta(days=DAYS_AROUND)]
    return change(before, after, is_share=BY_CODE[metric].is_rate)
