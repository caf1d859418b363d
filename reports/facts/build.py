"""Making facts: a day from its raw rows, a month from its days, and the job that keeps them up.

A day is built once it has been over for a while, so that no transaction begun on it is still under way, and again whenever something of
it changed. Counting happens here and not in the database, because sets of persons are what take the time there.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
from psycopg import Connection
from pyroaring import BitMap64
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from callcenter.core.clock import day_bounds
from callcenter.core.db import advisory_lock, office_of
from campaigns.attempts.codes import Channel
from campaigns.promises.settle import PAID_IN_TIME
from reports.facts.calls import CHANNELS, FLAGS, DayCalls, packed, read_day
from reports.facts.models import ANY_CAMPAIGN, DAY, DIMENSIONS, MONTH, WEEK, FactCalls
from reports.facts.read import PERSONS, SETS, monday_of
from reports.facts.read import SUMS as COUNTS
from reports.periods import zone_of

REST = timedelta(minutes=10)
"""How long a day must have been over: longer than any transaction that could still add to it."""
FACTS_AT_ONCE = 50
COUNTED = ("contacts", "right_party_contacts", "promises", "imported")
SETS_OF = {"contacted": "contacts", "right_party": "right_party_contacts", "promised": "promises"}
GROUP = ("dimension", "campaign_id", "channel", "key")
COLUMNS = (*GROUP, *COUNTS, "worked_us", *SETS, *PERSONS.values())
TYPES = ("text", "int8", "text", "text", *("int4",) * len(COUNTS), "int8", *("bytea",) * len(SETS), *("int4",) * len(SETS))
_INSERT = f"""
INSERT INTO fact (grain, day, {", ".join(COLUMNS)})
SELECT %b, %b, r.* FROM unnest({", ".join(f"%b::{kind}[]" for kind in TYPES)}) r"""

_DUE = f"""
SELECT coalesce(a.campaign_id, {ANY_CAMPAIGN}) AS campaign_id, coalesce(a.channel, '') AS channel,
  coalesce(a.operator_id, p.made_by, 0) AS operator_id, lpad(extract(hour FROM p.made_at AT TIME ZONE :zone)::text, 2, '0') AS hour,
  count(*) AS promises_due, count(*) FILTER (WHERE coalesce(paid.yen, 0) * 100 >= p.amount * p.threshold_percent) AS promises_kept
FROM promise p LEFT JOIN attempt a ON a.office_id = p.office_id AND a.id = p.attempt_id
LEFT JOIN LATERAL ({PAID_IN_TIME}) paid ON true
WHERE p.office_id = :office AND p.state <> 'cancelled' AND p.due_on <= :day AND p.due_on + p.grace_days::integer = :day
GROUP BY 1, 2, 3, 4"""

_WORKED = f"""
WITH piece AS (
  SELECT s.agent_session_id, s.user_id, h, greatest(s.began_at, h) AS began, least(s.ended_at, h + interval '1 hour') AS ended
  FROM agent_state_span s,
    generate_series(CAST(:start AS timestamptz), CAST(:end AS timestamptz) - interval '1 second', interval '1 hour') h
  WHERE s.office_id = :office AND s.state NOT IN ('paused', 'ended') AND s.began_at < h + interval '1 hour' AND s.ended_at > h
    AND s.began_at < :end AND s.ended_at > :start),
session AS (
  SELECT agent_session_id, user_id, lpad(extract(hour FROM h AT TIME ZONE :zone)::text, 2, '0') AS hour,
    CAST(sum(extract(epoch FROM ended - began)) * 1000000 AS bigint) AS us
  FROM piece WHERE ended > began GROUP BY 1, 2, 3),
mine AS (SELECT * FROM agent_session WHERE office_id = :office AND id IN (SELECT agent_session_id FROM session)),
served AS (
  SELECT id, campaign_id FROM mine WHERE campaign_id IS NOT NULL
  UNION SELECT g.id, t.campaign_id FROM mine g
  JOIN attempt t ON t.office_id = :office AND t.operator_id = g.user_id AND t.campaign_id IS NOT NULL
    AND t.began_at >= (SELECT min(signed_in_at) FROM mine) AND t.began_at <= (SELECT max(ended_at) FROM mine)
    AND t.began_at >= g.signed_in_at AND t.began_at <= g.ended_at
  WHERE g.campaign_id IS NULL)
