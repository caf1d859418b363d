"""A cut as numbers: which row each call of a day stands in, told from the columns of `reports.facts.calls`.

The rows' keys are those that the cut's SQL gives (`reports.cut_forms`), so that the calls behind a figure are the calls counted in it.
Where a call may stand in several rows, each different set of rows is a code of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import numpy as np
from psycopg.rows import tuple_row
from sqlalchemy import text
from sqlalchemy.orm import Session

from reports.cut_forms import AGE_BOUNDS, KNOWN_NOW, MOST_TRIES, NO_TEAM, NOTHING
from reports.cuts import Cut
from reports.facts.calls import CHANNELS, DayCalls, Numbers, driver_of, numbers
from reports.facts.models import ANY_CAMPAIGN
from reports.facts.ranges import RangeCalls


class Side(ABC):
    """Rows or columns of a table: `needs` are the columns read, `keys` the text keys of each code found so far."""

    needs: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.keys: list[tuple[str, ...]] = []
        self._known: dict[tuple[str, ...], int] = {}

    @abstractmethod
    def codes(self, calls: DayCalls) -> Numbers:
        """The code of each call; days are asked in their order."""

    def codes_of(self, calls: RangeCalls) -> Numbers:
        """The code of each call of some debtors; all their days are asked for at once."""
        return np.concatenate([self.codes(piece) for piece in calls.pieces()])

    def code(self, *keys: str) -> int:
        """The code of some keys, a new one for new keys."""
        if keys not in self._known:
            self._known[keys] = len(self.keys)
            self.keys.append(keys)
        return self._known[keys]


class Lasting(Side):
    """One that does not ask for the day."""

    @abstractmethod
    def codes(self, calls: DayCalls | RangeCalls) -> Numbers:
        """The code of each call."""

    def codes_of(self, calls: RangeCalls) -> Numbers:
        return self.codes(calls)


class Same(Side):
    """All calls of a day in one row: no cut at all, or one by days."""

    def __init__(self, cut: Cut | None) -> None:
        super().__init__()
        self.cut = cut

    def codes(self, calls: DayCalls) -> Numbers:
        return np.full(calls.count, self.code(_key_of(self.cut, calls.day)), np.int64)


def _key_of(cut: Cut | None, day: date) -> str:
    if cut is Cut.DAY:
        return day.isoformat()
    if cut is Cut.WEEK:
        return date.fromordinal(day.toordinal() - day.weekday()).isoformat()
    if cut is Cut.MONTH:
        return f"{day:%Y-%m}"
    return str(day.isoweekday()) if cut is Cut.WEEKDAY else ""


class Named(Lasting):
    """A column whose numbers each have a key: `names` of those known, `other` for the rest, or None for the number itself."""

    def __init__(self, column: str, names: dict[int, str], other: str | None = "") -> None:
        super().__init__()
        self.needs, self.names, self.other = (column,), names, other

    def codes(self, calls: DayCalls | RangeCalls) -> Numbers:
        present, places = values_in(calls[self.needs[0]])
        words = [self.names.get(value, str(value) if self.other is None else self.other) for value in present.tolist()]
        return np.array([self.code(word) for word in words], np.int64)[places]


def values_in(values: Numbers) -> tuple[Numbers, Numbers]:
    """The different numbers, and the place of each among them; quick where they lie close together."""
    if not len(values) or (spread := int(values.max()) - (low := int(values.min()))) > 1 << 22:
        return np.unique(values, return_inverse=True)
    is_there = np.zeros(spread + 1, bool)
    is_there[values - low] = True
    return np.flatnonzero(is_there) + low, (np.cumsum(is_there) - 1)[values - low]


class Scripts(Side):
    """By the script's name."""

    needs = ("script",)

    def codes(self, calls: DayCalls) -> Numbers:
        return np.array([self.code(name) for name in calls.scripts], np.int64)[calls["script"]]


