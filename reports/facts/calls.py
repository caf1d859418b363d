"""The calls of a day as columns of numbers: read from the raw rows, kept beside the facts of days that are over, and given out again.

What facts do not sum up beforehand (any cut, any two crossed, the arms of an experiment) is counted from these. Ten million attempts are
some 200 MB so and are read in a part of a second, where their rows would take many. A kept day is a function of its raw rows, like a fact.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl
from psycopg import Connection
from psycopg.rows import dict_row, tuple_row
from sqlalchemy.orm import Session

from callcenter.core.clock import day_bounds
from callcenter.core.db import office_of
from campaigns.attempts.codes import CONTACT_PARTIES, PROMISE_OUTCOMES, RIGHT_PARTIES, Channel, LineResult
from reports.facts.models import ANY_CAMPAIGN
from reports.facts.read import cover
from reports.queries.raw import HANDED_OVER

Numbers = npt.NDArray[np.int64]

FLAGS = {"contacts": 1, "right_party_contacts": 2, "promises": 4, "answered": 8, "abandoned": 16, "imported": 32}
"""Each call's bits, by the count that they make."""
KINDS = 64
"""So many different flags there can be; `HEARD` is none that a count is made of."""
HEARD = 64
CHANNELS = tuple(str(channel) for channel in Channel)
COLUMNS = ("debtor", "campaign", "operator", "channel", "hour", "began", "flags", "talk", "phone", "script", "pressed")
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Moments are microseconds from here, as PostgreSQL sends them."""
DAYS_AT_ONCE = 2
RAW_DAYS_AT_ONCE = 2
_SLOT = 900_000_000
"""A quarter of an hour: no time zone is shifted by less."""
HEAD = struct.Struct("<qqB")

# One row with a column of bytes for each field: a hundred thousand attempts as rows would cost more to read than to count.
_SENT = {
    "debtor": ("int8send(a.debtor_id)", ">i8"),
    "campaign": (f"int8send(coalesce(a.campaign_id, {ANY_CAMPAIGN}))", ">i8"),
    "operator": ("int8send(coalesce(a.operator_id, 0))", ">i8"),
    "channel": ("int2send((array_position(%(channels)s::text[], a.channel::text) - 1)::int2)", ">i2"),
    "began": ("timestamptz_send(a.began_at)", ">i8"),
    "talk": ("int4send(a.talk_seconds)", ">i4"),
    "phone": ("int8send(coalesce(a.phone_id, 0))", ">i8"),
    "id": ("int8send(a.id)", ">i8"),
    "flags": (
        f"""int2send((coalesce(a.line_result = %(answered)s AND a.party = ANY(%(contact)s), false)::int * {FLAGS["contacts"]}
      + coalesce(a.line_result = %(answered)s AND a.party = ANY(%(right)s), false)::int * {FLAGS["right_party_contacts"]}
      + coalesce(a.outcome = ANY(%(promised)s), false)::int * {FLAGS["promises"]}
      + coalesce(a.line_result = %(answered)s, false)::int * {FLAGS["answered"]}
      + coalesce(a.line_result = %(abandoned)s, false)::int * {FLAGS["abandoned"]}
      + (a.source = 'imported')::int * {FLAGS["imported"]}
      + CASE WHEN a.channel = 'auto_call' AND (a.robocall_keys <> '' OR a.robocall_path LIKE '%%>%%') THEN {HEARD} ELSE 0 END)::int2)""",
        ">i2",
    ),
    "pressed": ("int2send(CASE WHEN a.channel = 'auto_call' THEN ascii(a.robocall_keys) ELSE 0 END::int2)", ">i2"),
}
_RAW = f"""
SELECT {", ".join(f"string_agg({sent}, '') AS {name}" for name, (sent, _) in _SENT.items())}, count(*) AS calls,
  CASE WHEN bool_or(a.script_version <> '') THEN array_agg(a.script_version) END AS script
