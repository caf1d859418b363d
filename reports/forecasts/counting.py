"""Counting the half hours of days that are over, and reading them for a forecast."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.db import advisory_lock, office_of
from campaigns.attempts.codes import LineResult
from reports.forecasts.method import History
from reports.forecasts.models import HalfHour
from reports.periods import Period, zone_of
from reports.queries.raw import HANDED_OVER

MARK = -1
KEPT_DAYS = 120
AGAIN_DAYS = 3
"""Days that are counted again at each turn: late results and imports come in."""

_COUNT = f"""
INSERT INTO half_hour (office_id, day, slot, attempts, operators, inbound, counted_at)
SELECT :office, :day, slot, count(*) FILTER (WHERE is_ours), count(DISTINCT operator_id) FILTER (WHERE is_ours),
  count(*) FILTER (WHERE is_inbound), :now
FROM (
  SELECT floor(extract(epoch FROM (a.began_at AT TIME ZONE :zone)::time) / 1800)::smallint AS slot, a.operator_id, a.is_inbound,
    NOT a.is_inbound AND a.channel = 'operator_call' AND {HANDED_OVER} AS is_ours
  FROM attempt a WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end) counted
WHERE is_ours OR is_inbound GROUP BY slot
UNION ALL SELECT :office, :day, {MARK}, 0, 0, 0, :now"""
_CALLBACKS = """
SELECT floor(extract(epoch FROM (not_before AT TIME ZONE :zone)::time) / 1800)::integer AS slot, count(*) AS promised
FROM work_item WHERE office_id = :office AND state = 'ready' AND is_callback AND not_before >= :start AND not_before < :end GROUP BY 1"""


def count_days(session: Session, now: datetime, most: int = KEPT_DAYS) -> int:
    """Counts days that are over and not counted, and the last few again; forgets what is too old. Returns how many days were counted."""
    advisory_lock(session, "forecasts.count")
    zone = zone_of(session)
    today = local_day(now, zone)
    office = office_of(session)
    session.execute(text("DELETE FROM half_hour WHERE office_id = :office AND day < :first"), {"office": office, "first": _first(today)})
    known = set(session.scalars(select(HalfHour.day).where(HalfHour.slot == MARK)))
    days = [today - timedelta(days=back) for back in range(1, KEPT_DAYS + 1)]
    due = [day for place, day in enumerate(days) if day not in known or place < AGAIN_DAYS][:most]
    for day in due:
        start, end = Period(day, day, zone).bounds
        values = {"office": office, "day": day, "zone": str(zone), "start": start, "end": end, "now": now, "failed": str(LineResult.FAILED)}
        session.execute(text("DELETE FROM half_hour WHERE office_id = :office AND day = :day"), values)
        session.execute(text(_COUNT), values)
    return len(due)


def _first(today: date) -> date:
    return today - timedelta(days=KEPT_DAYS)


def history_of(session: Session) -> History:
    """The half hours of all counted days on which anything happened."""
    found: dict[date, dict[int, tuple[int, int, int]]] = {}
    wanted = select(HalfHour.day, HalfHour.slot, HalfHour.attempts, HalfHour.operators, HalfHour.inbound).where(HalfHour.slot != MARK)
    for day, slot, attempts, operators, inbound in session.execute(wanted.order_by(HalfHour.day, HalfHour.slot)):
        found.setdefault(day, {})[slot] = (attempts, operators, inbound)
    return History(found)


def promised_callbacks(session: Session, day: date) -> dict[int, int]:
    """Call-backs promised for a day, by half hour."""
    zone = zone_of(session)
    start, end = Period(day, day, zone).bounds
    values = {"office": office_of(session), "zone": str(zone), "start": start, "end": end}
    return {row.slot: row.promised for row in session.execute(text(_CALLBACKS), values)}
