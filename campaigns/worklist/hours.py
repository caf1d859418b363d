"""What an office's calls say of hours (`best_hour`), learned once a day and kept; and the order in which due people are best called now.

Only the order among people who are due changes: who may be called, and when, is the gate's. While few calls are on record, the order of the
list stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE, local_day
from callcenter.core.db import office_of
from campaigns.attempts.codes import LineResult
from campaigns.compliance.facts import COUNTS
from campaigns.segmentation.sources import IS_CONTACT
from campaigns.worklist.best_hour import Hours, Tries, advantage, chances, learn, spread
from campaigns.worklist.models import CallHours

ENOUGH = 1_000
"""With fewer calls on record nothing is said of hours."""
NEWEST, PERIOD = 200_000, timedelta(days=90)
HOUR = "CAST(extract(hour FROM a.began_at AT TIME ZONE 'Asia/Tokyo') AS integer)"
# People who answer alike: companies, and persons by age.
SEGMENT = """CASE WHEN d.kind = 'company' THEN 'company' WHEN d.birth_date IS NULL THEN 'unknown'
  ELSE 'age ' || CAST(width_bucket(extract(year FROM age(CAST(:day AS date), d.birth_date)), ARRAY[30, 45, 65]) AS text) END"""
CALLS = f"""SELECT a.debtor_id, {HOUR} AS hour, ({IS_CONTACT}) IS TRUE AS is_reached FROM attempt a
  WHERE a.office_id = :office AND a.channel = 'operator_call' AND a.line_result IS NOT NULL AND a.began_at > :since AND a.began_at <= :now
    AND {COUNTS}"""  # noqa: S608 - constants of this module
BY_SEGMENT = text(f"""SELECT {SEGMENT} AS segment, c.hour, count(*) AS calls, count(*) FILTER (WHERE c.is_reached) AS reached
  FROM ({CALLS} ORDER BY a.began_at DESC LIMIT {NEWEST}) c JOIN debtor d ON d.office_id = :office AND d.id = c.debtor_id
  GROUP BY 1, 2""")  # noqa: S608
# One person in eight tells how much people differ.
BY_PERSON = text(f"""SELECT c.debtor_id, {SEGMENT} AS segment, c.hour, count(*) AS calls, count(*) FILTER (WHERE c.is_reached) AS reached
  FROM ({CALLS} ORDER BY a.began_at DESC LIMIT {NEWEST}) c JOIN debtor d ON d.office_id = :office AND d.id = c.debtor_id
  WHERE c.debtor_id % 8 = 0 GROUP BY 1, 2, 3 ORDER BY 1""")  # noqa: S608
OF_PEOPLE = text(f"""SELECT d.id, {SEGMENT} AS segment, c.hour, coalesce(c.calls, 0) AS calls, coalesce(c.reached, 0) AS reached
  FROM debtor d LEFT JOIN (SELECT debtor_id, hour, count(*) AS calls, count(*) FILTER (WHERE is_reached) AS reached
    FROM ({CALLS} AND a.debtor_id = ANY(:people)) x GROUP BY 1, 2) c ON c.debtor_id = d.id
  WHERE d.office_id = :office AND d.id = ANY(:people)""")  # noqa: S608


def learn_hours(session: Session, now: datetime) -> Hours | None:
    """Learns from the newest calls and keeps it, once a day; None while there are too few."""
    kept = _kept(session)
    if kept is not None and local_day(kept.learned_at) == local_day(now):
        return _read(kept)
    values = _values(session, now)
    rows = session.execute(BY_SEGMENT, values).all()
    hours = learn((row.segment, row.hour, Tries(row.calls, row.reached)) for row in rows)
    if hours.calls < ENOUGH:
        return None
    hours = spread(hours, _people(session.execute(BY_PERSON, values).all()).values())
    found = {"learned_at": now, "document": {**asdict(hours), **_hours_of_day(rows)}}
    row = insert(CallHours).values(office_id=office_of(session), **found)
    session.execute(row.on_conflict_do_update(index_elements=["office_id"], set_=found))
    return hours


def _kept(session: Session) -> CallHours | None:
    return session.get(CallHours, office_of(session))


def knows_hours(session: Session) -> bool:
    """Whether anything was learned."""
    return _kept(session) is not None


def best_first(session: Session, people: Sequence[int], now: datetime) -> dict[int, float] | None:
    """What calling each of these debtors now is worth (`best_hour.advantage`); None when nothing was learned."""
    kept = _kept(session)
    if kept is None or not people:
        return None
    hours, last = _read(kept), int(kept.document["last"])
    own = _people(session.execute(OF_PEOPLE, _values(session, now) | {"people": list(people)}).all())
    hour = now.astimezone(OFFICE_ZONE).hour
    return {person: advantage(chances(hours, segment, tries), hour, last) for person, (segment, tries) in own.items()}


def tell_hour(session: Session, debtor_id: int, now: datetime) -> dict[str, Any] | None:
    """The hour in which a debtor is most likely reached, how likely, and from how many calls that was learned; None when nothing was."""
    kept = _kept(session)
    if kept is None:
        return None
    hours = _read(kept)
    segment, own = _people(session.execute(OF_PEOPLE, _values(session, now) | {"people": [debtor_id]}).all())[debtor_id]
    told = chances(hours, segment, own)
    best = max(range(kept.document["first"], kept.document["last"] + 1), key=lambda hour: told[hour])
    return {"hour": best, "chance": round(told[best], 3), "now": round(told[now.astimezone(OFFICE_ZONE).hour], 3), "calls": hours.calls}


def _values(session: Session, now: datetime) -> dict[str, Any]:
    return {"office": office_of(session), "now": now, "since": now - PERIOD, "day": local_day(now), "failed": LineResult.FAILED.value}


def _people(rows: Sequence[Any]) -> dict[int, tuple[str, dict[int, Tries]]]:
    """Segment and own calls by hour, by debtor."""
    found: dict[int, tuple[str, dict[int, Tries]]] = {}
    for row in rows:
        _, own = found.setdefault(row[0], (row.segment, {}))
        if row.calls:
            own[row.hour] = Tries(row.calls, row.reached)
    return found


def _hours_of_day(rows: Sequence[Any]) -> dict[str, int]:
    """The first and the last hour with at least one call in a hundred."""
    every = sum(row.calls for row in rows)
    called = [hour for hour in range(24) if 100 * sum(row.calls for row in rows if row.hour == hour) >= every]
    return {"first": min(called), "last": max(called)}


def _read(kept: CallHours) -> Hours:
    told = kept.document
    rates = {segment: tuple(rates) for segment, rates in told["rates"].items()}
    return Hours(rates, tuple(told["usual"]), told["person_weight"], told["part_weight"], told["calls"])
