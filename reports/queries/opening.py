"""Which period a report shows when nobody asked for one."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.attempts.models import Attempt
from reports.periods import Period, month_to_date


def opening_period(session: Session, today: date, zone: ZoneInfo) -> Period:
    """The month so far; until it has a day of calls that is over, the whole month before, if there were calls in that."""
    so_far = month_to_date(today, zone)
    last = so_far.first - timedelta(days=1)
    before = Period(last.replace(day=1), last, zone)
    is_over = today > so_far.first and _has_calls(session, Period(so_far.first, today - timedelta(days=1), zone))
    return so_far if is_over or not _has_calls(session, before) else before


def _has_calls(session: Session, period: Period) -> bool:
    start, end = period.bounds
    return bool(
        session.scalar(select(exists().where(Attempt.office_id == office_of(session), Attempt.began_at >= start, Attempt.began_at < end)))
    )
