"""Any two cuts crossed: the counts of every cell, row and column.

What facts sum up is taken from them; all else is counted from the columns of the days' calls. Promises that fell due are few and are
counted by SQL, anew for rows and columns where one may stand in several.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.promises.settle import PAID_IN_TIME
from reports.cut_forms import FORMS, NAMES_OF, UNCUT, label
from reports.cuts import Cut, CutForm
from reports.figures import ratio
from reports.metrics import Metric
from reports.queries.columns import Counted, Table, count
from reports.queries.crossed_facts import from_facts
from reports.queries.raw import TAKEN_BY, HeadlineQuery, filters_of, parameters
from reports.queries.sides import side_of
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


NAMES = frozenset(each.name for each in fields(Counts))
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
    found = _table(session, query, columns, metric, now, values)
    cells, by_row, by_column = ({place: _counts(row) for place, row in part.items()} for part in (found.cells, found.rows, found.columns))
    row_totals = {key: counts for (key, _), counts in by_row.items()}
    column_totals = {key: counts for (_, key), counts in by_column.items()} if columns else {}
    rows = lines_of(session, query.cut, sorted(row_totals))
    heads = lines_of(session, columns, sorted(column_totals)) if columns else ()
    cut_off = len(rows) > MOST_KEYS or len(heads) > MOST_KEYS
    notes = tuple(note for cut in (form, other) if (note := cut.note_on(metric)) is not None)
    return Crossed(rows[:MOST_KEYS], heads[:MOST_KEYS], cells, row_totals, column_totals, _counts(found.whole), cut_off, notes)


def _counts(row: dict[str, int]) -> Counts:
    known = {name: value for name, value in row.items() if name in NAMES}
    return Counts(**known | {"live_answers": row.get("answered", 0) + row.get("abandoned", 0)})


def _table(session: Session, query: HeadlineQuery, columns: Cut | None, metric: Metric, now: datetime, values: dict[str, Any]) -> Table:
    """All counts from the quickest source that has them."""
    with_persons, with_due = needs(metric)
    if (summed := from_facts(session, query, columns, metric, now)) is not None:
        return _added_up(summed)
    sides = side_of(session, query.cut, values), side_of(session, columns, values)
    found = count(session, query, sides, has_persons=with_persons)
    if with_due:
        _add_due(session, query, columns, values, found)
    return found


def _added_up(cells: Counted) -> Table:
    """The table of cells that hold no persons."""
    found = Table(cells, {}, {}, Counter())
    for (row, column), counts in cells.items():
        for part, place in ((found.rows, (row, "")), (found.columns, ("", column))):
            part.setdefault(place, Counter()).update(counts)
        found.whole.update(counts)
    return found


def _add_due(session: Session, query: HeadlineQuery, columns: Cut | None, values: dict[str, Any], found: Table) -> None:
    """Puts the promises that fell due into the table."""
    form, other = query.form, UNCUT if columns is None else FORMS[columns]
    filters = filters_of(query, TAKEN_BY)
    cells = _due(session, form, other, filters, values)
    if form.is_multiple or other.is_multiple:
        whole = _due(session, UNCUT, UNCUT, filters, values).get(("", ""), {})
        due = Table(cells, _due(session, form, UNCUT, filters, values), _due(session, UNCUT, other, filters, values), whole)
    else:
        due = _added_up(cells)
    for part, more in ((found.cells, due.cells), (found.rows, due.rows), (found.columns, due.columns)):
        for place, counts in more.items():
            part.setdefault(place, {}).update(counts)
    found.whole.update(due.whole)


def _due(session: Session, form: CutForm, other: CutForm, filters: str, values: dict[str, Any]) -> Counted:
    """Promises due and kept by (row key, column key) in plain text."""
    key, join = form.due_by("m1")
    second, other_join = other.due_by("m2")
    due = _DUE.format(key=key, join=join, other=second, other_join=other_join, paid_in_time=PAID_IN_TIME, filters=filters)
    shown, head = (each.shown.replace("key", name) for each, name in ((form, "r"), (other, "c")))
    named = f"SELECT {shown} AS row_key, {head} AS column_key, g.* FROM ({due}) g"
    found = session.execute(text(named), values).mappings()
    return {(row["row_key"], row["column_key"]): {k: int(v) for k, v in row.items() if k not in _KEYS} for row in found}


_KEYS = frozenset({"row_key", "column_key", "r", "c"})

_NAMES: dict[Cut | None, str] = {
    Cut.OPERATOR: "SELECT sign_in_name, display_name FROM app_user WHERE office_id = :office AND sign_in_name = ANY(:keys)",
    Cut.CAMPAIGN: "SELECT id::text, name FROM campaign WHERE office_id = :office AND id::text = ANY(:keys)",
    **NAMES_OF,
}


def lines_of(session: Session, cut: Cut | None, keys: Sequence[str]) -> tuple[Line, ...]:
    """The keys with what people read for them."""
    values = {"office": office_of(session), "keys": list(keys)}
    names = {row[0]: row[1] or "" for row in session.execute(text(_NAMES[cut]), values)} if cut in _NAMES else {}
    return tuple(Line(key, label(cut, key, names.get(key, ""))) for key in keys)
