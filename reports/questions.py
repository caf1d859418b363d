"""Questions about the whole list whose answers are kept for a moment: how pages ask them, and how the worker counts them again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from reports.collection import ageing
from reports.periods import Period
from reports.queries.measures import Measures, measured
from reports.queries.patterns import list_counts
from reports.queries.raw import HeadlineQuery
from reports.snapshots import Counter, answered


def list_counts_of(session: Session, query: HeadlineQuery, now: datetime) -> tuple[Mapping[str, int], datetime]:
    """What the funnel counts of the list and its promises, and as of when."""
    if query.staff is not None:  # no count of the whole list, and nothing that many ask for again
        return list_counts(session, query, now), now
    return answered(session, "funnel", _asked(query, now), _count_list, now)


def measures_of(session: Session, query: HeadlineQuery, now: datetime) -> tuple[Measures, datetime]:
    """Every metric of a period, and as of when."""
    if query.staff is not None:
        return measured(session, query, now), now
    counts, as_of = answered(session, "measures", _asked(query, now), _count_measures, now)
    return Measures(counts), as_of


def ages_of(session: Session, today: date, now: datetime) -> tuple[list[ageing.Age], datetime]:
    """Open debts by age, and as of when."""
    found, as_of = answered(session, "ages", {"today": today.isoformat()}, _count_ages, now)
    return [ageing.Age(*row) for row in found], as_of


def rolls_of(session: Session, today: date, zone: str, now: datetime) -> tuple[list[date], list[list[ageing.Roll]], datetime]:
    """The last whole months, the rolls of each age in them, and as of when."""
    (months, rows), as_of = answered(session, "rolls", {"today": today.isoformat(), "zone": zone}, _count_rolls, now)
    return [date.fromisoformat(month) for month in months], [[ageing.Roll(*cell) for cell in row] for row in rows], as_of


def _asked(query: HeadlineQuery, now: datetime) -> dict[str, str]:
    """The query as text; `today` belongs to it, because promises fall due as days pass."""
    period = query.period
    return {
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "zone": str(period.zone),
        "channel": str(query.channel),
        "campaign": str(query.campaign_id or ""),
        "today": local_day(now, period.zone).isoformat(),
    }


def _query(given: Mapping[str, str]) -> HeadlineQuery:
    period = Period(date.fromisoformat(given["first"]), date.fromisoformat(given["last"]), ZoneInfo(given["zone"]))
    return HeadlineQuery(period, channel=given["channel"], campaign_id=int(given["campaign"]) if given["campaign"] else None)


def _count_list(session: Session, given: Mapping[str, str], now: datetime) -> dict[str, int]:
    return list_counts(session, _query(given), now)


def _count_measures(session: Session, given: Mapping[str, str], now: datetime) -> dict[str, Any]:
    return dict(measured(session, _query(given), now).counts)


def _count_ages(session: Session, given: Mapping[str, str], now: datetime) -> list[tuple[int, int, int]]:
    return [(one.persons, one.debts, one.yen) for one in ageing.ages(session, date.fromisoformat(given["today"]))]


def _count_rolls(session: Session, given: Mapping[str, str], now: datetime) -> tuple[list[str], list[list[tuple[int, int]]]]:
    months, rows = ageing.rolls(session, date.fromisoformat(given["today"]), given["zone"])
    return [month.isoformat() for month in months], [[(cell.open_at_start, cell.still_open) for cell in row] for row in rows]


COUNTERS: dict[str, Counter] = {"funnel": _count_list, "measures": _count_measures, "ages": _count_ages, "rolls": _count_rolls}