FROM attempt a
WHERE a.office_id = %(office)s AND a.began_at >= %(start)s AND a.began_at < %(end)s AND {HANDED_OVER.replace(":failed", "%(failed)s")}"""


@dataclass(frozen=True, slots=True)
class DayCalls:
    """The calls of one day that were handed to a carrier, in the order of debtor, moment and id.

    `columns`: ids, the channel's place in CHANNELS, the local hour, microseconds since EPOCH, bits of FLAGS, seconds, the place in
    `scripts`, and the first key that a listener pressed as its character's number (0: none).
    """

    day: date
    count: int
    columns: dict[str, Numbers]
    scripts: tuple[str, ...] = ("",)

    def __getitem__(self, name: str) -> Numbers:
        return self.columns[name]


def read_day(session: Session, day: date, zone: ZoneInfo) -> DayCalls:
    """The day's calls from the raw rows."""
    return next(iter(read_days(session, day, day, zone)), DayCalls(day, 0, dict.fromkeys(COLUMNS, np.empty(0, np.int64))))


def read_days(session: Session, first: date, last: date, zone: ZoneInfo) -> list[DayCalls]:
    """The calls of each day of a period that has any, in order, from the raw rows."""
    start, end = day_bounds(first, last, zone)
    wanted = {
        "office": office_of(session),
        "start": start,
        "end": end,
        "channels": list(CHANNELS),
        "answered": str(LineResult.ANSWERED),
        "abandoned": str(LineResult.ABANDONED),
        "failed": str(LineResult.FAILED),
        "contact": sorted(str(party) for party in CONTACT_PARTIES),
        "right": sorted(str(party) for party in RIGHT_PARTIES),
        "promised": sorted(str(outcome) for outcome in PROMISE_OUTCOMES),
    }
    with driver_of(session).cursor(binary=True, row_factory=dict_row) as cursor:
        found = cursor.execute(_RAW, wanted).fetchone() or {}
    if not found["calls"]:
        return []
    columns: dict[str, Any] = {name: numbers(found[name], kind) for name, (_, kind) in _SENT.items()}
    columns["day"], columns["hour"] = _on_clocks(columns["began"], zone)
    scripts, columns["script"] = _coded(found["script"], found["calls"])
    frame = pl.DataFrame(columns).sort("day", "debtor", "began", "id")
    values = {name: frame[name].cast(pl.Int64).to_numpy() for name in ("day", *COLUMNS)}
    days, begins = np.unique(values["day"], return_index=True)
    bounds = [*begins.tolist(), frame.height]
    return [
        DayCalls(date.fromordinal(int(day)), high - low, {name: values[name][low:high] for name in COLUMNS}, scripts)
        for day, low, high in zip(days, bounds, bounds[1:], strict=False)
    ]


def _coded(scripts: list[str] | None, count: int) -> tuple[tuple[str, ...], Numbers]:
    """The scripts' names, and each call's place among them; None stands for no script at all."""
    if scripts is None:
        return ("",), np.zeros(count, np.int64)
    names, places = np.unique(np.array(scripts, dtype=object), return_inverse=True)
    return tuple(names.tolist()), places


def _on_clocks(began: Numbers, zone: ZoneInfo) -> tuple[Numbers, Numbers]:
    """The day (as an ordinal) and the hour of each moment on the zone's clocks."""
    slots, places = np.unique(began // _SLOT, return_inverse=True)
    moments = [(EPOCH + timedelta(microseconds=int(slot) * _SLOT)).astimezone(zone) for slot in slots]
    days, hours = [moment.toordinal() for moment in moments], [moment.hour for moment in moments]
    return np.array(days, np.int64)[places], np.array(hours, np.int64)[places]


def numbers(sent: bytes | None, kind: str) -> Any:
    """Numbers as PostgreSQL sends them (the highest byte first)."""
    return np.frombuffer(sent or b"", kind).astype(kind.replace(">", "="))


def driver_of(session: Session) -> Connection:
    """The transaction's own connection, for answers in bytes."""
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, Connection)
    return driver