class Looked(Lasting):
    """By what is known now of the debtor or the number; `column` holds the ids, `found` are (key, ids in bytes)."""

    def __init__(self, column: str, found: Iterable[tuple[str, bytes]], none: str) -> None:
        super().__init__()
        self.needs = (column,)
        none_code = self.code(none)
        parts = [(key, numbers(sent, ">i8")) for key, sent in found]
        self.low, self.table = table_for([ids for _, ids in parts], none_code)
        for key, ids in parts:
            at = ids - self.low
            before, places = values_in(self.table[at])
            together = [self._with(code, key, none_code) for code in before.tolist()]
            self.table[at] = np.array(together, np.int64)[places]

    def _with(self, code: int, key: str, none_code: int) -> int:
        """The code of a set of keys with one more in it."""
        return self.code(key) if code == none_code else self.code(*sorted({*self.keys[code], key}))

    def codes(self, calls: DayCalls | RangeCalls) -> Numbers:
        return look_up(self.table, calls[self.needs[0]] - self.low)


def table_for(ids: Sequence[Numbers], empty: int) -> tuple[int, Numbers]:
    """A table for the span of some ids, and the lowest; its last place is for ids outside."""
    there = [part for part in ids if len(part)]
    low = min((int(part.min()) for part in there), default=0)
    high = max((int(part.max()) for part in there), default=0)
    return low, np.full(high - low + 2, empty, np.int32)


def look_up(table: Numbers, places: Numbers) -> Numbers:
    """The table's values; places outside get that of its last one."""
    outside = len(table) - 1
    return table[np.where((places >= 0) & (places < outside), places, outside)].astype(np.int64)


class Cycles(Side):
    """By the campaign's cycle that the day lies in."""

    needs = ("campaign",)

    def __init__(self, found: Iterable[tuple[int, int, date, date]]) -> None:
        super().__init__()
        self.cycles = list(found)

    def codes(self, calls: DayCalls) -> Numbers:
        at = {campaign: number for campaign, number, starts_on, ends_on in self.cycles if starts_on <= calls.day <= ends_on}
        present, places = values_in(calls["campaign"])
        words = [f"{at[campaign]:03d}" if campaign in at else "" for campaign in present.tolist()]
        return np.array([self.code(word) for word in words], np.int64)[places]


class SinceDue(Side):
    """By the days since the oldest date that is unpaid now; `found` is (debtors, their days as ordinals) in bytes."""

    needs = ("debtor",)

    def __init__(self, debtors: bytes, due: bytes) -> None:
        super().__init__()
        ids = numbers(debtors, ">i8")
        self.low, self.table = table_for([ids], 0)
        self.table[ids - self.low] = numbers(due, ">i8")
        for bucket in (*range(len(AGE_BOUNDS) + 1), NOTHING):
            self.code(str(bucket))

    def codes(self, calls: DayCalls) -> Numbers:
        due = look_up(self.table, calls["debtor"] - self.low)
        buckets: Numbers = np.searchsorted(AGE_BOUNDS, calls.day.toordinal() - due, side="right")
        return np.where(due == 0, len(AGE_BOUNDS) + 1, buckets)


class Tries(Side):
    """By how many attempts at the debtor there were in the period so far, by whatever channel; the last row takes in all further ones."""

    needs = ("debtor",)

    def __init__(self) -> None:
        super().__init__()
        self.low, self.had = 0, np.zeros(0, np.int32)
        for nth in range(1, MOST_TRIES + 1):
            self.code(f"{nth:02d}")

    def codes(self, calls: DayCalls) -> Numbers:
        debtors = calls["debtor"]
        self._make_room(int(debtors[0]), int(debtors[-1]))
        is_first = np.diff(debtors, prepend=-1) != 0
        starts = np.flatnonzero(is_first)
        within = np.arange(calls.count) - starts[np.cumsum(is_first) - 1]
        at = debtors - self.low
        nth = within + self.had[at]
        self.had[at[starts]] += np.diff(starts, append=calls.count)
        found: Numbers = np.minimum(nth, MOST_TRIES - 1)
        return found

    def _make_room(self, low: int, high: int) -> None:
        """Debtors come in any order of days; the table grows to hold all of them."""
        if not len(self.had):
            self.low = low
        before, after = max(0, self.low - low), max(0, high - (self.low + len(self.had)) + 1)
        if before or after:
            self.had, self.low = np.pad(self.had, (before, after)), self.low - before