SELECT campaign_id, user_id AS operator_id, hour, CAST(sum(us) AS bigint) AS worked_us
FROM (
  SELECT {ANY_CAMPAIGN} AS campaign_id, user_id, hour, us FROM session
  UNION ALL
  SELECT v.campaign_id, w.user_id, w.hour, w.us FROM session w JOIN served v ON v.id = w.agent_session_id) worked
GROUP BY GROUPING SETS ((campaign_id), (campaign_id, hour), (campaign_id, user_id))"""


_GROWING = """
SELECT EXISTS (SELECT FROM agent_state_span WHERE office_id = :office AND ended_at IS NULL AND began_at < :end)
  OR EXISTS (
    SELECT FROM agent_session g JOIN agent_state_span s ON s.office_id = g.office_id AND s.agent_session_id = g.id
    WHERE g.office_id = :office AND g.ended_at IS NULL AND s.began_at < :end AND s.ended_at > :start)"""


def build_day(session: Session, day: date, now: datetime) -> int:
    """Makes the facts of one day anew; returns the number of attempts counted.

    A day of an operator who is still signed in is left to the raw rows: the span's hours grow, and the campaigns that the sign-in is for.
    """
    zone = zone_of(session)
    start, end = day_bounds(day, day, zone)
    values = {"office": office_of(session), "zone": str(zone), "start": start, "end": end, "day": day}
    had = _forget(session, DAY, day)
    if session.scalar(text(_GROWING), values):
        return 0
    calls = read_day(session, day, zone)
    rows = [*_counted(calls), *_due(session, values), *_worked(session, values)]
    _write(session, DAY, day, _merged(rows))
    _keep(session, calls)
    _note_built(session, DAY, day, str(zone), now, again_at=now if had else None)
    return calls.count


def build_month(session: Session, month: date, now: datetime) -> bool:
    """Adds up a month of which every day was built; whether it could."""
    return _build_span(session, MONTH, month, (month + timedelta(days=32)).replace(day=1), now)


def build_week(session: Session, monday: date, now: datetime) -> bool:
    """Adds up a week of which every day was built, over all hours and operators; whether it could."""
    return _build_span(session, WEEK, monday, monday + timedelta(days=7), now)


def _build_span(session: Session, grain: str, first: date, following: date, now: datetime) -> bool:
    zone = str(zone_of(session))
    _forget(session, grain, first)
    values = {"office": office_of(session), "first": first, "next": following, "zone": zone, "day": DAY}
    within = "office_id = :office AND grain = :day AND day >= :first AND day < :next"
    if session.scalar(text(f"SELECT count(*) FROM fact_built WHERE {within} AND zone = :zone"), values) != (following - first).days:
        return False
    kinds = "AND dimension = 'all'" if grain == WEEK else ""
    parts = session.execute(text(f"SELECT DISTINCT dimension, campaign_id FROM fact WHERE {within} {kinds} ORDER BY 1, 2"), values).all()
    for dimension, campaign in parts:
        part = values | {"dimension": dimension, "campaign": campaign}
        _write(session, grain, first, _merged(_streamed(session, f"{within} AND dimension = :dimension AND campaign_id = :campaign", part)))
    _note_built(session, grain, first, zone, now)
    return True


def _streamed(session: Session, where: str, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Facts a few at a time: all sets of a month at once would be more than all that is made of them."""
    names = ", ".join((*GROUP, *COUNTS, "worked_us", *SETS))
    found = session.execute(text(f"SELECT {names} FROM fact WHERE {where}"), values, execution_options={"yield_per": FACTS_AT_ONCE})
    return (dict(row) for row in found.mappings())


def _build_spans(session: Session, days: Iterable[date], now: datetime) -> None:
    """Adds up the weeks and months of days that were built."""
    for monday in sorted({monday_of(day) for day in days}):
        build_week(session, monday, now)
    for month in sorted({day.replace(day=1) for day in days}):
        build_month(session, month, now)


