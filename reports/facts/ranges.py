"""The calls of a period by ranges of debtors, for whoever tells persons apart: of however many persons, one range's calls are held.

Kept columns are of fixed width and their debtors ascend, so that a range of a day is a slice of each: the first look through the debtors
says where the slices lie, and each range then takes its own from the database. Days without facts are read once and held packed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
from psycopg.rows import tuple_row
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from reports.facts.calls import (
    DAYS_AT_ONCE,
    HEAD,
    RAW_DAYS_AT_ONCE,
    DayCalls,
    Numbers,
    column_of,
    days_between,
    driver_of,
    pack,
    parts_of,
    read_days,
)
from reports.facts.models import FactCalls
from reports.facts.read import cover

CALLS_AT_ONCE = 500_000
_BLOCK = 12
"""Ranges begin at multiples of 2^12 ids."""
_FIRST_ID = 8
"""Bytes before the packed steps of debtors: the first one's id."""


@dataclass(frozen=True, slots=True)
class RangeCalls:
    """All days' calls of some debtors, column by column, day after day; `days` are (day, its calls, names of scripts)."""

    count: int
    columns: dict[str, Numbers]
    days: tuple[tuple[date, int, tuple[str, ...]], ...]

    def __getitem__(self, name: str) -> Numbers:
        return self.columns[name]

    def pieces(self) -> Iterator[DayCalls]:
        """The same day by day."""
        at = 0
        for day, count, scripts in self.days:
            yield DayCalls(day, count, {name: values[at : at + count] for name, values in self.columns.items()}, scripts)
            at += count


@dataclass(slots=True)
class _Day:
    """Where a day's calls of each block of debtors begin (`starts` of calls, `ids` of their first debtors), and how its columns are packed.

    `held` are the columns themselves of a day that has no facts.
    """

    day: date
    calls: int
    scripts: tuple[str, ...]
    heads: dict[str, tuple[int, int]]
    blocks: Numbers
    starts: Numbers
    ids: Numbers
    held: dict[str, bytes] | None = None

    def slice(self, low: int, high: int) -> tuple[int, int, int]:
        """Of the blocks from `low` to before `high`: the first call, how many there are, and the first one's debtor."""
        first, last = np.searchsorted(self.blocks, (low, high)).tolist()
        if first == last:
            return 0, 0, 0
        begin = int(self.starts[first])
        end = int(self.starts[last]) if last < len(self.starts) else self.calls
        return begin, end - begin, int(self.ids[first])


def ranges_of(session: Session, first: date, last: date, zone: ZoneInfo, columns: Sequence[str]) -> Iterator[RangeCalls]:
    """The calls of a period by ranges of debtors, some hundred thousand calls each; `columns` have the debtors among them."""
    days = sorted(_days(session, first, last, zone, columns), key=lambda each: each.day)
    for low, high in _ranges(days):
        slices = [(day, *day.slice(low, high)) for day in days]
        yield _read(session, [each for each in slices if each[2]], columns)


def _days(session: Session, first: date, last: date, zone: ZoneInfo, columns: Sequence[str]) -> Iterator[_Day]:
    found = cover(session, first, last, str(zone), uses_months=False)
    busy: list[date] = []
    for begin, end in parts_of(days_between(found.days), DAYS_AT_ONCE):
        kept = _kept(session, begin, end, columns)
        yield from kept
        there = session.scalars(select(FactCalls.day).where(FactCalls.day.between(begin, end))).all()
        busy += sorted(set(there) - {each.day for each in kept})
    for begin, end in parts_of((*found.gaps, *days_between(busy)), RAW_DAYS_AT_ONCE):
        for calls in read_days(session, begin, end, zone):
            held = {name: pack(calls[name]) for name in columns}
            yield _day(calls.day, calls["debtor"], calls.scripts, {name: _head(data) for name, data in held.items()}, held)