class Segments(Lasting):
    """By the rule that chose the channel in the call's campaign; outside any campaign by every rule of the debtor."""

    needs = ("debtor", "campaign")

    def __init__(self, found: Iterable[tuple[int, str, bytes]]) -> None:
        super().__init__()
        by_campaign: dict[int, list[tuple[str, bytes]]] = {}
        for campaign, rule, sent in found:
            by_campaign.setdefault(campaign, []).append((rule, sent))
            by_campaign.setdefault(ANY_CAMPAIGN, []).append((rule, sent))
        self.parts = {campaign: Looked("debtor", parts, "") for campaign, parts in by_campaign.items()}
        self.none = self.code("")

    def codes(self, calls: DayCalls | RangeCalls) -> Numbers:
        codes = np.full(calls.count, self.none, np.int64)
        for campaign, part in self.parts.items():
            mine = calls["campaign"] == campaign
            if mine.any():
                places = look_up(part.table, calls["debtor"][mine] - part.low)
                codes[mine] = np.array([self.code(*keys) for keys in part.keys], np.int64)[places]
        return codes


_LOOKED = "SELECT CAST(key AS text), string_agg(int8send(id), '') FROM ({known}) known GROUP BY 1 ORDER BY 1"
_DUE = """
SELECT string_agg(int8send(debtor_id), ''), string_agg(int8send(CAST(due_on - date '0001-01-01' + 1 AS bigint)), '')
FROM (SELECT debtor_id, min(due_on) AS due_on FROM debt WHERE office_id = :office AND status = 'open' GROUP BY 1) oldest"""
_RULES = """
SELECT campaign_id, rule_code, string_agg(int8send(debtor_id), '') FROM channel_assignment
WHERE office_id = :office AND (CAST(:campaign AS bigint) IS NULL OR campaign_id = :campaign) GROUP BY 1, 2 ORDER BY 1, 2"""
_CYCLES = "SELECT campaign_id, number, starts_on, ends_on FROM campaign_cycle WHERE office_id = :office ORDER BY campaign_id, number"
_OPERATORS = "SELECT id, sign_in_name FROM app_user WHERE office_id = :office"
_TEAMS = "SELECT id, team FROM app_user WHERE office_id = :office"


def side_of(session: Session, cut: Cut | None, values: dict[str, Any]) -> Side:
    """The rows or columns of one cut; `values` are those of the report's statements."""

    def asked(statement: str) -> list[Any]:
        return in_bytes(session, statement, values)

    if cut in (None, Cut.DAY, Cut.WEEKDAY, Cut.WEEK, Cut.MONTH):
        return Same(cut)
    if cut is Cut.HOUR:
        return Named("hour", {hour: f"{hour:02d}" for hour in range(24)})
    if cut is Cut.CHANNEL:
        return Named("channel", dict(enumerate(CHANNELS)))
    if cut is Cut.OPERATOR:
        return Named("operator", {row[0]: row[1] for row in asked(_OPERATORS)})
    if cut is Cut.TEAM:
        return Named("operator", {row[0]: row[1] or NO_TEAM for row in asked(_TEAMS)})
    if cut is Cut.CAMPAIGN:
        return Named("campaign", {ANY_CAMPAIGN: ""}, None)
    if cut is Cut.SCRIPT:
        return Scripts()
    if cut is Cut.CYCLE:
        return Cycles(asked(_CYCLES))
    if cut is Cut.SINCE_DUE:
        return SinceDue(*(found or b"" for found in asked(_DUE)[0]))
    if cut is Cut.TRY:
        return Tries()
    if cut is Cut.SEGMENT:
        return Segments(asked(_RULES))
    found = asked(_LOOKED.format(known=KNOWN_NOW[cut]))
    return Looked("phone" if cut is Cut.LINE_TYPE else "debtor", found, str(NOTHING) if cut is Cut.AMOUNT else "")


def in_bytes(session: Session, statement: str, values: dict[str, Any]) -> list[Any]:
    """The rows of a statement with named values, fetched in binary: numbers of a whole list would take long as text."""
    compiled = text(statement).compile(dialect=session.get_bind().dialect)
    with driver_of(session).cursor(binary=True, row_factory=tuple_row) as cursor:
        return cursor.execute(str(compiled), values).fetchall()
