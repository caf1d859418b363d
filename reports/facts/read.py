"""What facts can answer: their rows for the days that stand, and the spans of days whose raw rows must be counted still."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from pyroaring import BitMap64
from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from reports.facts.models import ANY_CAMPAIGN, DAY, MONTH, WEEK

SETS = ("attempted", "contacted", "right_party", "promised")
PERSONS = {name: f"persons_{name}" for name in SETS}
"""The columns with the numbers of the sets' members."""
SUMS = ("attempts", "contacts", "right_party_contacts", "promises", "imported", "promises_due", "promises_kept")
MOST_GAPS = 6
"""With more separate spans of raw days than this, one look at all raw rows is quicker."""


@dataclass(slots=True)
class Tally:
    """Counts of one key that can still be added to others: sets of persons instead of numbers of persons.

    `numbers` stand for the sets where these were not read, because the key is that of a single fact.
    """

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SUMS, 0))
    worked_us: int | None = None
    attempted: BitMap64 = field(default_factory=BitMap64)
    contacted: BitMap64 = field(default_factory=BitMap64)
    right_party: BitMap64 = field(default_factory=BitMap64)
    promised: BitMap64 = field(default_factory=BitMap64)
    numbers: dict[str, int] | None = None

    def persons(self, name: str) -> int:
        """How many persons are in the set of that name."""
        return len(getattr(self, name)) if self.numbers is None else self.numbers[name]

    def add(self, other: Tally) -> None:
        """Takes in another one of the same key."""
        for name in SUMS:
            self.counts[name] += other.counts[name]
        if other.worked_us is not None:
            self.worked_us = (self.worked_us or 0) + other.worked_us
        self.attempted |= other.attempted
        self.contacted |= other.contacted
        self.right_party |= other.right_party
        self.promised |= other.promised


@dataclass(frozen=True, slots=True)
class Cover:
    """How a period is answered: whole `months` and `weeks` (their firsts) and `days` from facts, `gaps` (first, last) from raw rows."""

    months: tuple[date, ...]
    weeks: tuple[date, ...]
    days: tuple[date, ...]
    gaps: tuple[tuple[date, date], ...]

    @property
    def is_worth_it(self) -> bool:
        """Whether facts help at all."""
        return bool(self.months or self.weeks or self.days) and len(self.gaps) <= MOST_GAPS


_STANDING = text("""
SELECT b.grain, b.day FROM fact_built b WHERE b.office_id = :office AND b.zone = :zone AND b.day >= :month AND b.day <= :last
  AND NOT EXISTS (SELECT FROM fact_dirty d WHERE d.office_id = :office AND b.grain = 'd' AND d.day = b.day)
""")


def monday_of(day: date) -> date:
    """The day its week begins with."""
    return day - timedelta(days=day.weekday())


def cover(session: Session, first: date, last: date, zone: str, *, uses_months: bool = True, uses_weeks: bool = False) -> Cover:
    """Which facts of the period stand: built, in the office's present zone, and nothing changed since.

    With months, weeks are those within one month.
    """
    values = {"office": office_of(session), "zone": zone, "month": first.replace(day=1), "last": last}
    standing: dict[str, set[date]] = {DAY: set(), WEEK: set(), MONTH: set()}
    for grain, day in session.execute(_STANDING, values):
        standing[grain].add(day)

    def stands(grain: str, day: date, following: date) -> bool:
        whole = (day + timedelta(days=number) for number in range((following - day).days))
        return day in standing[grain] and following <= last + timedelta(days=1) and standing[DAY].issuperset(whole)

    found: dict[str, list[date]] = {DAY: [], WEEK: [], MONTH: []}
    gaps: list[tuple[date, date]] = []
    day = first
    while day <= last:
        month, week = (day + timedelta(days=32)).replace(day=1), day + timedelta(days=7)
        grain, following = DAY, day + timedelta(days=1)
        if uses_months and day.day == 1 and stands(MONTH, day, month):
            grain, following = MONTH, month
        elif uses_weeks and day.weekday() == 0 and (week <= month or not uses_months) and stands(WEEK, day, week):
            grain, following = WEEK, week
        if grain != DAY or day in standing[DAY]:
            found[grain].append(day)
        elif gaps and gaps[-1][1] == day - timedelta(days=1):
            gaps[-1] = (gaps[-1][0], day)
        else:
            gaps.append((day, day))
        day = following
    return Cover(tuple(found[MONTH]), tuple(found[WEEK]), tuple(found[DAY]), tuple(gaps))


def tallies(
    session: Session,
    found: Cover,
    dimension: str,
    key: str,
    *,
    channel: str | None,
    campaign_id: int | None,
    has_hours: bool,
    persons: Sequence[str] | None = SETS,
    only: Sequence[int] | None = None,
) -> dict[str, Tally]:
    """The standing facts added up by `key`: a column of the facts, or `day`.

    Args:
        dimension: all, hour or operator.
        channel: one channel, or None for all.
        has_hours: whether operators' time belongs to the answer.
        persons: the sets that belong to the answer (they are what takes the time); None where each key is one fact, whose numbers do.
        only: of the dimension `operator`, these alone.
    """
    sums = ", ".join(f"sum({name})::int8 AS {name}" for name in SUMS)
    if persons is None:
        people = "".join(f", max({column}) AS {name}" for name, column in PERSONS.items())
    else:
        people = "".join(f", array_agg({name}) AS {name}" for name in persons)
    statement = f"""
        SELECT {key}::text AS key, {sums}, sum(worked_us)::int8 AS worked_us
          {people}
        FROM fact WHERE office_id = %(office)s AND dimension = %(dimension)s AND campaign_id = %(campaign)s
          {"AND channel = %(channel)s" if channel else ""} {"AND key = ANY(%(only)s)" if only is not None else ""}
          AND (grain = 'd' AND day = ANY(%(days)s) OR grain = 'w' AND day = ANY(%(weeks)s) OR grain = 'm' AND day = ANY(%(months)s))
        GROUP BY 1"""
    values: dict[str, Any] = {
        "office": office_of(session),
        "dimension": dimension,
        "campaign": ANY_CAMPAIGN if campaign_id is None else campaign_id,
        "days": list(found.days),
        "weeks": list(found.weeks),
        "months": list(found.months),
        "channel": channel,
        "only": [str(key) for key in only or ()],
    }
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, Connection)
    with driver.cursor(binary=True, row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, values).fetchall()
    return {row["key"]: _tally(row, persons, has_hours=has_hours) for row in rows}


def _tally(row: dict[str, Any], persons: Sequence[str] | None, *, has_hours: bool) -> Tally:
    counts, worked = {name: row[name] for name in SUMS}, row["worked_us"] if has_hours else None
    if persons is None:
        return Tally(counts, worked, numbers={name: row[name] for name in SETS})
    attempted, contacted, right_party, promised = (_union(row[name]) if name in persons else BitMap64() for name in SETS)
    return Tally(counts, worked, attempted, contacted, right_party, promised)


def _union(parts: Iterable[bytes]) -> BitMap64:
    joined = BitMap64()
    for part in parts:
        joined |= BitMap64.deserialize(part)
    return joined
