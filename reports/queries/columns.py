"""Counting calls by two cuts from the columns of their days: what adds up is added up day by day.

Where persons are asked for, calls are taken by ranges of debtors and told apart range by range. So a period of any length with however
many persons takes the memory of some hundred thousand calls; big questions are counted one after the other in each process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import numpy as np
from sqlalchemy.orm import Session

from callcenter.core.memory import give_back
from reports.facts.calls import CHANNELS, FLAGS, KINDS, Numbers, calls_of
from reports.facts.ranges import ranges_of
from reports.queries.raw import ALL_CHANNELS, HeadlineQuery
from reports.queries.sides import Side, values_in

ADDED = ("attempts", *FLAGS, "talk_seconds")
PERSONS = ("persons_attempted", "persons_contacted", "persons_right_party")
_BITS = np.array([[1, *(kind & bit > 0 for bit in FLAGS.values())] for kind in range(KINDS)], np.int64)
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


class Calls(Protocol):
    """Calls as columns of numbers, of a day or of more."""

    def __getitem__(self, name: str, /) -> Numbers: ...


_ONE_AT_A_TIME = Lock()
"""Two big questions at once would take twice the memory, and each as long as both."""


def count(session: Session, query: HeadlineQuery, sides: tuple[Side, Side], *, has_persons: bool) -> Table:
    """The calls of the query's period, channel and campaign by the two sides."""
    adding = _Adding()
    needs = tuple(dict.fromkeys((*filtered_by(query), "flags", "talk", *sides[0].needs, *sides[1].needs)))
    if has_persons:
        telling = _Telling(sides)
        with _ONE_AT_A_TIME:
            _tell(session, query, sides, needs, adding, telling)
            give_back()
        return telling.told(_table(adding, sides))
    period = query.period
    for calls in calls_of(session, period.first, period.last, period.zone, needs):
        wanted = wanted_of(calls, query)
        rows, columns = (_of(side.codes(calls), wanted) for side in sides)
        adding.add(rows, columns, _of(calls["flags"], wanted), _of(calls["talk"], wanted))
    return _table(adding, sides)


def _tell(
    session: Session, query: HeadlineQuery, sides: tuple[Side, Side], needs: Sequence[str], adding: _Adding, telling: _Telling
) -> None:
    """Adds up the calls, and tells their persons apart."""
    period = query.period
    for calls in ranges_of(session, period.first, period.last, period.zone, tuple(dict.fromkeys(("debtor", *needs)))):
        wanted = wanted_of(calls, query)
        rows, columns = (_of(side.codes_of(calls), wanted) for side in sides)
        flags = _of(calls["flags"], wanted)
        adding.add(rows, columns, flags, _of(calls["talk"], wanted))
        telling.add(rows, columns, _of(calls["debtor"], wanted), flags)


def _table(adding: _Adding, sides: tuple[Side, Side]) -> Table:
    keys = _Keys(sides[0].keys), _Keys(sides[1].keys)
    tables = [dict[Place, dict[str, int]]() for _ in range(4)]
    for grouping, table in zip(((keys[0], keys[1]), (keys[0], _ALL), (_ALL, keys[1]), (_ALL, _ALL)), tables, strict=True):
        adding.give(table, *grouping)
    cells, by_row, by_column, whole = tables
    return Table(cells, by_row, by_column, whole.get(("", ""), {}))


def _of(values: Numbers, wanted: Any) -> Numbers:
    return values if wanted is None else values[wanted]


def filtered_by(query: HeadlineQuery) -> tuple[str, ...]:
    """The columns that `wanted_of` looks at."""
    return ("channel", "campaign", *(("operator",) if query.staff else ()))


def wanted_of(calls: Calls, query: HeadlineQuery) -> Any:
    """Which of the calls are asked for; None for all."""
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
    """How many persons were called by the two codes, and how far they were reached: 0 called, 1 contacted, 2 in person."""

    def __init__(self, sides: tuple[Side, Side]) -> None:
        self.sides = sides
        self.totals: list[Counted] = [{}, {}, {}, {}]

    def add(self, rows: Numbers, columns: Numbers, debtors: Numbers, flags: Numbers) -> None:
        """All calls of some debtors: nobody among them is in another range."""
        if not len(debtors):
            return
        reached = np.where(flags & FLAGS["right_party_contacts"], 2, flags & FLAGS["contacts"])
        keys = _Keys(self.sides[0].keys), _Keys(self.sides[1].keys)
        low = int(debtors.min())
        persons, width = debtors - low, int(debtors.max()) - low + 1
        for totals, grouping in zip(self.totals, (keys, (keys[0], _ALL), (_ALL, keys[1]), (_ALL, _ALL)), strict=True):
            which, cells = _spread(rows, columns, *grouping)
            _count_persons(totals, grouping, cells * width + _of(persons, which), width, _of(reached, which))

    def told(self, table: Table) -> Table:
        """The table with the numbers of persons in it."""
        for part, totals in zip((table.cells, table.rows, table.columns, {("", ""): table.whole}), self.totals, strict=True):
            for place, counts in totals.items():
                part[place].update(counts)
        return table


def _count_persons(totals: Counted, grouping: tuple[_Keys, _Keys], persons: Numbers, width: int, reached: Numbers) -> None:
    """Adds to each cell how many different numbers it has, by the furthest of each; `width` numbers belong to one cell."""
    keys = np.sort(persons * 4 + reached)
    last = keys[np.append(np.diff(keys >> 2) != 0, True)]
    cells = (last >> 2) // width
    number = len(grouping[0].names) * len(grouping[1].names)
    found = np.column_stack([np.bincount(cells[(last & 3) >= level], minlength=number) for level in range(len(PERSONS))])
    for cell in np.flatnonzero(found[:, 0]).tolist():
        counts = totals.setdefault(_place(cell, *grouping), dict.fromkeys(PERSONS, 0))
        for name, more in zip(PERSONS, found[cell].tolist(), strict=True):
            counts[name] += more
