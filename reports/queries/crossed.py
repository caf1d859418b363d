"""Any two cuts crossed: the counts of every cell, row and column from the raw rows, and the calls behind a cell.

What adds up is counted once per cell, from the facts where these can tell; persons are counted anew for rows, columns and the whole,
because one person may stand in several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.promises.settle import PAID_IN_TIME
from reports.cut_forms import FORMS, UNCUT, label
from reports.cuts import Cut, CutForm
from reports.figures import ratio
from reports.metrics import Metric
from reports.queries.crossed_facts import from_facts
from reports.queries.raw import HANDED_OVER, HITS, HeadlineQuery, filters_of, parameters
from reports.words import Words

MOST_KEYS = 400
"""More rows or columns than this are no table that anybody reads."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted of the attempts of one cell; names are those metrics divide by."""

    attempts: int = 0
    answered: int = 0
    abandoned: int = 0
    live_answers: int = 0
    contacts: int = 0
    right_party_contacts: int = 0
    promises: int = 0
    talk_seconds: int = 0
    persons_attempted: int = 0
    persons_contacted: int = 0
    promises_due: int = 0
    promises_kept: int = 0

    def value(self, metric: Metric) -> float | int | None:
        """The metric's figure; None where there is nothing to divide by."""
        if not metric.under:
            return int(getattr(self, metric.code))
        return ratio(getattr(self, metric.over), getattr(self, metric.under))

    def base(self, metric: Metric) -> int:
        """How many things the figure speaks of: the denominator of a rate, else the count itself."""
        return int(getattr(self, metric.under or metric.code))

    def hits(self, metric: Metric) -> int:
        """The numerator."""
        return int(getattr(self, metric.over or metric.code))


SUMMED = tuple(name for name in (each.name for each in fields(Counts)) if not name.startswith("persons_"))
_ATTEMPTS = """
SELECT {key} AS r, {other} AS c, count(*) AS attempts,
  {hits}, coalesce(sum(a.talk_seconds), 0) AS talk_seconds{persons}
FROM attempt a {join} {other_join}
WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND {handed_over} {filters}
GROUP BY 1, 2"""
_HITS = ", ".join(f"count(*) FILTER (WHERE {condition}) AS {name}" for name, condition in HITS.items())
_PERSONS = f""",
  count(DISTINCT a.debtor_id) AS persons_attempted,
  count(DISTINCT a.debtor_id) FILTER (WHERE {HITS["contacts"]}) AS persons_contacted"""
_DUE = """
SELECT r, c, count(*) AS promises_due, count(*) FILTER (WHERE is_kept) AS promises_kept FROM (
  SELECT {key} AS r, {other} AS c, coalesce(paid.yen, 0) * 100 >= p.amount * p.threshold_percent AS is_kept
  FROM promise p LEFT JOIN attempt a ON a.office_id = p.office_id AND a.id = p.attempt_id {join} {other_join}
  LEFT JOIN LATERAL ({paid_in_time}) paid ON true
  WHERE p.office_id = :office AND p.state <> 'cancelled' AND p.due_on <= :last
    AND p.due_on + p.grace_days::integer BETWEEN :first AND :last {filters}) judged
GROUP BY 1, 2"""


@dataclass(frozen=True, slots=True)
class Line:
    """A row or a column: its key as in the address, and its words."""

    key: str
    words: Words


@dataclass(frozen=True, slots=True)
class Crossed:
    """The table: `cells` by (row key, column key), totals by key, and the whole. `is_cut_off` when there were too many rows or columns."""

    rows: tuple[Line, ...]
    columns: tuple[Line, ...]
    cells: dict[tuple[str, str], Counts]
    row_totals: dict[str, Counts]
    column_totals: dict[str, Counts]
    whole: Counts
    is_cut_off: bool = False
    notes: tuple[Words, ...] = field(default=())


def needs(metric: Metric) -> tuple[bool, bool]:
    """Whether the metric counts persons, and whether it counts promises that fell due."""
    names = {metric.code, metric.over, metric.under}
    return any(name.startswith("persons_") for name in names), any(name in ("promises_due", "promises_kept") for name in names)


