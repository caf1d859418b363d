"""The calls behind a figure: those of one cell, newest first, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from reports.cut_forms import FORMS, UNCUT
from reports.cuts import Cut
from reports.metrics import Metric
from reports.queries.raw import HANDED_OVER, HITS, HeadlineQuery, filters_of, parameters

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


_BEHIND = """
SELECT a.id, a.began_at, a.debtor_id, d.debtor_no, a.channel, coalesce(u.display_name, '') AS operator,
  coalesce(a.line_result, '') AS line_result,
  coalesce(a.party, '') AS party, coalesce(a.outcome, '') AS outcome, a.talk_seconds
FROM attempt a JOIN debtor d ON d.office_id = a.office_id AND d.id = a.debtor_id
LEFT JOIN app_user u ON u.office_id = a.office_id AND u.id = a.operator_id
{join} {other_join}
WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND {handed_over} {filters} {wanted}
  AND (CAST(:before AS timestamptz) IS NULL OR (a.began_at, a.id) < (CAST(:before AS timestamptz), CAST(:before_id AS bigint)))
ORDER BY a.began_at DESC, a.id DESC LIMIT :most"""


def calls_behind(
    session: Session, query: HeadlineQuery, metric: Metric, cell: Cell, now: datetime, before: tuple[datetime, int] | None = None
) -> tuple[list[CallLine], bool]:
    """At most PAGE attempts of the cell that began before `before` (moment and id of the last one shown), and whether there are more."""
    form, other = query.form, UNCUT if cell.columns is None else FORMS[cell.columns]
    key, join = form.attempts_by("m1")
    second, other_join = other.attempts_by("m2")
    wanted = []
    if cell.row is not None and query.cut is not None:
        wanted.append(f"AND {_shown(form.shown, key)} = :row_key")
    if cell.column is not None and cell.columns is not None:
        wanted.append(f"AND {_shown(other.shown, second)} = :column_key")
    counted = (metric.over if cell.only_hits else metric.under) or metric.code
    if condition := HITS.get(MADE_OF.get(counted, counted)):
        wanted.append(f"AND {condition}")
    statement = _BEHIND.format(
        join=join if cell.row is not None else "",
        other_join=other_join if cell.column is not None else "",
        handed_over=HANDED_OVER,
        filters=filters_of(query),
        wanted=" ".join(wanted),
    )
    values = parameters(query, office_of(session), now) | {
        "row_key": cell.row,
        "column_key": cell.column,
        "before": before[0] if before else None,
        "before_id": before[1] if before else None,
        "most": PAGE + 1,
    }
    found = [CallLine(**row) for row in session.execute(text(statement), values).mappings()]
    return found[:PAGE], len(found) > PAGE


def _shown(shown: str, key: str) -> str:
    """The text of a key as it stands in the address."""
    return shown.replace("key", f"({key})")