def _kept(session: Session, first: date, last: date, columns: Sequence[str]) -> list[_Day]:
    """The kept days of a span; until the transaction ends none of them is made anew, since its slices would lie elsewhere then.

    A day that is just being made anew is not among them.
    """
    heads = "".join(f", substring({name} FROM {1 + _skipped(name)} FOR {HEAD.size})" for name in columns)
    statement = f"""
        SELECT day, scripts, debtor{heads} FROM fact_calls WHERE office_id = %s AND day BETWEEN %s AND %s
        ORDER BY day FOR KEY SHARE SKIP LOCKED"""
    with driver_of(session).cursor(binary=True, row_factory=tuple_row) as cursor:
        rows = cursor.execute(statement, [office_of(session), first, last]).fetchall()
    return [
        _day(day, column_of("debtor", debtors), tuple(scripts), dict(zip(columns, map(_head, sent), strict=True)), None)
        for day, scripts, debtors, *sent in rows
    ]


def _skipped(name: str) -> int:
    return _FIRST_ID if name == "debtor" else 0


def _head(data: bytes) -> tuple[int, int]:
    """The lowest number and the width of packed ones."""
    low, _, width = HEAD.unpack_from(data)
    return low, width


def _day(day: date, debtors: Numbers, scripts: tuple[str, ...], heads: dict[str, tuple[int, int]], held: dict[str, bytes] | None) -> _Day:
    blocks = debtors >> _BLOCK
    starts = np.flatnonzero(np.diff(blocks, prepend=-1))
    return _Day(day, len(debtors), scripts, heads, blocks[starts], starts, debtors[starts], held)


def _ranges(days: Sequence[_Day]) -> Iterator[tuple[int, int]]:
    """Neighbouring blocks together, until they have as many calls as are held at once."""
    if not days:
        return
    blocks = np.concatenate([day.blocks for day in days])
    counts = np.concatenate([np.diff(day.starts, append=day.calls) for day in days])
    present, places = np.unique(blocks, return_inverse=True)
    begun = np.cumsum(np.bincount(places, counts).astype(np.int64))
    low, had = int(present[0]), 0
    for block, so_far in zip(present.tolist(), begun.tolist(), strict=True):
        if so_far - had >= CALLS_AT_ONCE:
            yield low, block + 1
            low, had = block + 1, so_far
    if had < int(begun[-1]):
        yield low, int(present[-1]) + 1


def _read(session: Session, slices: Sequence[tuple[_Day, int, int, int]], columns: Sequence[str]) -> RangeCalls:
    """The slices (day, first call, calls, first debtor) one after another."""
    total = sum(count for _, _, count, _ in slices)
    found = {name: np.empty(total, np.int64) for name in columns}
    sent = _sent(session, [each for each in slices if each[0].held is None], columns)
    at = 0
    for day, begin, count, debtor in slices:
        for name in columns:
            low, width = day.heads[name]
            out = found[name][at : at + count]
            if width:
                data, ahead = (sent[day.day][name], 0) if day.held is None else (day.held[name], HEAD.size + begin * width)
                out[:] = np.frombuffer(data, f"<u{width}", count, ahead)
                out += low
            else:
                out[:] = low
            if name == "debtor" and day.held is None:
                out[0] = debtor
                np.cumsum(out, out=out)
        at += count
    return RangeCalls(total, found, tuple((day.day, count, day.scripts) for day, _, count, _ in slices))


def _sent(session: Session, slices: Sequence[tuple[_Day, int, int, int]], columns: Sequence[str]) -> dict[date, dict[str, bytes]]:
    """The packed numbers of kept days' slices."""
    if not slices:
        return {}
    asked, arrays, values = [], [], list[object]()
    for name in columns:
        widths = [day.heads[name][1] for day, *_ in slices]
        asked.append(f"substring({name} FROM {name}_from FOR {name}_for)")
        arrays.append(f"{name}_from, {name}_for")
        ahead = 1 + _skipped(name) + HEAD.size
        values.append([ahead + begin * width for (_, begin, _, _), width in zip(slices, widths, strict=True)])
        values.append([count * width for (_, _, count, _), width in zip(slices, widths, strict=True)])
    statement = f"""
        SELECT day, {", ".join(asked)} FROM unnest(%b::date[]{", %b::int4[]" * len(values)}) AS part (day, {", ".join(arrays)})
        JOIN fact_calls USING (day) WHERE office_id = %s"""
    with driver_of(session).cursor(binary=True, row_factory=tuple_row) as cursor:
        rows = cursor.execute(statement, [[day.day for day, *_ in slices], *values, office_of(session)]).fetchall()
    return {day: dict(zip(columns, parts, strict=True)) for day, *parts in rows}
