"""The calls behind a figure: those of one cell, newest first, a page at a time.

They are found where the figure was counted, in the columns of the days' calls, so that a rare cell of ten million calls is found in the
time that counting takes; only those shown are read as rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain, repeat

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.attempts.codes import LineResult
from reports.cuts import Cut
from reports.facts.calls import EPOCH, FLAGS, DayCalls, Numbers, calls_of, day_of, moment_of
from reports.metrics import Metric
from reports.queries.columns import filtered_by, wanted_of
from reports.queries.raw import HANDED_OVER, HeadlineQuery, parameters
from reports.queries.sides import Side, Tries, side_of

PAGE = 100

# What is counted as persons or seconds is made up of these attempts.
MADE_OF = {"persons_contacted": "contacts", "talk_seconds": "answered"}


@dataclass(frozen=True, slots=True)
class CallLine:
    """One attempt; codes as in `campaigns.attempts.codes`, `operator` a name for people or ""."""

    id: int
    began_at: datetime
    debtor_id: int
    debtor_no: str
    channel: str
    operator: str
    line_result: str
    party: str
    outcome: str
    talk_seconds: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: the columns' cut and the keys; None leaves a side open. `only_hits`: the numerator instead of the denominator."""

    columns: Cut | None = None
    row: str | None = None
    column: str | None = None
    only_hits: bool = False


_BEHIND = f"""
SELECT a.id, a.began_at, a.debtor_id, d.debtor_no, a.channel, coalesce(u.display_name, '') AS operator,
  coalesce(a.line_result, '') AS line_result,
  coalesce(a.party, '') AS party, coalesce(a.outcome, '') AS outcome, a.talk_seconds
FROM (SELECT DISTINCT * FROM unnest(CAST(:debtors AS bigint[]), CAST(:moments AS timestamptz[])) w (debtor_id, began_at)) wanted
JOIN attempt a ON a.office_id = :office AND a.debtor_id = wanted.debtor_id AND a.began_at = wanted.began_at AND {HANDED_OVER}
JOIN debtor d ON d.office_id = a.office_id AND d.id = a.debtor_id
LEFT JOIN app_user u ON u.office_id = a.office_id AND u.id = a.operator_id
ORDER BY a.debtor_id, a.began_at, a.id"""
_FLAGS = FLAGS | {"live_answers": FLAGS["answered"] | FLAGS["abandoned"]}
_SPANS = (1, 2, 4, 10, 31)
"""So many days are looked through at first, then more and more, from the last one back."""

Found = tuple[int, int, int]
"""A call: its moment as in `DayCalls`, its debtor, and its place among the calls of both."""


def calls_behind(
    session: Session, query: HeadlineQuery, metric: Metric, cell: Cell, now: datetime, before: tuple[datetime, int] | None = None
) -> tuple[list[CallLine], bool]:
    """At most PAGE attempts of the cell that began before `before` (moment and id of the last one shown), and whether there are more."""
    values = parameters(query, office_of(session), now)
    asked = _Asked(query, _FLAGS.get(_counted(metric, cell), 0), before)
    if cell.row is not None and query.cut is not None:
        asked.sides.append((side_of(session, query.cut, values), cell.row))
    if cell.column is not None and cell.columns is not None:
        asked.sides.append((side_of(session, cell.columns, values), cell.column))
    found: list[Found] = []
    for first, last in asked.spans():
        for calls in calls_of(session, first, last, query.period.zone, asked.columns()):
            found += asked.among(calls)
        if asked.is_enough(found):
            break
    lines = [line for line in _lines(session, asked.newest(found)) if before is None or (line.began_at, line.id) < before]
    return lines[:PAGE], len(lines) > PAGE


def _counted(metric: Metric, cell: Cell) -> str:
    counted = (metric.over if cell.only_hits else metric.under) or metric.code
    return MADE_OF.get(counted, counted)


class _Asked:
    """Which calls are wanted: of a channel and campaign, with one of `flags` (0: any), in a row of each side, up to a moment."""

    def __init__(self, query: HeadlineQuery, flags: int, before: tuple[datetime, int] | None) -> None:
        self.query, self.flags = query, flags
        self.latest = None if before is None else moment_of(before[0])
        self.sides: list[tuple[Side, str]] = []

    def columns(self) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(("debtor", "began", *filtered_by(self.query), "flags", *(name for side, _ in self.sides for name in side.needs)))
        )

    def spans(self) -> Iterator[tuple[date, date]]:
        """The period from its end back; at once where a side counts from its beginning."""
        first, last = self.query.period.first, self.query.period.last
        if any(isinstance(side, Tries) for side, _ in self.sides):
            yield first, last
            return
        if self.latest is not None:
            last = min(last, day_of(self.latest, self.query.period.zone))
        for days in chain(_SPANS, repeat(_SPANS[-1])):
            if last < first:
                return
            begin = max(first, last - timedelta(days=days - 1))
            yield begin, last
            last = begin - timedelta(days=1)

    def among(self, calls: DayCalls) -> list[Found]:
        """Those of one day."""
        wanted = wanted_of(calls, self.query)
        mask = np.ones(calls.count, bool) if wanted is None else wanted.copy()
        for side, key in self.sides:
            codes = side.codes(calls)
            mask &= np.array([key in keys for keys in side.keys], bool)[codes]
        if self.flags:
            mask &= calls["flags"] & self.flags > 0
        if self.latest is not None:
            mask &= calls["began"] <= self.latest
        places = np.flatnonzero(mask)
        if len(places) > PAGE:
            ends = np.sort(calls["began"][places])
            places = places[calls["began"][places] >= ends[-self._most(ends)]]
        return [(int(calls["began"][place]), int(calls["debtor"][place]), _rank(calls, int(place))) for place in places]

    def _most(self, began: Numbers) -> int:
        """How many are needed, so that a page is full without those at the moment of the last one shown."""
        return min(len(began), PAGE + 1 + int(np.count_nonzero(began == self.latest)) if self.latest is not None else PAGE + 1)

    def is_enough(self, found: list[Found]) -> bool:
        return sum(began != self.latest for began, _, _ in found) > PAGE

    def newest(self, found: list[Found]) -> list[Found]:
        """The last ones, with all that began at the moment of the earliest of them."""
        began = np.sort(np.array([one[0] for one in found], np.int64))
        return [one for one in found if one[0] >= began[-self._most(began)]] if found else []


def _rank(calls: DayCalls, place: int) -> int:
    """A call's place among those of its debtor that began at the same moment."""
    rank = 0
    while place > rank and all(calls[name][place - rank - 1] == calls[name][place] for name in ("debtor", "began")):
        rank += 1
    return rank


def _lines(session: Session, found: list[Found]) -> list[CallLine]:
    """The calls as they are shown, newest first."""
    values = {
        "office": office_of(session),
        "failed": str(LineResult.FAILED),
        "debtors": [debtor for _, debtor, _ in found],
        "moments": [EPOCH + timedelta(microseconds=began) for began, _, _ in found],
    }
    there: dict[tuple[int, int], list[CallLine]] = {}
    for row in session.execute(text(_BEHIND), values).mappings():
        there.setdefault((moment_of(row["began_at"]), row["debtor_id"]), []).append(CallLine(**row))
    lines = [there[began, debtor][rank] for began, debtor, rank in found]
    return sorted(lines, key=lambda line: (line.began_at, line.id), reverse=True)