def crossed(session: Session, query: HeadlineQuery, columns: Cut | None, metric: Metric, now: datetime) -> Crossed:
    """The query's cut as rows against `columns`, with what `metric` needs counted."""
    form, other = query.form, UNCUT if columns is None else FORMS[columns]
    values = parameters(query, office_of(session), now)
    ask = _Asking(session, query, values, metric)
    if ask.with_persons or form.is_multiple or other.is_multiple:
        cells = ask.counted(form, other)
        by_row = cells if columns is None else ask.counted(form, UNCUT)
        by_column = ask.counted(UNCUT, other) if columns else {}
        whole = (cells if columns is None and query.cut is None else ask.counted(UNCUT, UNCUT)).get(("", ""), Counts())
    else:
        found = from_facts(session, query, columns, metric, now)
        cells = ask.counted(form, other) if found is None else {place: Counts(**row) for place, row in found.items()}
        by_row, by_column = _added(cells, lambda row, _: (row, "")), _added(cells, lambda _, column: ("", column)) if columns else {}
        whole = _added(cells, lambda _, __: ("", "")).get(("", ""), Counts())
    row_totals = {key: counts for (key, _), counts in by_row.items()}
    column_totals = {key: counts for (_, key), counts in by_column.items()}
    rows = _lines(session, query.cut, form, sorted(row_totals), values)
    heads = _lines(session, columns, other, sorted(column_totals), values) if columns else ()
    cut_off = len(rows) > MOST_KEYS or len(heads) > MOST_KEYS
    notes = tuple(note for cut in (form, other) if (note := cut.note_on(metric)) is not None)
    return Crossed(rows[:MOST_KEYS], heads[:MOST_KEYS], cells, row_totals, column_totals, whole, cut_off, notes)


def _added(cells: dict[tuple[str, str], Counts], place: Callable[[str, str], tuple[str, str]]) -> dict[tuple[str, str], Counts]:
    """The cells' counts (none of persons) added up by another place."""
    sums: dict[tuple[str, str], Counts] = {}
    for at, counts in cells.items():
        before = sums.get(place(*at), Counts())
        sums[place(*at)] = Counts(**{name: getattr(before, name) + getattr(counts, name) for name in SUMMED})
    return sums


class _Asking:
    """One question asked for several pairs of cuts."""

    def __init__(self, session: Session, query: HeadlineQuery, values: dict[str, Any], metric: Metric) -> None:
        self.session, self.values = session, values
        self.filters = filters_of(query)
        self.with_persons, self.with_due = needs(metric)

    def counted(self, form: CutForm, other: CutForm) -> dict[tuple[str, str], Counts]:
        """Counts by (row key, column key) in plain text."""
        key, join = form.attempts_by("m1")
        second, other_join = other.attempts_by("m2")
        statement = _ATTEMPTS.format(
            key=key,
            join=join,
            other=second,
            other_join=other_join,
            handed_over=HANDED_OVER,
            filters=self.filters,
            hits=_HITS,
            persons=_PERSONS if self.with_persons else "",
        )
        found = self._rows(statement, form, other)
        if self.with_due:
            key, join = form.due_by("m1")
            second, other_join = other.due_by("m2")
            due = _DUE.format(key=key, join=join, other=second, other_join=other_join, paid_in_time=PAID_IN_TIME, filters=self.filters)
            for place, row in self._rows(due, form, other).items():
                found[place] = found.get(place, {}) | row
        return {place: Counts(**row) for place, row in found.items()}

    def _rows(self, statement: str, form: CutForm, other: CutForm) -> dict[tuple[str, str], dict[str, int]]:
        shown, head = (each.shown.replace("key", name) for each, name in ((form, "r"), (other, "c")))
        named = f"SELECT {shown} AS row_key, {head} AS column_key, g.* FROM ({statement}) g"
        found = self.session.execute(text(named), self.values).mappings()
        return {(row["row_key"], row["column_key"]): {k: int(v) for k, v in row.items() if k not in _KEYS} for row in found}


_KEYS = frozenset({"row_key", "column_key", "r", "c"})


def _lines(session: Session, cut: Cut | None, form: CutForm, keys: Sequence[str], values: dict[str, Any]) -> tuple[Line, ...]:
    names: dict[str, str] = {}
    if cut is Cut.OPERATOR:
        known = text("SELECT sign_in_name, display_name FROM app_user WHERE office_id = :office AND sign_in_name = ANY(:keys)")
        names = {row[0]: row[1] for row in session.execute(known, values | {"keys": list(keys)})}
    elif cut is Cut.CAMPAIGN:
        known = text("SELECT id::text, name FROM campaign WHERE office_id = :office AND id::text = ANY(:keys)")
        names = {row[0]: row[1] for row in session.execute(known, values | {"keys": list(keys)})}
    return tuple(Line(key, label(cut, key, names.get(key, ""))) for key in keys)
