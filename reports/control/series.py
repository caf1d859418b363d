"""A figure's points by day, week or month: the figures of the headline report, of periods that are over."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from reports.control.limits import Point
from reports.control.models import Cycle
from reports.cuts import Cut
from reports.figures import Row
from reports.metrics import BY_CODE, Metric
from reports.periods import Period
from reports.queries.headline import HeadlineQuery, headline

WATCHABLE: tuple[Metric, ...] = tuple(
    BY_CODE[code]
    for code in (
        "contact_rate_per_call",
        "contact_rate_per_person",
        "right_party_rate",
        "promise_rate",
        "kept_rate",
        "attempts_per_operator_hour",
        "attempts",
        "contacts",
        "promises",
    )
)
"""What can have a target and be watched: of operators' calls, as the headline counts them."""
USUAL_CYCLES: dict[str, Cycle] = {
    "contact_rate_per_call": Cycle.DAILY,
    "attempts_per_operator_hour": Cycle.DAILY,
    "promise_rate": Cycle.WEEKLY,
    "kept_rate": Cycle.MONTHLY,
}
CUTS = {Cycle.DAILY: Cut.DAY, Cycle.WEEKLY: Cut.WEEK, Cycle.MONTHLY: Cut.MONTH}


def span_of(cycle: Cycle, today: date, count: int) -> tuple[date, date]:
    """The first and the last day of the last `count` periods that are over."""
    if cycle is Cycle.DAILY:
        return today - timedelta(days=count), today - timedelta(days=1)
    if cycle is Cycle.WEEKLY:
        monday = today - timedelta(days=today.weekday())
        return monday - timedelta(weeks=count), monday - timedelta(days=1)
    first = today.replace(day=1)
    months = first.year * 12 + first.month - 1 - count
    return date(months // 12, months % 12 + 1, 1), first - timedelta(days=1)


def rows_of(session: Session, period: Period, cycle: Cycle, now: datetime) -> tuple[Row, ...]:
    """The headline's rows of the period, one for each day, week or month with anything in it."""
    return headline(session, HeadlineQuery(period, CUTS[cycle]), now).rows


def points_of(rows: tuple[Row, ...], metric: Metric) -> list[Point]:
    """The figure's points; periods in which there was nothing to divide by have no value."""
    points = []
    for row in rows:
        figures, key = row.figures, row.key or ""
        value = figures.value(metric.code)
        if metric.is_rate:
            points.append(Point(_day(key), value, float(figures.value(metric.under) or 0)))
        elif figures.attempts:
            points.append(Point(_day(key), value))
    return points


def _day(key: str) -> date:
    return date.fromisoformat(key if len(key) == 10 else f"{key}-01")