def refresh(session: Session, now: datetime, *, most: int = 40) -> int:
    """Builds what is missing or marked, the newest first, at most `most` days; returns how many were built.

    The day that counts as over is told by the database's clock, as for the triggers that mark. What waits for the next turn keeps its
    facts and its mark: a page that looked up before what stands must not find the rows gone.
    """
    advisory_lock(session, "facts")
    zone = zone_of(session)
    clock: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    horizon = (min(clock, now) - REST).astimezone(zone).date()
    office = {"office": office_of(session)}
    marks = text("SELECT DISTINCT day FROM fact_dirty WHERE office_id = :office AND day < :horizon")
    marked = set(session.scalars(marks, office | {"horizon": horizon}))
    first = session.scalar(text(FIRST_DAY), office | {"zone": str(zone)})
    built = text("SELECT day FROM fact_built WHERE office_id = :office AND grain = 'd' AND zone = :zone")
    known = set(session.scalars(built, office | {"zone": str(zone)}))
    missing = set() if first is None else {first + timedelta(days=n) for n in range(max(0, (horizon - first).days))} - (known - marked)
    days = sorted(missing, reverse=True)[:most]
    _take_marks(session, {*days, *(marked - missing)})
    for day in days:
        build_day(session, day, now)
    _build_spans(session, days, now)
    return len(days)


def _take_marks(session: Session, days: Iterable[date]) -> None:
    """Removes the marks of days before they are counted; what changes them meanwhile marks them anew."""
    marks = text("DELETE FROM fact_dirty WHERE office_id = :office AND day = ANY(:days)")
    session.execute(marks, {"office": office_of(session), "days": sorted(days)})


FIRST_DAY = """
SELECT min(day) FROM (
  SELECT min(began_at AT TIME ZONE :zone)::date AS day FROM attempt WHERE office_id = :office
  UNION ALL SELECT min(began_at AT TIME ZONE :zone)::date FROM agent_state_span WHERE office_id = :office
  UNION ALL SELECT min(due_on + grace_days::integer) FROM promise WHERE office_id = :office) firsts"""


def rebuild(session: Session, first: date, last: date, now: datetime) -> int:
    """Makes all facts of a period anew, whatever was built before; returns the number of days.

    Days that are not over are left out.
    """
    advisory_lock(session, "facts")
    horizon = (now - REST).astimezone(zone_of(session)).date()
    days = [first + timedelta(days=n) for n in range((min(last, horizon - timedelta(days=1)) - first).days + 1)]
    _take_marks(session, days)
    for day in days:
        build_day(session, day, now)
    _build_spans(session, days, now)
    return len(days)


def _counted(found: DayCalls) -> Iterable[dict[str, Any]]:
    """The attempts of one day by each dimension, once per campaign and once over all."""
    if not found.count:
        return
    narrow = {"debtor": pl.Int64, "campaign": pl.Int64, "operator": pl.Int64, "channel": pl.Int16, "hour": pl.Int16, "flags": pl.Int16}
    calls = pl.DataFrame({name: pl.Series(found[name], dtype=kind) for name, kind in narrow.items()})
    keys = {"all": pl.lit(-1), "hour": pl.col("hour"), "operator": pl.col("operator")}
    written: dict[str, Callable[[int], str]] = {"all": lambda _: "", "hour": "{:02d}".format, "operator": str}
    for dimension in DIMENSIONS:
        for campaign, rows in ((pl.lit(ANY_CAMPAIGN), calls), (pl.col("campaign"), calls.filter(pl.col("campaign") != ANY_CAMPAIGN))):
            groups = rows.group_by(
                campaign.cast(pl.Int64).alias("campaign_id"), "channel", keys[dimension].alias("key"), maintain_order=True
            ).agg(
                pl.len().alias("attempts"),
                *((pl.col("flags") & FLAGS[name] > 0).sum().alias(name) for name in COUNTED),
                pl.col("debtor").alias("attempted"),
                *(pl.col("debtor").filter(pl.col("flags") & FLAGS[count] > 0).alias(name) for name, count in SETS_OF.items()),
            )
            sets = {name: groups[name] for name in SETS}
            for place, row in enumerate(groups.drop(SETS).iter_rows(named=True)):
                words = {"dimension": dimension, "channel": CHANNELS[row["channel"]], "key": written[dimension](row["key"])}
                yield row | words | {name: _persons(column[place]) for name, column in sets.items()}


