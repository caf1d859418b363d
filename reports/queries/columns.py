"""Counting calls by two cuts from the columns of their days: what adds up is added up day by day, persons are told apart at the end.

So a period of any length takes the memory of some days; where persons are asked for, that of a few numbers for each call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from reports.facts.calls import CHANNELS, FLAGS, KINDS, DayCalls, Numbers, calls_of
from reports.queries.raw import ALL_CHANNELS, HeadlineQuery
from reports.queries.sides import Side, values_in

ADDED = ("attempts", *FLAGS, "talk_seconds")
PERSONS = ("persons_attempted", "persons_contacted", "persons_right_party")
_BITS = np.array([[1, *(kind & bit > 0 for bit in FLAGS.values())] for kind in range(KINDS)], np.int64)
_RANGE = 1 << 16
"""Persons are told apart so many ids at a time, so that sorting stays within the processor's own memory."""
_DENSE = 1 << 21

Place = tuple[str, str]
Counted = dict[Place, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Table:
    """Counts by (row key, column key): of each cell, each row ("" as column), each column ("" as row), and the whole ("", "")."""

    cells: Counted
    rows: Counted
    columns: Counted
    whole: dict[str, int]


def count(session: Session, query: HeadlineQuery, sides: tuple[Side, Side], *, has_persons: bool) -> Table:
    """The calls of the query's period, channel and campaign by the two sides."""
    adding, telling = _Adding(), _Telling()
    needs = (*filtered_by(query), "flags", "talk", *(("debtor",) if has_persons else ()), *sides[0].needs, *sides[1].needs)
    period = query.period
    for calls in calls_of(session, period.first, period.last, period.zone, tuple(dict.fromkeys(needs))):
        rows, columns = (side.codes(calls) for side in sides)
        wanted = wanted_of(calls, query)
        if wanted is not None:
            rows, columns = rows[wanted], columns[wanted]
        flags, talk = (calls[name] if wanted is None else calls[name][wanted] for name in ("flags", "talk"))
        adding.add(rows, columns, flags, talk)
        if has_persons:
            telling.add(rows, columns, calls["debtor"] if wanted is None else calls["debtor"][wanted], flags)
    keys = _Keys(sides[0].keys), _Keys(sides[1].keys)
    tables = [dict[Place, dict[str, int]]() for _ in range(4)]
    groupings = (keys, (keys[0], _ALL), (_ALL, keys[1]), (_ALL, _ALL))
    for grouping, table in zip(groupings, tables, strict=True):
        adding.give(table, *grouping)
        if has_persons:
            telling.give(table, *grouping)
    cells, by_row, by_column, whole = tables
    return Table(cells, by_row, by_column, whole.get(("", ""), {}))


def filtered_by(query: HeadlineQuery) -> tuple[str, ...]:
    """The columns that `wanted_of` looks at."""
    return ("channel", "campaign", *(("operator",) if query.staff else ()))


def wanted_of(calls: DayCalls, query: HeadlineQuery) -> Any:
    """Which calls of the day are asked for; None for all."""
    wanted = None
    if query.channel != ALL_CHANNELS:
        wanted = calls["channel"] == CHANNELS.index(str(query.channel))
    if query.campaign_id is not None:
        mine = calls["campaign"] == query.campaign_id
        wanted = mine if wanted is None else wanted & mine
    if query.staff is not None:
        mine = np.isin(calls["operator"], query.staff.ids)
        wanted = mine if wanted is None else wanted & mine
    return None if wanted is None or wanted.all() else wanted


class _Keys:
    """Codes as places in a list of plain keys: each code stands in one place or in several."""

    def __init__(self, keys: Sequence[tuple[str, ...]] | None) -> None:
        self.is_one = keys is None
        self.names = [""] if keys is None else sorted({name for each in keys for name in each})
        at = {name: place for place, name in enumerate(self.names)}
        self.lengths = np.array([len(each) for each in keys or ()], np.int64)
        self.flat = np.array([at[name] for each in keys or () for name in each], np.int64)
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.is_single = bool((self.lengths <= 1).all())

    def spread(self, codes: Numbers) -> tuple[Any, Numbers]:
        """(which of the given stand there: None where each stands once, their places)."""
        if self.is_one:
            return None, np.zeros(len(codes), np.int64)
        if self.is_single:
            return None, self.flat[codes]
        lengths = self.lengths[codes]
        which = np.repeat(np.arange(len(codes)), lengths)
        within = np.arange(len(which)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return which, self.flat[self.starts[codes][which] + within]


_ALL = _Keys(None)


def _spread(rows: Numbers, columns: Numbers, row_keys: _Keys, column_keys: _Keys) -> tuple[Any, Numbers]:
    """(which of the given, None for all; their cell as one number)."""
    which, row_places = row_keys.spread(rows)
    if which is not None:
        columns = columns[which]
    further, column_places = column_keys.spread(columns)
    if further is not None:
        row_places = row_places[further]
        which = further if which is None else which[further]
    return which, row_places * len(column_keys.names) + column_places


class _Adding:
    """Counts that add up, by the two codes."""

    def __init__(self) -> None:
        self.rows, self.columns = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.sums = np.zeros((0, len(ADDED)), np.int64)

    def add(self, rows: Numbers, columns: Numbers, flags: Numbers, talk: Numbers) -> None:
        """One day's calls."""
        if not len(rows):
            return
        present, row_places = values_in(rows)
        heads, column_places = values_in(columns)
        cells, places = row_places * len(heads) + column_places, None
        if len(present) * len(heads) * KINDS > _DENSE:
            cells, places = np.unique(cells, return_inverse=True)
            number = len(cells)
        else:
            places, number = cells, len(present) * len(heads)
            cells = np.arange(number)
        kinds = np.bincount(places * KINDS + (flags & (KINDS - 1)), minlength=number * KINDS).reshape(number, KINDS)
        sums = np.column_stack([kinds @ _BITS, np.bincount(places, talk, number).astype(np.int64)])
        there = sums[:, 0] > 0
        self._merge(present[cells // len(heads)][there], heads[cells % len(heads)][there], sums[there])

    def _merge(self, rows: Numbers, columns: Numbers, sums: Numbers) -> None:
        rows, columns = np.concatenate([self.rows, rows]), np.concatenate([self.columns, columns])
        cells, places = np.unique(rows << 32 | columns, return_inverse=True)
        self.sums = _added(places, len(cells), np.concatenate([self.sums, sums]))
        self.rows, self.columns = cells >> 32, cells & 0xFFFFFFFF

    def give(self, table: Counted, row_keys: _Keys, column_keys: _Keys) -> None:
        """The sums by plain keys."""
        which, cells = _spread(self.rows, self.columns, row_keys, column_keys)
        present, places = np.unique(cells, return_inverse=True)
        sums = _added(places, len(present), self.sums if which is None else self.sums[which])
        for cell, row in zip(present.tolist(), sums.tolist(), strict=True):
            table[_place(cell, row_keys, column_keys)] = dict(zip(ADDED, row, strict=True))


def _added(places: Numbers, count: int, sums: Numbers) -> Numbers:
    """Rows of the same place added up."""
    added = np.zeros((count, sums.shape[1]), np.int64)
    for column in range(sums.shape[1]):
        added[:, column] = np.bincount(places, sums[:, column], count)
    return added


def _place(cell: int, row_keys: _Keys, column_keys: _Keys) -> Place:
    row, column = divmod(cell, len(column_keys.names))
    return row_keys.names[row], column_keys.names[column]


class _Telling:
    """Which persons were called by the two codes, and how far they were reached: 0 called, 1 contacted, 2 in person."""

    def __init__(self) -> None:
        self.days: list[tuple[Any, ...]] = []

    def add(self, rows: Numbers, columns: Numbers, debtors: Numbers, flags: Numbers) -> None:
        """One day's calls, in the order of their debtors."""
        reached = np.where(flags & FLAGS["right_party_contacts"], 2, flags & FLAGS["contacts"])
        self.days.append((rows.astype(np.int32), columns.astype(np.int32), debtors, reached.astype(np.int8)))

    def give(self, table: Counted, row_keys: _Keys, column_keys: _Keys) -> None:
        """The numbers of persons by plain keys, into the rows of `table`."""
        number = len(row_keys.names) * len(column_keys.names)
        totals = np.zeros((number, len(PERSONS)), np.int64)
        for rows, columns, debtors, reached in self._ranges():
            which, cells = _spread(rows, columns, row_keys, column_keys)
            if which is not None:
                debtors, reached = debtors[which], reached[which]
            keys = np.sort((cells * _RANGE + debtors) * 4 + reached)
            last = keys[np.append(np.diff(keys >> 2) != 0, True)] if len(keys) else keys
            for level in range(len(PERSONS)):
                totals[:, level] += np.bincount((last >> 2) // _RANGE, (last & 3) >= level, number).astype(np.int64)
        for cell in np.flatnonzero(totals[:, 0]).tolist():
            table[_place(cell, row_keys, column_keys)].update(zip(PERSONS, totals[cell].tolist(), strict=True))

    def _ranges(self) -> Iterable[tuple[Numbers, Numbers, Numbers, Numbers]]:
        """All days' calls by ranges of debtors; the debtors count from each range's beginning."""
        days = [day for day in self.days if len(day[2])]
        if not days:
            return
        low, high = min(int(day[2][0]) for day in days), max(int(day[2][-1]) for day in days)
        for begin in range(low, high + 1, _RANGE):
            bounds = [np.searchsorted(day[2], (begin, begin + _RANGE)) for day in days]
            parts = [[column[first:last] for column in day] for day, (first, last) in zip(days, bounds, strict=True) if last > first]
            if parts:
                rows, columns, debtors, reached = (np.concatenate(column) for column in zip(*parts, strict=True))
                yield rows.astype(np.int64), columns.astype(np.int64), debtors - begin, reached
