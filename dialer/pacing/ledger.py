"""A campaign's answered and abandoned calls, counted from what is on record: the budget as of now."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE, day_bounds, local_day
from dialer.pacing.budget import Budget
from dialer.pacing.history import Answers, count_answers

COUNT_AGAIN = timedelta(seconds=60)
LEAST_WORK = 600.0  # seconds of a day before its answers per hour are taken at their word


class Ledger:
    """Live answers and abandoned calls of today and of 30 days: what is settled is counted each other minute, the rest at every look."""

    def __init__(self, campaign_id: int, zone: ZoneInfo = OFFICE_ZONE) -> None:
        self._campaign_id, self._zone = campaign_id, zone
        self._day: date | None = None
        self._before = self._settled = Answers()
        self._edge: datetime | None = None

    def budget(self, session: Session, limit: float, now: datetime, seconds_to_come: float) -> Budget:
        """As of now; see `Pacer.budget`."""
        day = local_day(now, self._zone)
        start, _ = day_bounds(day, day, self._zone)
        if day != self._day:
            first, _ = day_bounds(day - timedelta(days=29), day, self._zone)
            self._day, self._edge = day, None
            self._before = count_answers(session, self._campaign_id, first, start)
        if self._edge is None or not self._edge <= now < self._edge + 2 * COUNT_AGAIN:
            self._edge = max(start, now - COUNT_AGAIN)
            self._settled = count_answers(session, self._campaign_id, start, self._edge)
        today = self._settled + count_answers(session, self._campaign_id, self._edge, now + timedelta(seconds=1))
        worked = (now - (today.first_at or now)).total_seconds()
        return Budget(
            limit,
            today.count,
            today.abandoned,
            today.count + self._before.count,
            today.abandoned + self._before.abandoned,
            answers_a_minute=60.0 * today.count / max(LEAST_WORK, worked),
            minutes_to_come=seconds_to_come / 60.0,
        )