def _persons(debtors: pl.Series) -> BitMap64:
    """The set of ascending numbers; bytes in a row are taken over ten times as fast as a list of objects."""
    return BitMap64(array("Q", debtors.to_numpy().tobytes()))


def _due(session: Session, values: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """The promises that fell due on the day."""
    for found in session.execute(text(_DUE), values).mappings():
        yield from _spread(found, found["campaign_id"], {"channel": found["channel"]}, ("promises_due", "promises_kept"))


def _worked(session: Session, values: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """The time operators worked on the day; already given by each dimension, once over all and once per campaign."""
    for found in session.execute(text(_WORKED), values).mappings():
        dimension, key = "all", ""
        if found["hour"] is not None:
            dimension, key = "hour", found["hour"]
        elif found["operator_id"] is not None:
            dimension, key = "operator", str(found["operator_id"])
        place = {"dimension": dimension, "campaign_id": found["campaign_id"], "channel": str(Channel.OPERATOR_CALL), "key": key}
        yield place | {"worked_us": found["worked_us"]}


def _spread(found: Any, campaign_id: int, more: dict[str, Any], names: Sequence[str]) -> Iterable[dict[str, Any]]:
    keys = {"all": "", "hour": found["hour"], "operator": str(found["operator_id"])}
    for campaign in {ANY_CAMPAIGN, campaign_id}:
        for dimension, key in keys.items():
            yield {"dimension": dimension, "campaign_id": campaign, "key": key, **more, **{name: found[name] for name in names}}


def _merged(rows: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """One row per dimension, campaign, channel and key: counts added up, sets joined."""
    cells: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        place = tuple(row[name] for name in GROUP)
        cell = cells.setdefault(place, dict.fromkeys(COUNTS, 0) | {"worked_us": None} | {name: BitMap64() for name in SETS})
        for name in COUNTS:
            cell[name] += row.get(name) or 0
        if (worked := row.get("worked_us")) is not None:
            cell["worked_us"] = (cell["worked_us"] or 0) + worked
        for name in SETS:
            if name in row:
                cell[name] |= as_set(row[name])
    return [
        (
            *place,
            *(cell[name] for name in (*COUNTS, "worked_us")),
            *(cell[name].serialize() for name in SETS),
            *(len(cell[name]) for name in SETS),
        )
        for place, cell in cells.items()
    ]


def as_set(value: BitMap64 | bytes) -> BitMap64:
    """A set of persons from either form."""
    return value if isinstance(value, BitMap64) else BitMap64.deserialize(value)


def _write(session: Session, grain: str, day: date, rows: list[tuple[Any, ...]]) -> None:
    """Inserts the rows in one statement, column by column; COPY is not to be had under row-level security."""
    if not rows:
        return
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, Connection)
    with driver.cursor() as cursor:
        cursor.execute(_INSERT, [grain, day, *(list(column) for column in zip(*rows, strict=True))])


def _keep(session: Session, calls: DayCalls) -> None:
    """Leaves the day's calls for questions that facts do not sum up."""
    if calls.count:
        row = {"office_id": office_of(session), "day": calls.day, "calls": calls.count, "scripts": list(calls.scripts)}
        session.execute(insert(FactCalls).values(row | packed(calls)))


_FORGET = """
WITH facts AS (DELETE FROM fact WHERE office_id = :office AND grain = :grain AND day = :day),
     calls AS (DELETE FROM fact_calls WHERE office_id = :office AND day = :day AND :grain = 'd')
DELETE FROM fact_built WHERE office_id = :office AND grain = :grain AND day = :day RETURNING day"""


def _forget(session: Session, grain: str, day: date) -> bool:
    """Removes what stands; whether anything stood."""
    return session.scalar(text(_FORGET), {"office": office_of(session), "grain": grain, "day": day}) is not None


def _note_built(session: Session, grain: str, day: date, zone: str, now: datetime, again_at: datetime | None = None) -> None:
    columns = "office_id, grain, day, zone, built_at, again_at"
    values = {"office": office_of(session), "grain": grain, "day": day, "zone": zone, "now": now, "again": again_at}
    session.execute(text(f"INSERT INTO fact_built ({columns}) VALUES (:office, :grain, :day, :zone, :now, :again)"), values)