def moment_of(moment: datetime) -> int:
    """A moment as in the columns."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def day_of(began: int, zone: ZoneInfo) -> date:
    """The day of a moment on the zone's clocks."""
    return (EPOCH + timedelta(microseconds=began)).astimezone(zone).date()


def pack(values: Numbers) -> bytes:
    """Numbers in as few bytes each as hold them beside their lowest; none where all are the same."""
    if not len(values):
        return b""
    low = int(values.min())
    spread = int(values.max()) - low
    width = next(width for width in (0, 1, 2, 4, 8) if spread < 256**width)
    head = HEAD.pack(low, len(values), width)
    return head + (values - low).astype(f"<u{width}").tobytes() if width else head


def unpack(data: bytes) -> Numbers:
    """What `pack` was given."""
    if not data:
        return np.empty(0, np.int64)
    low, count, width = HEAD.unpack_from(data)
    if not width:
        return np.full(count, low, np.int64)
    values: Numbers = np.frombuffer(data, f"<u{width}", count, HEAD.size).astype(np.int64) + low
    return values


def packed(calls: DayCalls) -> dict[str, bytes]:
    """All columns for the database; debtors ascend, so that their steps are kept."""
    steps = np.diff(calls["debtor"], prepend=0)
    first = int(steps[0]) if calls.count else 0
    if calls.count:
        steps[0] = 0
    return {name: pack(calls[name]) for name in COLUMNS if name != "debtor"} | {"debtor": first.to_bytes(8, "little") + pack(steps)}


def column_of(name: str, data: bytes) -> Numbers:
    """What `packed` has made of a column."""
    if name != "debtor":
        return unpack(data)
    ids: Numbers = np.cumsum(unpack(data[8:])) + int.from_bytes(data[:8], "little")
    return ids


def calls_of(session: Session, first: date, last: date, zone: ZoneInfo, columns: Sequence[str]) -> Iterator[DayCalls]:
    """The calls of each day of a period that has any, in order: kept ones with the `columns` asked for, else from the raw rows."""
    found = cover(session, first, last, str(zone), uses_months=False)
    spans: list[tuple[date, date, bool]] = [(*gap, False) for gap in parts_of(found.gaps, RAW_DAYS_AT_ONCE)]
    spans += [(*span, True) for span in parts_of(days_between(found.days), DAYS_AT_ONCE)]
    for begin, end, is_kept in sorted(spans):
        yield from _kept(session, begin, end, columns) if is_kept else read_days(session, begin, end, zone)


def _kept(session: Session, first: date, last: date, columns: Sequence[str]) -> list[DayCalls]:
    names = "".join(f", {name}" for name in columns)
    statement = f"SELECT day, calls, scripts{names} FROM fact_calls WHERE office_id = %s AND day BETWEEN %s AND %s ORDER BY day"
    with driver_of(session).cursor(binary=True, row_factory=tuple_row) as cursor:
        rows = cursor.execute(statement, [office_of(session), first, last]).fetchall()
    return [
        DayCalls(day, calls, {name: column_of(name, blob) for name, blob in zip(columns, blobs, strict=True)}, tuple(scripts))
        for day, calls, scripts, *blobs in rows
    ]


def days_between(days: Sequence[date]) -> list[tuple[date, date]]:
    """Days in order as spans without a gap."""
    spans: list[tuple[date, date]] = []
    for day in days:
        if spans and spans[-1][1] == day - timedelta(days=1):
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans


def parts_of(spans: Iterable[tuple[date, date]], most: int) -> Iterator[tuple[date, date]]:
    """The same spans, none longer than `most` days."""
    for first, last in spans:
        while first <= last:
            end = min(last, first + timedelta(days=most - 1))
            yield first, end
            first = end + timedelta(days=1)
